// Slash commands and buttons: acknowledged in time, private where they are private, done as whoever pressed.
#include <doctest/doctest.h>

#include <algorithm>
#include <ctime>

#include "base/hash.h"
#include "base/signature.h"
#include "e2e/discord/discord_world.h"

namespace usher::e2e {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds ack_limit{3'000};
const std::string put_commands = "PUT /applications/:application/commands";

json::array with_text(const std::string& name, const std::string& value) {
  return {json::object{{"name", name}, {"type", 3}, {"value", value}}};
}

// The first option of a registered command, by name: what /ask calls its question.
std::string first_option(const json::array& commands, const std::string& name) {
  for (const json::value& command : commands) {
    const json::array* options = array_at(&command, "options");
    if (string_at(&command, "name") == name && options && !options->empty()) {
      return std::string(string_at(&options->front(), "name").value_or(""));
    }
  }
  return "";
}

DiscordAck ack_of(const DiscordWorld& world, const std::string& interaction) {
  for (DiscordAck& ack : world.discord.acknowledgements()) {
    if (ack.interaction == interaction) return std::move(ack);
  }
  return {};
}

std::string button_of(const DiscordMessage& message, const std::string& label) {
  for (const json::value& row : message.components) {
    const json::array* buttons = array_at(&row, "components");
    for (std::size_t i = 0; buttons && i < buttons->size(); ++i) {
      const json::value& button = (*buttons)[i];
      if (string_at(&button, "label") == label) return std::string(*string_at(&button, "custom_id"));
    }
  }
  return "";
}

struct Commands {
  DiscordWorld world;
  explicit Commands(ModelSimulator::Script script = {}, const std::string& in_bot = "") : world(std::move(script)) {
    world.serve(in_bot);
    world.wait_until([&] { return !world.discord.commands().empty(); }, "the commands are registered");
  }
  std::string run(const std::string& user, const std::string& name, const std::string& text = "",
                  const std::string& channel = "", bool over_gateway = true) {
    DiscordCommand command{.user = user, .name = name, .channel = channel, .over_gateway = over_gateway};
    if (!text.empty()) command.options = with_text(first_option(world.discord.commands(), name), text);
    return world.discord.command(command);
  }
};

TEST_CASE("the commands are registered at the first start, and left alone at the next") {
  Commands commands;
  DiscordWorld& world = commands.world;
  std::vector<std::string> names;
  for (const json::value& command : world.discord.commands()) names.emplace_back(*string_at(&command, "name"));
  std::ranges::sort(names);
  CHECK(names == std::vector<std::string>{"ask", "help", "link", "new", "stop", "unlink", "usage", "whoami"});
  CHECK(world.stop() == 0);
  const std::size_t looked = world.discord.count("GET /applications/:application/commands");
  world.start();
  world.wait_until([&] { return world.discord.count("GET /applications/:application/commands") > looked; },
                   "usher looks at the commands");
  world.ask(amy, "hello");
  CHECK(world.discord.count(put_commands) == 1);
}

TEST_CASE("/ask is deferred in time and answered in its place, for everybody to see") {
  Commands commands;
  const std::string id = commands.run(amy, "ask", "do you have umbrellas?");
  const DiscordMessage answer = commands.world.answer_to(id);
  const DiscordAck ack = ack_of(commands.world, id);
  CHECK(ack.type == 5);
  CHECK(ack.delay < ack_limit);
  CHECK(contains(answer.content, "do you have umbrellas?"));
  CHECK_FALSE(answer.is_ephemeral());
  CHECK(answer.pinged.empty());
  CHECK(commands.world.model.requests().size() == 1);
}

TEST_CASE("what is private is seen by its sender alone") {
  Commands commands;
  for (const char* name : {"whoami", "usage"}) {
    CAPTURE(name);
    const std::string id = commands.run(amy, name);
    const DiscordMessage answer = commands.world.answer_to(id);
    CHECK(answer.is_ephemeral());
    CHECK(contains(answer.content, amy));
    CHECK(ack_of(commands.world, id).delay < ack_limit);
  }
  CHECK(commands.world.said_in(commands.world.discord.options().channel).empty());
}

TEST_CASE("commands work in direct messages too") {
  Commands commands;
  const std::string id = commands.run(boss, "whoami", "", commands.world.discord.direct_channel(boss));
  CHECK(contains(commands.world.answer_to(id).content, "owner"));
}

TEST_CASE("a slow model does not make the acknowledgement late") {
  Commands commands([](const json::object& request) {
    ModelAnswer answer;
    answer.text = "echo: " + last_text(request, "user");
    answer.transport.delay = milliseconds(3'500);
    return answer;
  });
  const std::string id = commands.run(amy, "ask", "take your time");
  CHECK(contains(commands.world.answer_to(id).content, "take your time"));
  CHECK(ack_of(commands.world, id).delay < ack_limit);
}

TEST_CASE("a long answer to /ask comes whole, in order, without pinging anybody") {
  std::string text;
  for (int i = 0; i < 100; ++i) text += "line " + std::to_string(i) + " for @everyone, and some more words\n";
  Commands commands([&](const json::object&) {
    ModelAnswer answer;
    answer.text = text + "the end";
    answer.piece_bytes = 4000;
    return answer;
  });
  const std::string id = commands.run(amy, "ask", "all of it");
  commands.world.wait_for(commands.world.discord.options().channel, "the end");
  std::string whole;
  for (const DiscordMessage& part : commands.world.said_in(commands.world.discord.options().channel)) {
    CHECK(part.pinged.empty());
    whole += part.content + "\n";
  }
  for (int i = 0, at = 0; i < 100; ++i) {
    const std::size_t found = whole.find("line " + std::to_string(i) + " for", static_cast<std::size_t>(at));
    REQUIRE(found != std::string::npos);
    at = static_cast<int>(found);
  }
}

TEST_CASE("a button says what it says as whoever presses it, not as whom it was shown to") {
  Commands commands;
  DiscordWorld& world = commands.world;
  const std::string help = commands.run(boss, "help");
  const DiscordMessage shown = world.answer_to(help);
  const std::string whoami = button_of(shown, "Who am I?");
  REQUIRE_FALSE(whoami.empty());
  for (const std::string& user : {boss, amy}) {
    const std::string press = world.discord.press(user, shown.id, whoami);
    REQUIRE_FALSE(press.empty());
    const DiscordMessage answer = world.answer_to(press);
    CHECK(answer.is_ephemeral());
    CHECK(contains(answer.content, user));
    CHECK(contains(answer.content, user == boss ? "owner" : "buyer"));
    CHECK(ack_of(world, press).delay < ack_limit);
  }
}

TEST_CASE("/stop ends the turn that runs, and the next question is answered") {
  Commands commands([](const json::object& request) {
    ModelAnswer answer;
    answer.text = "echo: " + last_text(request, "user");
    if (contains(last_text(request, "user"), "hang here")) {
      answer.instead = HttpReply{};
      answer.instead->hang = true;
    }
    return answer;
  });
  DiscordWorld& world = commands.world;
  const std::string hanging = commands.run(amy, "ask", "hang here");
  world.wait_until([&] { return world.model.requests().size() == 1; }, "the model is asked");
  const std::string stop = commands.run(amy, "stop");
  check_is_for_people(world.answer_to(stop).content);
  world.ask(amy, "something else");
  CHECK_FALSE(ack_of(world, hanging).interaction.empty());
}

TEST_CASE("a press or command that comes twice is answered once, an unknown one harms nothing") {
  Commands commands;
  DiscordWorld& world = commands.world;
  const std::string id = commands.run(amy, "whoami");
  world.answer_to(id);
  world.discord.dispatch("INTERACTION_CREATE", world.discord.interaction(id), world.discord.options().guild);
  world.discord.command({.user = amy, .name = "no-such-command"});
  json::object broken = world.discord.interaction(id);
  broken["data"] = "nonsense";
  broken["id"] = "1";
  world.discord.dispatch("INTERACTION_CREATE", broken, world.discord.options().guild);
  world.ask(amy, "still there?");
  std::size_t answers = 0;
  for (const DiscordMessage& message : world.discord.sent()) answers += message.interaction == id;
  CHECK(answers == 1);
}

// ---- over HTTP ----

struct Signed {
  Secret key{std::string(kPrivateKeyBytes, 'k')};
  std::string public_key() const { return to_hex(public_key_of(key)); }
  std::vector<net::Header> headers(const std::string& body, const std::string& timestamp) const {
    return {{"X-Signature-Timestamp", timestamp}, {"X-Signature-Ed25519", to_hex(sign(key, timestamp + body))}};
  }
};

std::string now_text() { return std::to_string(std::time(nullptr)); }

const std::string door = "/discord/main/interactions";

TEST_CASE("over HTTP: a signed ping is answered, a bad signature is not, whatever is wrong with it") {
  const Signed app;
  Commands commands({}, "public_key = \"" + app.public_key() + "\"");
  DiscordWorld& world = commands.world;
  const std::string ping = R"({"id":"1","application_id":")" + world.discord.options().application +
                           R"(","type":1,"token":"t","version":1})";
  const DiscordWorld::Page pong = world.post(door, ping, app.headers(ping, now_text()));
  CHECK(pong.status == 200);
  CHECK(parse_json(pong.body).value_or(nullptr) == json::object{{"type", 1}});

