// Answers on their way: long ones, growing ones, pictures, reactions, and Discord's moods.
#include <doctest/doctest.h>

#include <algorithm>
#include <mutex>

#include "e2e/discord/discord_world.h"

namespace usher::e2e {
namespace {

using std::chrono::milliseconds;

const std::string reaction = "/channels/:channel/messages/:message/reactions/:emoji/@me";

ModelSimulator::Script says(const std::string& text, std::size_t piece_bytes = 4000, milliseconds pause = {}) {
  return [=](const json::object&) {
    ModelAnswer answer;
    answer.text = text;
    answer.piece_bytes = piece_bytes;
    answer.transport.chunk_delay = pause;
    return answer;
  };
}

// Numbered lines, prose and code in turn.
std::string long_answer(int lines) {
  std::string text;
  for (int i = 0; i < lines; ++i) {
    if (i % 40 == 10) text += "```python\n";
    text += "line " + std::to_string(i) + " of a text that does not fit into one message, by far\n";
    if (i % 40 == 39) text += "```\n";
  }
  return text + "the end";
}

std::size_t characters(const std::string& text) {
  return static_cast<std::size_t>(
      std::ranges::count_if(text, [](char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; }));
}

std::size_t fences_in(const std::string& text) {
  std::size_t count = 0;
  for (std::size_t at = text.find("```"); at != std::string::npos; at = text.find("```", at + 3)) ++count;
  return count;
}

TEST_CASE("a long answer comes in parts, in order, each with whole code blocks, and only the first quotes") {
  constexpr int lines = 160;
  DiscordWorld world(says(long_answer(lines)));
  world.serve();
  const std::string question = world.discord.guild_message(amy, world.mention("tell me all"));
  world.wait_for(world.discord.options().channel, "the end");
  const std::vector<DiscordMessage> parts = world.said_in(world.discord.options().channel);
  CHECK(parts.size() > 3);
  std::string whole;
  for (const DiscordMessage& part : parts) {
    CHECK(characters(part.content) <= 2000);
    CHECK(fences_in(part.content) % 2 == 0);
    CHECK(part.pinged.empty());
    whole += part.content + "\n";
  }
  CHECK(parts[0].reply_to == question);
  std::size_t at = 0;
  for (int i = 0; i < lines; ++i) {
    const std::string line = "line " + std::to_string(i) + " of a text";
    at = whole.find(line, at);
    REQUIRE_MESSAGE(at != std::string::npos, line);
    CHECK(whole.find(line, at + 1) == std::string::npos);
  }
}

TEST_CASE("with long_reply = file a long answer is its beginning and the whole as a file") {
  const std::string text = long_answer(120);
  DiscordWorld world(says(text));
  world.serve("long_reply = \"file\"");
  world.discord.guild_message(amy, world.mention("tell me all"));
  const DiscordMessage answer = world.wait_for(world.discord.options().channel, "line 0");
  world.wait_until([&] { return !world.said_in(answer.channel)[0].files.empty(); }, "the file");
  const DiscordMessage sent = world.said_in(answer.channel)[0];
  CHECK(world.said_in(answer.channel).size() == 1);
  REQUIRE(sent.files.size() == 1);
  CHECK(sent.files[0].name == "answer.md");
  CHECK(sent.files[0].bytes == text);
  CHECK(sent.pinged.empty());
}

TEST_CASE("while an answer grows its message is edited, not more often than every two seconds") {
  const std::string text = long_answer(18);
  std::mutex mutex;
  std::vector<std::chrono::steady_clock::time_point> shown;
  DiscordSimulatorOptions options = DiscordWorld::quick();
  options.watch = [&](const std::string& route, const json::object&, const HttpReply* reply) {
    const std::lock_guard lock(mutex);
    if (!reply && (route == create_message || route == edit_message)) shown.push_back(std::chrono::steady_clock::now());
  };
  DiscordWorld world(says(text, 60, milliseconds(250)), options);
  world.serve();
  world.discord.guild_message(amy, world.mention("slowly, please"));
  const DiscordMessage answer = world.wait_for(world.discord.options().channel, "the end");
  CHECK(world.said_in(answer.channel).size() == 1);
  CHECK(answer.earlier.size() >= 2);
  for (const std::string& earlier : answer.earlier) CHECK(fences_in(earlier) % 2 == 0);
  const std::lock_guard lock(mutex);
  REQUIRE(shown.size() >= 3);
  for (std::size_t i = 1; i + 1 < shown.size(); ++i) CHECK(shown[i] - shown[i - 1] > milliseconds(1'900));
}

TEST_CASE("a picture reaches the model; what only pretends to be one, or is too large, does not") {
  const std::string png = "\x89PNG\r\n\x1a\n" + std::string(64, 'x');
  DiscordWorld world;
  world.serve();
  const std::string channel = world.discord.direct_channel(amy);
  const auto show = [&](const std::string& words, const std::string& bytes) {
    world.discord.write(
        {.user = amy, .content = words, .channel = channel, .files = {{"picture.png", "image/png", bytes}}});
  };
  show("what is this?", png);
  world.wait_for(channel, "what is this?");
  CHECK(contains(json::serialize(world.model.requests().back()), "data:image/png;base64,iVBORw0KGgp4"));
  for (const std::string& bytes : {std::string("MZ no picture"), png + std::string(11u << 20, 'x')}) {
    const std::size_t before = world.said_in(channel).size();
    show("and this one?", bytes);
    CHECK_FALSE(contains(world.wait_for(channel, "", before).content, "echo"));
  }
  CHECK(world.model.requests().size() == 1);
}

TEST_CASE("the reaction says that a message was accepted, and goes when it is answered") {
  DiscordWorld world;
  world.serve("acknowledge = \"👀\"");
  const std::string question = world.discord.guild_message(amy, world.mention("hello"));
  world.wait_for(world.discord.options().channel, "hello");
  world.wait_until([&] { return world.discord.reactions().size() == 2; }, "both changes of the reaction");
  const std::vector<DiscordReaction> reactions = world.discord.reactions();
  for (std::size_t i = 0; i < 2; ++i) {
    CHECK(reactions[i].message == question);
    CHECK(reactions[i].emoji == "👀");
    CHECK(reactions[i].is_added == (i == 0));
  }
}

TEST_CASE("reactions that are forbidden keep nobody from an answer") {
  DiscordWorld world;
  world.serve("acknowledge = \"👀\"");
  for (int i = 0; i < 8; ++i) world.discord.refuse("PUT " + reaction, 403, 50013, "Missing Permissions");
  world.ask(amy, "one");
  world.ask(amy, "two");
}

TEST_CASE("429s of every scope are waited out, and the answer arrives once") {
  DiscordWorld world;
  world.serve();
  for (const char* scope : {"user", "shared", "global"}) {
    CAPTURE(scope);
    world.discord.too_many(create_message, scope, 0.3);
    const auto start = std::chrono::steady_clock::now();
    world.ask(amy, std::string("under scope ") + scope);
    CHECK(std::chrono::steady_clock::now() - start >= milliseconds(300));
  }
  CHECK(world.said_in(world.discord.options().channel).size() == 3);
}

TEST_CASE("a bucket that Discord's headers teach is kept: nothing is refused") {
  DiscordSimulatorOptions options = DiscordWorld::quick();
  options.limits[create_message] = {.calls = 2, .window = milliseconds(400), .bucket = "messages"};
  DiscordWorld world({}, options);
  world.serve();
  for (int i = 0; i < 8; ++i) world.discord.guild_message(amy, world.mention("number " + std::to_string(i) + "."));
  for (int i = 0; i < 8; ++i) {
    world.wait_for(world.discord.options().channel, "number " + std::to_string(i) + ".");
  }
  CHECK(world.said_in(world.discord.options().channel).size() == 8);
  CHECK(world.discord.refused_calls() <= 1);  // before the first answer nobody knows the bucket
}

TEST_CASE("bad gateways and lost answers: said once all the same") {
  DiscordWorld world;
  world.serve();
  world.discord.server_error(create_message);
  world.ask(amy, "through a bad gateway");
  world.discord.lose_answer(create_message);
  world.ask(amy, "an answer that is lost");
  world.ask(amy, "and on");
  const std::vector<DiscordMessage> said = world.said_in(world.discord.options().channel);
  CHECK(said.size() == 3);
  CHECK(world.discord.count(create_message) == 5);
}

}  // namespace
}  // namespace usher::e2e
