// Starts, stops and kills: a session is taken up where it was left, and what was said meanwhile is answered once.
#include <doctest/doctest.h>

#include <atomic>
#include <filesystem>
#include <set>

#include "e2e/discord/discord_world.h"

namespace usher::e2e {
namespace {

using std::chrono::milliseconds;

TEST_CASE("SIGTERM leaves a session that the next start resumes: what was said meanwhile is answered, once") {
  DiscordWorld world;
  world.serve();
  world.ask(amy, "before");
  world.ask_directly(ben, "before, directly");
  CHECK(world.stop() == 0);
  const std::optional<std::uint16_t> close = world.discord.connections().back().client_close;
  REQUIRE(close);
  CHECK((*close != 1000 && *close != 1001));
  world.discord.guild_message(amy, world.mention("meanwhile"));
  world.discord.direct_message(ben, "meanwhile, directly");
  world.start();
  world.wait_for(world.discord.options().channel, "meanwhile");
  world.wait_for(world.discord.direct_channel(ben), "meanwhile, directly");
  world.ask(amy, "behind it");
  CHECK(world.said_in(world.discord.options().channel).size() == 3);
  CHECK(world.said_in(world.discord.direct_channel(ben)).size() == 2);
  CHECK(world.discord.identifies() == 1);
  CHECK(world.discord.resumes() == 1);
}

TEST_CASE("after kill -9 everything that was said is answered once, though Discord repeats it") {
  DiscordWorld world;
  world.serve("acknowledge = \"👀\"");
  for (int i = 0; i < 4; ++i) world.ask(amy, "number " + std::to_string(i) + ".");
  // On disk is at least where the session began.
  world.kill();
  for (int i = 4; i < 8; ++i) world.discord.guild_message(amy, world.mention("number " + std::to_string(i) + "."));
  world.discord.next_connection({.repeats = 1000});
  world.start();
  for (int i = 4; i < 8; ++i) world.wait_for(world.discord.options().channel, "number " + std::to_string(i) + ".");
  world.ask(amy, "the end");
  CHECK(world.said_in(world.discord.options().channel).size() == 9);
  CHECK(world.model.requests().size() == 9);
  CHECK(world.discord.identifies() == 1);
  std::set<std::string> acknowledged;
  for (const DiscordReaction& reaction : world.discord.reactions()) {
    if (reaction.is_added) CHECK_MESSAGE(acknowledged.insert(reaction.message).second, "acknowledged once");
  }
}

TEST_CASE("sessions that Discord has forgotten by the restart are followed by new ones, and life goes on") {
  DiscordWorld world;
  world.serve();
  world.ask(amy, "before");
  CHECK(world.stop() == 0);
  world.discord.forget_sessions();
  world.start();
  world.ask(amy, "behind it");
  CHECK(world.discord.identifies() == 2);
  CHECK(world.said_in(world.discord.options().channel).size() == 2);
  CHECK(world.stop() == 0);
  world.start();
  world.ask(amy, "and on");
  CHECK(world.discord.identifies() == 2);  // the new session was kept in its turn
}

TEST_CASE("an answer that was growing when usher was killed is finished in the same message") {
  std::atomic<bool> is_slow = true;
  DiscordWorld world([&](const json::object&) {
    ModelAnswer answer;
    for (int i = 0; i < 12; ++i) answer.text += "sentence " + std::to_string(i) + " of an answer that takes its time. ";
    answer.text += "the end";
    answer.piece_bytes = 50;
    if (is_slow) answer.transport.chunk_delay = milliseconds(300);
    return answer;
  });
  world.serve();
  world.discord.guild_message(amy, world.mention("slowly"));
  world.wait_for(world.discord.options().channel, "sentence 0");
  world.kill();
  is_slow = false;
  world.start();
  const DiscordMessage answer = world.wait_for(world.discord.options().channel, "the end");
  CHECK_FALSE(answer.earlier.empty());
  CHECK(world.said_in(world.discord.options().channel).size() == 1);
}

TEST_CASE("an answer that was growing for longer than a nonce holds is finished in the same message, too") {
  std::atomic<bool> hangs = true;
  DiscordWorld world([&](const json::object&) {
    ModelAnswer answer;
    for (int i = 0; i < 12; ++i) answer.text += "sentence " + std::to_string(i) + " of an answer that takes its time. ";
    answer.piece_bytes = 50;
    if (hangs) answer.transport.chunk_delay = milliseconds(300);
    if (!hangs) answer.text = "Other words this time, and the end";
    return answer;
  });
  world.serve();
  world.discord.guild_message(amy, world.mention("slowly"));
  const DiscordMessage preview = world.wait_for(world.discord.options().channel, "sentence 6");
  world.kill();
  world.discord.age_message(preview.id, std::chrono::minutes(10));
  hangs = false;
  world.start();
  const DiscordMessage answer = world.wait_for(world.discord.options().channel, "the end");
  CHECK(answer.id == preview.id);
  CHECK(world.said_in(world.discord.options().channel).size() == 1);
}

TEST_CASE("an answer whose sending was interrupted stands there once") {
  DiscordWorld world;
  world.environment["USHER_FAILPOINT"] = "delivery.part_arrived";
  world.configure(world.base_config() + DiscordWorld::bot(world.discord) + DiscordWorld::roles());
  world.start();
  world.discord.guild_message(amy, world.mention("say it once"));
  REQUIRE(world.gateway().wait(patience) == 128 + 9);
  CHECK(world.said_in(world.discord.options().channel).size() == 1);
  world.environment.erase("USHER_FAILPOINT");
  world.start();
  world.ask(amy, "and on");
  CHECK(world.said_in(world.discord.options().channel).size() == 2);
  const json::object unknown = json_of(world.command({"conversations", "--state", "unknown", "--json"}));
  CHECK(unknown.at("conversations").as_array().empty());
}

TEST_CASE("a command that waits for its answer when usher is killed is answered in its place") {
  std::atomic<bool> hangs = true;
  DiscordWorld world([&](const json::object& request) {
    ModelAnswer answer;
    answer.text = "echo: " + last_text(request, "user");
    if (hangs) {
      answer.instead = HttpReply{};
      answer.instead->hang = true;
    }
    return answer;
  });
  world.serve();
  world.wait_until([&] { return !world.discord.commands().empty(); }, "the commands are registered");
  const json::value first = world.discord.commands().at(0);
  std::string option;
  for (const json::value& command : world.discord.commands()) {
    if (string_at(&command, "name") == "ask") option = *string_at(&command.at("options").at(0), "name");
  }
  const std::string id = world.discord.command(
      {.user = amy, .name = "ask", .options = {{{"name", option}, {"type", 3}, {"value", "be patient"}}}});
  world.wait_until([&] { return !world.discord.acknowledgements().empty() && !world.model.requests().empty(); },
                   "the command is acknowledged and the model is asked");
  world.kill();
  hangs = false;
  world.start();
  CHECK(contains(world.answer_to(id).content, "be patient"));
  world.ask(amy, "and on");
  CHECK(world.said_in(world.discord.options().channel).size() == 2);
}

TEST_CASE("two shards: each hears of its guilds, both are resumed after a restart") {
  DiscordSimulatorOptions options = DiscordWorld::quick();
  options.max_concurrency = 2;
  DiscordWorld world({}, options);
  // The guild on the other shard.
  const std::uint64_t first = std::stoull(options.guild);
  const std::string other = world.discord.add_guild(std::to_string(first + (1u << 22)));
  const std::string channel = world.discord.add_channel(other);
  const auto ask_everywhere = [&](const std::string& words) {
    world.ask(amy, words);
    world.ask_directly(ben, words);
    world.discord.write({.user = amy, .content = world.mention(words), .channel = channel});
    world.wait_for(channel, words);
  };
  world.configure(world.base_config() + DiscordWorld::bot(world.discord, "shards = 2") + DiscordWorld::roles());
  world.start(2);
  ask_everywhere("before");
  CHECK(world.stop() == 0);
  world.discord.write({.user = amy, .content = world.mention("meanwhile"), .channel = channel});
  world.discord.guild_message(amy, world.mention("meanwhile"));
  world.start(2);
  world.wait_for(channel, "meanwhile");
  world.wait_for(world.discord.options().channel, "meanwhile");
  ask_everywhere("behind it");
  CHECK(world.discord.identifies() == 2);
  CHECK(world.discord.resumes() == 2);
  CHECK(world.said_in(channel).size() == 3);
  CHECK(world.said_in(world.discord.options().channel).size() == 3);
}

TEST_CASE("a thousand guilds: usher finds the one where a role means something, and answers") {
  DiscordWorld world;
  world.discord.add_guilds(1000, 10, 10);
  const std::string guild = world.discord.add_guild(), channel = world.discord.add_channel(guild);
  world.discord.set_member(guild, amy, {staff_role});
  world.serve("", DiscordWorld::staff_are("owner", ""));
  world.discord.write({.user = amy, .content = world.mention("among many"), .channel = channel});
  world.wait_for(channel, "among many");
  world.ask_directly(amy, "and directly");
  for (const json::object& request : world.model.requests()) CHECK(contains(system_text(request), "OWNER"));
  world.kill();
  world.start();
  world.ask(amy, "and after a restart");
  CHECK(world.discord.identifies() == 1);
}

}  // namespace
}  // namespace usher::e2e
