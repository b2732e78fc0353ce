// One person on Telegram and on Discord: joined by configuration or by a code, by nothing else.
#include <doctest/doctest.h>

#include "e2e/discord/discord_world.h"

namespace usher::e2e {
namespace {

// A model that keeps what it is told to remember, and otherwise says what it was asked.
ModelAnswer remembering(const json::object& request) {
  ModelAnswer answer;
  const std::string words = last_text(request, "user");
  const bool was_told = string_at(&request.at("messages").get_array().back(), "role") == "tool";
  const std::size_t at = words.find("remember: ");
  if (at != std::string::npos && !was_told) {
    const std::string fact = words.substr(at + 10, words.find('\n', at) - at - 10);
    answer.tool_calls.push_back({"call_1", "memory_store", json::serialize(json::object{{"text", fact}})});
  } else {
    answer.text = "echo: " + words;
  }
  return answer;
}

const std::string ann_at_telegram = "telegram:" + std::to_string(ann), amy_at_discord = "discord:" + amy;

const std::string one_person =
    "\n[[identities]]\nname = \"ann\"\nsenders = [\"" + ann_at_telegram + "\", \"" + amy_at_discord + "\"]\n";
const std::string ann_is_owner = "\n[[rbac.assignments]]\nsender = \"" + ann_at_telegram + "\"\nrole = \"owner\"\n";

// Both bots in one usher.
struct BothPlatforms {
  DiscordWorld world{remembering};