  const Signed other{Secret(std::string(kPrivateKeyBytes, 'x'))};
  std::vector<net::Header> moved = app.headers(ping, now_text());
  moved[0].value = std::to_string(std::time(nullptr) + 1);
  for (const std::vector<net::Header>& headers :
       {other.headers(ping, now_text()), app.headers(ping + " ", now_text()), moved, std::vector<net::Header>{},
        std::vector<net::Header>{{"X-Signature-Timestamp", now_text()}, {"X-Signature-Ed25519", "zz"}}}) {
    CHECK(world.post(door, ping, headers).status == 401);
  }
  CHECK(world.post("/discord/other/interactions", ping, app.headers(ping, now_text())).status == 404);
  CHECK(world.get(door).status == 405);
}

TEST_CASE("over HTTP: a command is acknowledged in the answer itself, and followed up through its webhook") {
  const Signed app;
  Commands commands({}, "public_key = \"" + app.public_key() + "\"");
  DiscordWorld& world = commands.world;
  const std::string id = commands.run(amy, "ask", "do you have umbrellas?", "", false);
  const std::string body = json::serialize(world.discord.interaction(id));
  const DiscordWorld::Page answer = world.post(door, body, app.headers(body, now_text()));
  REQUIRE(answer.status == 200);
  REQUIRE(world.discord.take_answer(id, answer.body));
  CHECK(contains(world.answer_to(id).content, "do you have umbrellas?"));
  CHECK(ack_of(world, id).type == 5);
  // The very same request once more: acknowledged, and run no second time.
  CHECK(world.post(door, body, app.headers(body, now_text())).status == 200);
  world.ask(amy, "and on");
  CHECK(world.model.requests().size() == 2);
}

TEST_CASE("a bot without public_key has no door") {
  Commands commands;
  CHECK(commands.world.post(door, "{}", {}).status == 404);
}

}  // namespace
}  // namespace usher::e2e
