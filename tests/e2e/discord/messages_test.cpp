// Who is answered, where, and who hears of it.
#include <doctest/doctest.h>

#include "e2e/discord/discord_world.h"

namespace usher::e2e {
namespace {

ModelSimulator::Script says(const std::string& text) {
  return [text](const json::object&) {
    ModelAnswer answer;
    answer.text = text;
    return answer;
  };
}

// Whether some request to the model holds these words.
bool reached_model(const World& world, const std::string& words) {
  for (const json::object& request : world.model.requests()) {
    if (contains(json::serialize(request), words)) return true;
  }
  return false;
}

TEST_CASE("a mention in a guild is answered by a reply to it that notifies nobody") {
  DiscordWorld world;
  world.serve();
  const std::string question = world.discord.guild_message(amy, world.mention("do you have umbrellas?"));
  const DiscordMessage answer = world.wait_for(world.discord.options().channel, "umbrellas");
  CHECK(answer.reply_to == question);
  CHECK(answer.pinged.empty());
  CHECK(answer.guild == world.discord.options().guild);
  REQUIRE(world.model.requests().size() == 1);
  CHECK_FALSE(contains(last_text(world.model.requests()[0], "user"), "<@"));
  CHECK(contains(system_text(world.model.requests()[0]), "SHOP"));
}

TEST_CASE("a guild's talk that is not for the bot is not read, a reply to the bot is") {
  DiscordWorld world;
  world.serve();
  world.discord.guild_message(amy, "nice weather, everybody");
  const DiscordMessage first = world.ask(amy, "do you have umbrellas?");
  world.discord.write({.user = amy, .content = "and kettles?", .reply_to = first.id});
  world.wait_for(world.discord.options().channel, "and kettles?");
  // Without the ping, too.
  world.discord.write({.user = amy, .content = "and lamps?", .reply_to = first.id, .reply_pings = false});
  world.wait_for(world.discord.options().channel, "and lamps?");
  CHECK_FALSE(reached_model(world, "nice weather"));
  CHECK(world.model.requests().size() == 3);
}

TEST_CASE("a direct message needs no mention") {
  DiscordWorld world;
  world.serve();
  const DiscordMessage answer = world.ask_directly(boss, "good morning");
  CHECK(answer.guild.empty());
  CHECK(answer.pinged.empty());
  CHECK(contains(system_text(world.model.requests().at(0)), "OWNER"));
}

TEST_CASE("threads and forum posts are conversations of their own, answered where they are") {
  DiscordWorld world;
  world.serve();
  const std::string thread = world.discord.add_thread(world.discord.options().channel);
  const std::string forum = world.discord.add_channel(world.discord.options().guild, 15);
  world.discord.write({.user = amy, .content = world.mention("my colour is turquoise"), .channel = thread});
  CHECK(world.wait_for(thread, "turquoise").channel == thread);
  const std::string post = world.discord.forum_post(amy, forum, world.mention("what is my colour?"));
  CHECK(world.wait_for(post, "what is my colour?").reply_to == post);
  CHECK_FALSE(contains(json::serialize(world.model.requests().back()), "turquoise"));
  world.discord.write({.user = amy, .content = world.mention("and now?"), .channel = thread});
  world.wait_for(thread, "and now?");
  CHECK(contains(json::serialize(world.model.requests().back()), "turquoise"));
}

TEST_CASE("nobody's words but a person's are answered: not the bot's own, another bot's, a webhook's or Discord's") {
  DiscordWorld world;
  world.serve("groups = \"all\"");
  DiscordSimulator& discord = world.discord;
  discord.write({.user = discord.options().bot, .content = world.mention("stray: my own"), .is_bot = true});
  discord.write({.user = ben, .content = world.mention("stray: a robot"), .is_bot = true});
  discord.write({.user = boss, .content = world.mention("stray: a webhook"), .webhook = "800000000000000001"});
  discord.write({.user = ben, .content = world.mention("stray: somebody joined"), .type = 7});
  world.ask(amy, "a real question");
  CHECK_FALSE(reached_model(world, "stray"));
  CHECK(world.model.requests().size() == 1);
  CHECK(discord.sent().size() == 2);  // what it is made to have said itself, and the answer
}

TEST_CASE("an edit never runs again, be it of a message that was answered or of one that was not meant") {
  DiscordWorld world;
  world.serve();
  const std::string asked = world.discord.guild_message(amy, world.mention("first words"));
  world.wait_for(world.discord.options().channel, "first words");
  const std::string ignored = world.discord.guild_message(amy, "just talking");
  world.discord.edit(asked, world.mention("stray: second words"));
  world.discord.edit(ignored, world.mention("stray: I meant you"));
  world.ask(amy, "something new");
  CHECK_FALSE(reached_model(world, "stray"));
  CHECK(world.model.requests().size() == 2);
}

TEST_CASE("mentions in an answer are plain words: when it is created, when it grows and when it is edited") {
  const std::string loud = "@everyone @here <@" + ben + "> <@&" + staff_role + "> come and see this. ";
  DiscordWorld world([&](const json::object&) {
    ModelAnswer answer;
    for (int i = 0; i < 4; ++i) answer.text += loud;
    answer.text += "the end";
    answer.piece_bytes = 40;
    answer.transport.chunk_delay = std::chrono::milliseconds(400);
    return answer;
  });
  world.serve();
  world.discord.guild_message(amy, world.mention("tell all"));
  const DiscordMessage answer = world.wait_for(world.discord.options().channel, "the end");
  CHECK_FALSE(answer.earlier.empty());
  CHECK(contains(answer.content, "@everyone"));
  CHECK(answer.pinged.empty());
  for (const std::string& route : {create_message, edit_message}) {
    CAPTURE(route);
    CHECK(world.discord.count(route) > 0);
    for (const json::object& request : world.discord.requests(route)) {
      const json::value holder(request);
      const json::array* parse = array_at(member(&holder, "allowed_mentions"), "parse");
      CHECK_MESSAGE((parse && parse->empty()), json::serialize(request));
    }
  }
}

TEST_CASE("people in one channel have histories of their own, and what is said directly is not told there") {
  DiscordWorld world;
  world.serve();
  world.ask_directly(amy, "my secret is turquoise");
  world.ask(amy, "my size is thirty-eight");
  world.ask(ben, "what is the size?");
  CHECK_FALSE(contains(json::serialize(world.model.requests().back()), "thirty-eight"));
  world.ask(amy, "what is my size?");
  const std::string last = json::serialize(world.model.requests().back());
  CHECK(contains(last, "thirty-eight"));
  CHECK_FALSE(contains(last, "turquoise"));
}

TEST_CASE("groups = off is silent in guilds but for commands, and answers directly") {
  DiscordWorld world;
  world.serve("groups = \"off\"");
  world.discord.guild_message(amy, world.mention("anybody?"));
  world.ask_directly(amy, "in private");
  CHECK(world.said_in(world.discord.options().channel).empty());
  CHECK(world.model.requests().size() == 1);
  CHECK(contains(world.answer_to(world.discord.command({.user = amy, .name = "whoami"})).content, amy));
}

TEST_CASE("a question that is gone when its answer comes is answered all the same") {
  DiscordWorld world([](const json::object& request) {
    ModelAnswer answer;
    answer.text = "echo: " + last_text(request, "user");
    answer.transport.delay = std::chrono::milliseconds(300);
    return answer;
  });
  world.serve();
  const std::string question = world.discord.guild_message(amy, world.mention("I regret this"));
  world.wait_until([&] { return world.model.requests().size() == 1; }, "the model is asked");
  world.discord.erase(question);
  CHECK(world.wait_for(world.discord.options().channel, "I regret this").reply_to.empty());
}

TEST_CASE("without the message_content intent mentions and direct messages are still answered") {
  DiscordSimulatorOptions options = DiscordWorld::quick();
  options.refused_intents = 1 << 15;
  DiscordWorld world({}, options);
  world.serve("intents = [\"guilds\", \"guild_messages\", \"direct_messages\"]");
  world.ask(amy, "a mention");
  world.ask_directly(amy, "a direct word");
}

TEST_CASE("while the model thinks the channel shows that the bot types") {
  DiscordWorld world([](const json::object& request) {
    ModelAnswer answer;
    answer.text = "echo: " + last_text(request, "user");
    answer.transport.delay = std::chrono::milliseconds(1500);  // quick answers need no sign
    return answer;
  });
  world.serve();
  world.ask(amy, "take your time");
  const std::vector<std::string> typing = world.discord.typing();
  REQUIRE_FALSE(typing.empty());
  CHECK(typing[0] == world.discord.options().channel);
}

TEST_CASE("a channel that refuses the bot's answer does not hold up the others") {
  DiscordWorld world(says("an answer"));
  world.serve();
  world.discord.forbid(world.discord.direct_channel(ben), 50007);
  world.discord.direct_message(ben, "I do not take messages");
  world.wait_until([&] { return world.discord.count(create_message) > 0; }, "an answer that is refused");
  CHECK(world.tell(amy, "hello") == "an answer");
  CHECK(world.discord.requests(create_message).size() == 2);  // a refusal for good is not repeated
}

}  // namespace
}  // namespace usher::e2e