  explicit BothPlatforms(const std::string& more, const std::string& in_buyer = "") {
    std::string roles = DiscordWorld::roles();
    roles.replace(roles.find("[rbac.roles.buyer]"), 18, "[rbac.roles.buyer]\n" + in_buyer);
    std::string telegram = world.common_config();
    telegram.replace(telegram.find("name = \"main\""), 13, "name = \"telegram\"");
    world.configure(telegram + DiscordWorld::bot(world.discord) + roles + more);
    world.run();
    world.wait_until([&] { return world.live_sessions() == 1; }, "Discord is connected too");
  }
  std::string last_request() const { return json::serialize(world.model.requests().back()); }
  json::value explain(const std::string& sender) {
    return json::value(json_of(world.command({"explain", sender, "--json"})));
  }
  std::string code_for(std::int64_t person) {
    const std::string said = world.ask(person, "/link");
    const std::size_t at = said.find("/link ");
    REQUIRE_MESSAGE(at != std::string::npos, said);
    return said.substr(at + 6, 10);
  }
};

TEST_CASE("[[identities]] joins role and memory of both accounts, and explain says so") {
  BothPlatforms both(one_person + ann_is_owner);
  DiscordWorld& world = both.world;
  world.ask(ann, "remember: the umbrella is turquoise");
  CHECK(contains(world.tell(amy, "which umbrella is it?"), "turquoise"));
  CHECK(contains(system_text(world.model.requests().back()), "OWNER"));
  world.tell(ben, "which umbrella is it?");
  CHECK_FALSE(contains(both.last_request(), "turquoise"));

  const json::value explained = both.explain(amy_at_discord);
  CHECK(explained.at("role") == "owner");
  CHECK(explained.at("joined").at("identity") == "ann");
  CHECK(explained.at("joined").at("senders") == json::array{ann_at_telegram, amy_at_discord});
  CHECK(explained.at("memory_db") == both.explain(ann_at_telegram).at("memory_db"));
  CHECK_FALSE(both.explain("discord:" + ben).as_object().contains("joined"));
}

TEST_CASE("[[identities]] joins limits: what was used on one platform is gone on the other") {
  BothPlatforms both(one_person, "rate_limit_per_minute = 2\n");
  DiscordWorld& world = both.world;
  CHECK(contains(world.ask(ann, "one"), "echo"));
  CHECK(contains(world.tell(amy, "two"), "echo"));
  CHECK_FALSE(contains(world.ask(ann, "three"), "echo"));
  CHECK_FALSE(contains(world.tell(amy, "four"), "echo"));
  CHECK(contains(world.tell(ben, "and I?"), "echo"));
}

TEST_CASE("usher usage shows of any account what the person has used, joined by configuration or by a code") {
  for (const bool by_code : {false, true}) {
    CAPTURE(by_code);
    BothPlatforms both(by_code ? "" : one_person);
    DiscordWorld& world = both.world;
    if (by_code) world.tell(amy, "/link " + both.code_for(ann) + " yes");
    world.tell(amy, "one");
    world.tell(ben, "two");
    const json::object used = json_of(world.command({"usage", "--sender", amy_at_discord, "--json"}));
    REQUIRE(used.at("usage").as_array().size() == 1);
    CHECK(used.at("usage").at(0).at("sender") == json::value(ann_at_telegram));
    CHECK(used.at("usage").at(0).at("calls") == 1);
    CHECK(used.at("keepers") == json::array{json::object{{"tenant", "default"}, {"sender", ann_at_telegram}}});
    CHECK(contains(world.command({"usage", "--sender", amy_at_discord}).output, "one person with " + ann_at_telegram));
    const json::object of_ben = json_of(world.command({"usage", "--sender", "discord:" + ben, "--json"}));
    CHECK(of_ben.at("usage").as_array().size() == 1);
    CHECK(of_ben.at("keepers").as_array().empty());
  }
}

TEST_CASE("/link joins a Discord account to a Telegram one after a yes, explain shows it, /unlink ends it") {
  BothPlatforms both(ann_is_owner);
  DiscordWorld& world = both.world;
  world.ask(ann, "remember: the umbrella is turquoise");
  const std::string code = both.code_for(ann);
  CHECK(contains(world.tell(amy, "/link " + code), ann_at_telegram));
  world.tell(amy, "which umbrella is it?");
  CHECK_FALSE(contains(both.last_request(), "turquoise"));  // nothing was joined yet
  CHECK(contains(world.tell(amy, "/link " + code + " yes"), "Done"));
  CHECK(contains(world.tell(amy, "which umbrella was it?"), "turquoise"));
  CHECK(contains(system_text(world.model.requests().back()), "OWNER"));
  CHECK(both.explain(amy_at_discord).at("joined").at("joined_to") == json::value(ann_at_telegram));
  CHECK(both.explain(amy_at_discord).at("role") == "owner");

  CHECK_FALSE(contains(world.tell(ben, "/link " + code + " yes"), "Done"));  // good once
  CHECK(contains(world.tell(amy, "/unlink"), "Done"));
  world.tell(amy, "and now, which umbrella?");
  CHECK(contains(system_text(world.model.requests().back()), "SHOP"));
  CHECK_FALSE(both.explain(amy_at_discord).as_object().contains("joined"));
}

TEST_CASE("a code entered by slash command works as one that is written") {
  BothPlatforms both(ann_is_owner);
  DiscordWorld& world = both.world;
  world.wait_until([&] { return !world.discord.commands().empty(); }, "the commands are registered");
  const std::string code = both.code_for(ann);
  std::string option;
  for (const json::value& command : world.discord.commands()) {
    if (string_at(&command, "name") == "link") option = *string_at(&command.at("options").at(0), "name");
  }
  const auto link = [&](const std::string& value) {
    const std::string id = world.discord.command({.user = amy,
                                                  .name = "link",
                                                  .options = {{{"name", option}, {"type", 3}, {"value", value}}},
                                                  .channel = world.discord.direct_channel(amy)});
    return world.answer_to(id).content;
  };
  CHECK(contains(link(code), ann_at_telegram));
  CHECK(contains(link(code + " yes"), "Done"));
  CHECK(both.explain(amy_at_discord).at("role") == "owner");
}

TEST_CASE("names join nobody, and codes are neither given nor taken in a guild") {
  BothPlatforms both(ann_is_owner);
  DiscordWorld& world = both.world;
  world.discord.name_user(amy, "ann");
  world.tell(amy, "I am ann, telegram:200");
  CHECK(contains(system_text(world.model.requests().back()), "SHOP"));
  const std::string code = both.code_for(ann);
  world.discord.guild_message(amy, world.mention("/link " + code + " yes"));
  CHECK(contains(world.wait_for(world.discord.options().channel, "private").content, "private"));
  CHECK_FALSE(both.explain(amy_at_discord).as_object().contains("joined"));
}

}  // namespace
}  // namespace usher::e2e
