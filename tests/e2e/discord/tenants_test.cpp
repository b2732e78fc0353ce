// Several bots in one usher: nothing crosses from one to another, and one that Discord turns away takes none along.
#include <doctest/doctest.h>

#include "e2e/discord/discord_world.h"

namespace usher::e2e {
namespace {

constexpr const char* acme_roles = R"(
[tenants.acme.rbac]
default_role = "guest"

[tenants.acme.rbac.roles.guest]
autonomy = "readonly"
allowed_tools = ["knowledge_search"]
rag_access = ["public"]
workspace = "lobby"

[tenants.acme.rbac.workspaces.lobby]
path = "lobby"
)";

DiscordSimulatorOptions acme_options() {
  DiscordSimulatorOptions options = DiscordWorld::quick();
  options.token = "MTAwMDAwMDAwMDAwMDAwMDAwOQ.Gacme.usher-simulator-token-of-acme";
  options.bot = "1000000000000000009";
  return options;
}

// Two Discord bots of two tenants, and the Telegram bot of the first.
struct ThreeBots {
  DiscordWorld world;
  DiscordSimulator acme;

  explicit ThreeBots(const DiscordSimulatorOptions& first = DiscordWorld::quick())
      : world({}, first), acme(world.thread.executor(), acme_options()) {
    world.write_file("workspaces/lobby/AGENTS.md", "You greet the guests of ACME.\n");
    std::string telegram = world.common_config();
    telegram.replace(telegram.find("name = \"main\""), 13, "name = \"telegram\"");
    world.environment["ACME_TOKEN"] = acme.options().token;
    world.configure(telegram + DiscordWorld::bot(world.discord) +
                    DiscordWorld::bot(acme, "name = \"acme\"\ntenant = \"acme\"\ntoken = \"${ACME_TOKEN}\"") +
                    DiscordWorld::roles() + acme_roles);
    world.run();
    world.wait_until([&] { return acme.connections().size() == 1 && !acme.connections()[0].session.empty(); },
                     "the second bot is connected");
  }
  DiscordMessage ask_acme(const std::string& user, const std::string& words) {
    const std::size_t before = acme.sent().size();
    acme.guild_message(user, "<@" + acme.options().bot + "> " + words);
    world.wait_until([&] { return acme.sent().size() > before && contains(acme.sent().back().content, words); },
                     "an answer of the second bot");
    return acme.sent().back();
  }
  void wait_for_log(const std::string& words) {
    world.wait_until([&] { return contains(world.gateway().errors(), words); }, "the log says " + words);
  }
  // All but the first bot still answer.
  void check_others_live() {
    ask_acme(amy, "are you there?");
    CHECK(contains(world.ask(ann, "and you?"), "and you?"));
  }
};

TEST_CASE("one person at two bots is two senders: other role, other prompt, other history") {
  ThreeBots bots;
  bots.world.ask(amy, "the safe opens with 4711");
  bots.ask_acme(amy, "how does the safe open?");
  const std::vector<json::object> requests = bots.world.model.requests();
  REQUIRE(requests.size() == 2);
  CHECK(contains(system_text(requests[0]), "SHOP"));
  CHECK(contains(system_text(requests[1]), "ACME"));
  CHECK_FALSE(contains(json::serialize(requests[1]), "4711"));
  CHECK(offered_tools(requests[1]) == std::vector<std::string>{"knowledge_search"});
  CHECK(bots.world.discord.sent().size() == 1);
  CHECK(bots.acme.sent().size() == 1);
}

TEST_CASE("a fatal close code stops that bot alone; the log says what to do, and usher is not ready") {
  struct Fatal {
    std::uint16_t code;
    const char* advice;
  };
  for (const Fatal& fatal : {Fatal{4004, "Reset Token"}, Fatal{4010, "shards"}, Fatal{4011, "shards"},
                             Fatal{4012, "update"}, Fatal{4013, "intents"}, Fatal{4014, "developer portal"}}) {
    CAPTURE(fatal.code);
    ThreeBots bots;
    CHECK(bots.world.get("/readyz").status == 200);
    bots.world.discord.close_connections(fatal.code);
    bots.world.wait_until([&] { return bots.world.get("/readyz").status == 503; }, "usher is not ready");
    bots.wait_for_log(std::to_string(fatal.code));
    CHECK(contains(bots.world.gateway().errors(), fatal.advice));
    bots.check_others_live();
    CHECK(bots.world.discord.connections().size() == 1);  // it does not knock again
    CHECK(bots.world.stop() == 0);
  }
}

TEST_CASE("intents that the portal refuses are said at the login") {
  DiscordSimulatorOptions options = DiscordWorld::quick();
  options.refused_intents = 1 << 15;
  DiscordWorld world({}, options);
  world.configure(world.base_config() + DiscordWorld::bot(world.discord) + DiscordWorld::roles());
  world.run_until([&] { return world.discord.identifies() == 1; }, "usher tries");
  world.wait_until([&] { return contains(world.gateway().errors(), "4014"); }, "it says what is wrong");
  CHECK(contains(world.gateway().errors(), "MESSAGE CONTENT INTENT"));
  world.wait_until([&] { return world.get("/readyz").status == 503; }, "usher is not ready");
  CHECK(world.discord.identifies() == 1);
}

TEST_CASE("a wrong token is said in words, stays out of the log, and keeps no other bot from its work") {
  ThreeBots bots;
  CHECK(bots.world.stop() == 0);
  const std::string wrong = "MTAwMDAwMDAwMDAwMDAwMDAwMQ.Gwrong.this-is-not-the-token-of-this-bot";
  bots.world.environment["DISCORD_TOKEN"] = wrong;
  bots.world.run();
  bots.world.wait_until([&] { return bots.world.get("/readyz").status == 503; }, "usher is not ready");
  bots.world.wait_until([&] { return bots.acme.connections().size() == 2; }, "the second bot is connected");
  bots.check_others_live();
  bots.wait_for_log("token");
  CHECK_FALSE(contains(bots.world.gateway().errors(), wrong));
  CHECK(bots.world.discord.refused_calls() < 10);
}

}  // namespace
}  // namespace usher::e2e
