#include "e2e/crash/stage.h"

#include <fmt/format.h>

namespace usher::e2e::crash {

Stage::Stage(std::string kind) : recorder(std::move(kind)) {
  for (const Person& person : kPeople) {
    if (!person.may_do_everything && person.bot == "main")
      recorder.limit(recorder.sender_of(person), kBuyerCallsAMinute);
  }
}

std::string config_around(const World& world, const std::string& bots, const std::string& kind) {
  std::string base = world.base_config();
  base.replace(base.find("\"debug\""), 7, "\"warn\"\nshutdown_grace_s = 5");
  std::string roles = World::shop_roles();
  roles.replace(roles.find("telegram:"), 9, kind + ":");
  std::string acme = roles;
  for (std::size_t at = 0; (at = acme.find("[rbac", at)) != std::string::npos; at += 18) {
    acme.replace(at, 5, "[tenants.acme.rbac");
  }
  roles.replace(roles.find("[rbac.roles.buyer]"), 18,
                fmt::format("[rbac.roles.buyer]\nrate_limit_per_minute = {}\n", kBuyerCallsAMinute));
  for (int owner : {101, 103}) {
    roles += fmt::format("\n[[rbac.assignments]]\nsender = \"{}:{}\"\nrole = \"owner\"\n", kind, owner);
  }
  return base + bots + "\n[agent]\nhistory_messages = 8\n\n[audit]\ncheckpoint_rows = 50\n" + roles + acme;
}

}  // namespace usher::e2e::crash
