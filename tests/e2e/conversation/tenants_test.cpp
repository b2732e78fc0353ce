// Several bots, each with its tenant: nothing crosses from one to another.
#include <doctest/doctest.h>

#include <filesystem>

#include "e2e/world.h"

namespace usher::e2e {
namespace {

namespace fs = std::filesystem;

const char* const acme_ann_digest = "8e6b60e8f90c5d8d5dadace1165494c089322071c01588b5816047d1ad54d328";

std::string second_bot(const TelegramSimulator& bot, const std::string& tenant) {
  return "\n[[channels.telegram]]\nname = \"second\"\ntenant = \"" + tenant + "\"\ntoken = \"" + bot.token() +
         "\"\napi_root = \"" + bot.api_root() + "\"\n";
}

const char* const acme_roles = R"(
[tenants.acme.rbac]
default_role = "guest"

[tenants.acme.rbac.roles.guest]
autonomy = "readonly"
allowed_tools = ["knowledge_search"]
rag_access = ["public"]
workspace = "lobby"
rate_limit_per_minute = 1

[tenants.acme.rbac.workspaces.lobby]
path = "lobby"
)";

struct TwoBots {
  World world;
  TelegramSimulator acme{world.thread.executor(), TelegramOptions{.token = "777:BBacmeacmeacmeacmeacmeacmeacmeacmeac"}};

  TwoBots() {
    world.write_file("workspaces/lobby/AGENTS.md", "You greet the guests of ACME.\n");
    world.configure(world.common_config() + second_bot(acme, "acme") + World::shop_roles() + acme_roles);
    world.run();
  }

  std::string ask_acme(std::int64_t person, const std::string& text) {
    std::size_t before = acme.sent().size();
    acme.private_message(person, text);
    world.wait_until([&] { return acme.sent().size() > before; }, "an answer of the second bot");
    return acme.sent().back().text;
  }
};

TEST_CASE("one person at two bots is two senders: other role, other memory, other history") {
  TwoBots bots;
  bots.world.ask(owner_id, "the safe opens with 4711");
  bots.ask_acme(owner_id, "how does the safe open?");
  std::vector<json::object> requests = bots.world.model.requests();
  REQUIRE(requests.size() == 2);
  CHECK(contains(system_text(requests[0]), "OWNER"));
  CHECK(contains(system_text(requests[1]), "ACME"));
  CHECK_FALSE(contains(json::serialize(requests[1]), "4711"));
  CHECK(offered_tools(requests[1]) == std::vector<std::string>{"knowledge_search"});
}

TEST_CASE("each tenant's files lie below its own folder") {
  TwoBots bots;
  bots.world.ask(ann, "hello");
  bots.ask_acme(ann, "hello");
  fs::path data = bots.world.dir / "data";
  CHECK(fs::is_regular_file(data / "default/memory/shared" / (std::string(ann_digest) + ".db")));
  CHECK(fs::is_regular_file(data / "acme/memory/lobby" / (std::string(acme_ann_digest) + ".db")));
}

TEST_CASE("one tenant's limits do not bind the other") {
  TwoBots bots;
  CHECK(contains(bots.ask_acme(ann, "one"), "echo:"));
  CHECK_FALSE(contains(bots.ask_acme(ann, "two"), "echo:"));
  CHECK(contains(bots.world.ask(ann, "three"), "echo:"));
  CHECK(contains(bots.world.ask(ann, "four"), "echo:"));
}

TEST_CASE("both bots may use the same update ids") {
  TwoBots bots;  // both simulators begin with the same id
  CHECK(contains(bots.world.ask(ann, "first"), "echo:"));
  CHECK(contains(bots.ask_acme(bob, "second"), "echo:"));
}

TEST_CASE("an answer goes out through the bot that was asked") {
  TwoBots bots;
  bots.ask_acme(bob, "hello");
  CHECK(bots.world.telegram.sent().empty());
}

TEST_CASE("a bot whose tenant has no [rbac] keeps the gateway from starting") {
  World world;
  TelegramSimulator other(world.thread.executor(),
                          TelegramOptions{.token = "777:BBacmeacmeacmeacmeacmeacmeacmeacmeac"});
  world.configure(world.common_config() + second_bot(other, "nobody") + World::shop_roles());
  ProcessResult result = world.command({"run"});
  CHECK(result.status == 3);
  CHECK(contains(result.errors, "nobody"));
  CHECK(world.telegram.count("getupdates") == 0);
}

}  // namespace
}  // namespace usher::e2e
