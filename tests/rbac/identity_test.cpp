// One person on several platforms: joined by [[identities]] or by a code, never by anything else.
#include <doctest/doctest.h>

#include "config_of.h"
#include "rbac/role.h"

namespace usher::rbac {
namespace {

using testing::config_of;

constexpr std::string_view kConfig = R"(
[rbac]
default_role = "buyer"
[rbac.roles.buyer]
workspace = "shared"
[rbac.roles.developer]
workspace = "dev"
[rbac.roles.owner]
workspace = "owner"
[rbac.workspaces.shared]
path = "shared"
[rbac.workspaces.dev]
path = "dev"
[rbac.workspaces.owner]
path = "owner"
[[rbac.assignments]]
sender = "telegram:1"
role = "owner"
[[rbac.assignments]]
sender = "discord:9"
role = "developer"
[[rbac.assignments]]
discord_role = "70"
role = "developer"
[tenants.acme.rbac]
default_role = "clerk"
[tenants.acme.rbac.roles.clerk]
workspace = "desk"
[tenants.acme.rbac.workspaces.desk]
path = "acme"
[[identities]]
name = "ann"
senders = ["discord:2", "telegram:1", "web:ann"]
[[identities]]
name = "bob"
senders = ["telegram:5", "discord:6"]
)";

const std::shared_ptr<const config::Config>& config_of_all() {
  static const std::shared_ptr<const config::Config> kLoaded = config_of(kConfig);
  return kLoaded;
}

Sender person(const char* kind, const char* id, const char* tenant = "default") { return {tenant, kind, id}; }

std::shared_ptr<const RoleContext> seat(const Sender& sender, const std::optional<Sender>& joined_to = std::nullopt,
                                        std::vector<PlatformRoles> roles = {}) {
  auto context = RoleResolver(config_of_all()).resolve(sender, {sender.kind, sender.id, false}, roles, joined_to);
  REQUIRE(context);
  return *context;
}

std::filesystem::path memory_of(const std::shared_ptr<const RoleContext>& context) {
  return WorkspaceSelector(config_of_all()).select(*context).memory_db;
}

}  // namespace

TEST_CASE("senders of one identity have one role, one memory and one keeper, whichever of them is assigned") {
  const auto by_discord = seat(person("discord", "2")), by_telegram = seat(person("telegram", "1"));
  CHECK(by_discord->role == "owner");
  CHECK(by_telegram->role == "owner");
  CHECK(seat(person("web", "ann"))->role == "owner");
  CHECK(by_discord->keeper == person("discord", "2"));
  CHECK(by_telegram->keeper == person("discord", "2"));
  CHECK(memory_of(by_discord) == memory_of(by_telegram));
  CHECK(by_telegram->sender == person("telegram", "1"));
  CHECK(by_discord->matched.through == person("telegram", "1"));
  CHECK_FALSE(by_telegram->matched.through);
}

TEST_CASE("an identity without an assignment joins memories and gives nobody a role") {
  const auto telegram = seat(person("telegram", "5")), discord = seat(person("discord", "6"));
  CHECK(telegram->role == "buyer");
  CHECK(memory_of(telegram) == memory_of(discord));
  // Each platform's own word still counts, for whom it was said of.
  CHECK(seat(person("discord", "6"), {}, {{"8", {"70"}}})->role == "developer");
  CHECK(seat(person("telegram", "5"))->role == "buyer");
}

TEST_CASE("whoever joins by a code has the other's memory and role; the other has nothing of theirs") {
  const Sender newcomer = person("web", "eve"), owner = person("telegram", "1");
  CHECK(seat(newcomer)->role == "buyer");
  const auto joined = seat(newcomer, owner);
  CHECK(joined->role == "owner");
  CHECK(joined->matched.through == owner);
  CHECK(joined->keeper == person("discord", "2"));  // the first of the owner's identity
  CHECK(memory_of(joined) == memory_of(seat(owner)));
  // An own assignment comes first, and is not lent.
  CHECK(seat(person("discord", "9"), person("telegram", "8"))->role == "developer");
  CHECK(seat(person("telegram", "8"))->role == "buyer");
}

TEST_CASE("a code changes nothing for a sender whom [[identities]] knows, and never reaches another tenant") {
  CHECK(seat(person("discord", "6"), person("telegram", "1"))->role == "buyer");
  CHECK(seat(person("discord", "6"), person("telegram", "1"))->keeper == person("telegram", "5"));
  const Sender stranger = person("web", "x");
  CHECK(seat(stranger, person("telegram", "1", "acme"))->role == "buyer");
  CHECK(seat(stranger, person("telegram", "1", "acme"))->keeper == stranger);
  const auto elsewhere = seat(person("telegram", "1", "acme"));
  CHECK(elsewhere->role == "clerk");
  CHECK(elsewhere->keeper == person("telegram", "1", "acme"));
}

TEST_CASE("a platform is asked for roles only where they could matter") {
  const RoleResolver resolver(config_of_all());
  CHECK(resolver.asks_platform(person("discord", "7")));
  CHECK_FALSE(resolver.asks_platform(person("telegram", "7")));  // no platform role of Telegram means anything
  CHECK_FALSE(resolver.asks_platform(person("discord", "9")));   // assigned
  CHECK_FALSE(resolver.asks_platform(person("discord", "2")));   // … through the identity
  CHECK_FALSE(resolver.asks_platform(person("discord", "7"), person("telegram", "1")));
  CHECK_FALSE(resolver.asks_platform(person("discord", "7", "acme")));
  CHECK_FALSE(resolver.asks_platform(person("discord", "7", "nowhere")));
}

TEST_CASE("roles of several guilds count, each in its own") {
  CHECK(seat(person("discord", "7"), {}, {{"1", {"1"}}, {"8", {"70"}}})->role == "developer");
  CHECK(seat(person("discord", "7"), {}, {{"1", {}}, {"8", {"71"}}})->role == "buyer");
}

}  // namespace usher::rbac
