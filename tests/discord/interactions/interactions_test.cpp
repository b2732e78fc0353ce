#include "channels/discord/interactions/interactions.h"

#include <doctest/doctest.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <functional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/hash.h"
#include "base/signature.h"
#include "channels/discord/interactions/commands.h"
#include "channels/discord/interactions/decode.h"
#include "support/discord/discord_simulator.h"
#include "support/run_task.h"

using namespace usher;
using namespace usher::discord;
using namespace std::chrono_literals;
using usher::testing::DiscordAck;
using usher::testing::DiscordSimulator;
using usher::testing::run_task;

namespace {

// An inbox that records what it is offered, and may be slow or full.
struct Fixture {
  explicit Fixture(std::function<void(DiscordOptions&)> change = {}) {
    options.name = "shop";
    options.public_key = to_hex(public_key_of(key));
    if (change) change(options);
    rest = std::make_unique<Rest>(*http, Secret(simulator.options().token), simulator.api_root(), "shop");
    interactions = std::make_unique<Interactions>(*rest, options);
  }

  channel::Intake intake() {
    return [this](std::vector<channel::Incoming> batch) { return take_in(std::move(batch)); };
  }
  Task<Result<channel::TakenIn>> take_in(std::vector<channel::Incoming> batch) {
    if (slow.count() > 0) co_await sleep_for(slow);
    acknowledged_before = simulator.acknowledgements().size();
    if (is_full) co_return fail(ErrorKind::limit, "full");
    for (channel::Incoming& message : batch) taken.push_back(std::move(message));
    co_return channel::TakenIn{.fresh = batch.size()};
  }

  std::string command(const std::string& name, json::array given = {}, const std::string& where = "") {
    return simulator.command({.user = "77", .name = name, .options = std::move(given), .channel = where});
  }
  Result<void> take(const std::string& id) {
    const json::value event = simulator.interaction(id);
    return run_task(loop, interactions->take(event, intake()));
  }
  bool run_until(const std::function<bool()>& done, std::chrono::milliseconds limit = 5s) {
    const auto end = std::chrono::steady_clock::now() + limit;
    while (!done() && std::chrono::steady_clock::now() < end) {
      loop.restart();
      loop.run_one_for(5ms);
    }
    return done();
  }
  DiscordAck acknowledgement() {
    REQUIRE(run_until([&] { return !simulator.acknowledgements().empty(); }));
    return simulator.acknowledgements().back();
  }

  HttpInteraction signed_body(const std::string& body, std::chrono::seconds age = 0s) {
    const auto now = std::chrono::floor<std::chrono::seconds>(SystemClock().wall()).time_since_epoch();
    HttpInteraction request{std::to_string((now - age).count()), "", body};
    request.signature = to_hex(sign(key, request.timestamp + body));
    return request;
  }
  HttpInteractionAnswer post(HttpInteraction request) {
    return run_task(loop, interactions->take(std::move(request), intake()));
  }

  asio::io_context loop{1};
  DiscordSimulator simulator{loop.get_executor()};
  std::unique_ptr<net::HttpClient> http = net::make_http_client(loop.get_executor());
  Secret key = make_private_key();
  DiscordOptions options;
  std::unique_ptr<Rest> rest;
  std::unique_ptr<Interactions> interactions;
  std::vector<channel::Incoming> taken;
  std::size_t acknowledged_before = 0;
  std::chrono::milliseconds slow{0};
  bool is_full = false;
};

json::array text_option(const std::string& name, const std::string& value) {
  return {{{"name", name}, {"type", 3}, {"value", value}}};
}

}  // namespace

TEST_CASE("a command says what it would as a message, and carries where its answer goes") {
  Fixture f;
  f.slow = 150ms;
  f.simulator.set_member(f.simulator.options().guild, "77", {"501", "502"}, "Ann");
  const std::string id = f.command("ask", text_option("text", " what is up? "));
  REQUIRE(f.take(id));
  REQUIRE(f.taken.size() == 1);
  const channel::Incoming& in = f.taken[0];
  CHECK(in.channel == "shop");
  CHECK(in.kind == "discord");
  CHECK(in.platform_id == id);
  CHECK(in.sender_id == "77");
  CHECK(in.chat == f.simulator.options().channel);
  CHECK(in.is_group);
  CHECK(in.guild == f.simulator.options().guild);
  CHECK(in.platform_roles == std::vector<std::string>{"501", "502"});
  CHECK(in.display_name == "Ann");
  CHECK(in.text == "what is up?");
  const auto now = std::chrono::system_clock::to_time_t(std::chrono::system_clock::now());
  CHECK(std::abs(in.sent_at - now) < 10);
  const std::optional<InteractionAddress> address = interaction_address(in.message_id);
  REQUIRE(address);
  CHECK(address->application == f.simulator.options().application);
  CHECK_FALSE(address->is_ephemeral);
  CHECK(f.acknowledgement().type == 5);
  CHECK(f.acknowledged_before == 0);
}

TEST_CASE("each command becomes its text; private ones are answered to their sender alone, where others read along") {
  struct Case {
    std::string name;
    json::array given;
    std::string text;
    bool is_ephemeral;
  };
  const std::vector<Case> cases = {
      {"new", {}, "/new", true},
      {"whoami", {}, "/whoami", true},
      {"usage", {}, "/usage", true},
      {"stop", {}, "/stop", true},
      {"help", {}, "/help", true},
      {"link", {}, "/link", true},
      {"unlink", {}, "/unlink", true},
      {"link", text_option("code", "ABC-123"), "/link ABC-123", true},
      {"ask", text_option("text", "hi"), "hi", false},
      {"ask", text_option("text", "/usage"), "/usage", true},
      {"ask", text_option("text", "/USAGE now"), "/USAGE now", true},
      {"ask", text_option("text", "/Usage@bot"), "/Usage@bot", true},
  };
  for (const Case& c : cases) {
    CAPTURE(c.text);
    Fixture f;
    REQUIRE(f.take(f.command(c.name, c.given)));
    REQUIRE(f.taken.size() == 1);
    CHECK(f.taken[0].text == c.text);
    CHECK(interaction_address(f.taken[0].message_id)->is_ephemeral == c.is_ephemeral);
    const DiscordAck ack = f.acknowledgement();
    CHECK(ack.type == 5);
    CHECK((ack.data.contains("flags") && ack.data.at("flags") == 64) == c.is_ephemeral);
  }
}

TEST_CASE("in a direct message nothing needs hiding, and there is no guild") {
  Fixture f;
  REQUIRE(f.take(f.command("whoami", {}, f.simulator.direct_channel("77"))));
  REQUIRE(f.taken.size() == 1);
  CHECK(f.taken[0].sender_id == "77");
  CHECK_FALSE(f.taken[0].is_group);
  CHECK(f.taken[0].guild.empty());
  CHECK_FALSE(interaction_address(f.taken[0].message_id)->is_ephemeral);
}

TEST_CASE("a button says what stands on it, and its answer is a message of its own") {
  Fixture f;
  RestCall create;
  create.method = "POST";
  create.target = create.route = "/channels/" + f.simulator.options().channel + "/messages";
  create.body = R"({"content":"Yes?","components":[{"type":1,"components":[)"
                R"({"type":2,"style":2,"label":"Yes","custom_id":"say:yes please"},)"
                R"({"type":2,"style":2,"label":"Else","custom_id":"other"}]}]})";
  REQUIRE(run_task(f.loop, f.rest->call(std::move(create), Deadline::in(5s))));
  const std::string message = f.simulator.sent()[0].id;
  SUBCASE("ours") {
    REQUIRE(f.take(f.simulator.press("77", message, "say:yes please")));
    REQUIRE(f.taken.size() == 1);
    CHECK(f.taken[0].text == "yes please");
    CHECK(f.acknowledgement().type == 5);
  }
  SUBCASE("somebody else's") {
    REQUIRE(f.take(f.simulator.press("77", message, "other")));
    CHECK(f.taken.empty());
    CHECK(f.acknowledgement().type == 4);
    CHECK(f.acknowledgement().data.at("flags") == 64);
  }
}

TEST_CASE("what the inbox does not take is said, and comes again") {
  Fixture f;
  f.is_full = true;
  const std::string id = f.command("ask", text_option("text", "hi"));
  CHECK(f.take(id).error().kind == ErrorKind::limit);
  CHECK(f.acknowledgement().type == 4);
  CHECK(f.acknowledgement().data.at("flags") == 64);
  f.is_full = false;
  CHECK(f.take(id));
  CHECK(f.taken.size() == 1);
  const std::string callback = "POST /interactions/:interaction/:token/callback";
  CHECK(f.run_until([&] { return f.simulator.count(callback) == 2; }));
  CHECK(f.simulator.acknowledgements().size() == 1);
}

TEST_CASE("a slow inbox is not waited for longer than Discord waits") {
  Fixture f;
  f.slow = 2700ms;
  CHECK(f.take(f.command("ask", text_option("text", "hi"))));
  CHECK(f.taken.size() == 1);
  REQUIRE(f.simulator.acknowledgements().size() == 1);
  CHECK(f.acknowledgement().type == 5);
  CHECK(f.acknowledgement().delay < 2700ms);
}

TEST_CASE("a command is meant for the bot even where nothing else in a guild is") {
  Fixture f([](DiscordOptions& options) { options.groups = GroupMode::off; });
  REQUIRE(f.take(f.command("ask", text_option("text", "hi"))));
  CHECK(f.acknowledgement().type == 5);
  CHECK(f.taken.size() == 1);
}

TEST_CASE("what is not for the inbox is answered politely or passed over") {
  Fixture f;
  SUBCASE("an unknown command") { REQUIRE(f.take(f.command("dance", {}, f.simulator.direct_channel("77")))); }
  SUBCASE("an empty question") { REQUIRE(f.take(f.command("ask", {}, f.simulator.direct_channel("77")))); }
  CHECK(f.acknowledgement().type == 4);
  CHECK(f.acknowledgement().data.at("flags") == 64);
  CHECK(f.taken.empty());
}

TEST_CASE("where an answer goes comes back as it was written, and nothing else is read as such") {
  for (const std::string token : {"e", "abc", "aW50_ZXI-9.="}) {
    for (const bool is_ephemeral : {false, true}) {
      const std::optional<InteractionAddress> read = interaction_address(to_text({"12", token, is_ephemeral}));
      REQUIRE(read);
      CHECK(read->token == token);
      CHECK(read->application == "12");
      CHECK(read->is_ephemeral == is_ephemeral);
    }
  }
  for (const std::string text :
       {"", "12", "interaction:", "interaction:12", "interaction:12:", "interaction:x:abc", "interaction:12:a/b",
        "interaction:12:abc:", "interaction:12:abc:f", "interaction:12:abc:e:e", "interaction:12::e"}) {
    CAPTURE(text);
    CHECK_FALSE(interaction_address(text));
  }
  CHECK(to_text({"12", "token:e", false}).empty());
  CHECK(to_text({"12", std::string(500, 'x'), false}).empty());
}

TEST_CASE("without a server only what is surely between the bot and one person counts as private") {
  Fixture f;
  const std::string id = f.command("ask", text_option("text", "hi"), f.simulator.direct_channel("77"));
  json::object event = f.simulator.interaction(id);
  const auto kind = [&] {
    std::string problem;
    return decode_interaction(event, f.options, problem).value().kind;
  };
  CHECK(kind() == Interaction::Kind::said);
  for (const json::value& context : {json::value(0), json::value(2), json::value(3), json::value("1"), json::value()}) {
    event["context"] = context;
    CHECK(kind() == Interaction::Kind::refused);
  }
  event.erase("context");
  CHECK(kind() == Interaction::Kind::refused);
}

TEST_CASE("malformed events are skipped") {
  std::string problem;
  DiscordOptions options;
  Fixture f;
  const json::value good = f.simulator.interaction(f.command("new"));
  REQUIRE(decode_interaction(good, options, problem));
  for (const std::string field : {"id", "application_id", "token", "member", "guild_id", "type"}) {
    CAPTURE(field);
    json::value bad = good;
    bad.as_object().erase(field);
    CHECK_FALSE(decode_interaction(bad, options, problem));
    bad.as_object()[field] = "1/../2";
    CHECK_FALSE(decode_interaction(bad, options, problem));
  }
  json::value long_token = good;
  long_token.as_object()["token"] = std::string(600, 'x');
  CHECK_FALSE(decode_interaction(long_token, options, problem));
  json::value misleading = good;
  misleading.as_object()["token"] = "token:e";  // would come back as a shorter one, and ephemeral
  CHECK_FALSE(decode_interaction(misleading, options, problem));
  json::value bot = good;
  bot.as_object()["member"].as_object()["user"].as_object()["bot"] = true;
  CHECK_FALSE(decode_interaction(bot, options, problem));
  CHECK_FALSE(decode_interaction(json::array{}, options, problem));
}

TEST_CASE("over HTTP the answer is the acknowledgement, after the inbox has taken it") {
  Fixture f;
  const std::string id = f.simulator.command({.user = "77", .name = "usage", .over_gateway = false});
  const std::string body = json::serialize(f.simulator.interaction(id));
  const HttpInteractionAnswer answer = f.post(f.signed_body(body));
  CHECK(answer.status == 200);
  CHECK(f.taken.size() == 1);
  CHECK(f.simulator.take_answer(id, answer.body));
  CHECK(answer.body == R"({"type":5,"data":{"flags":64}})");
  CHECK(f.post(f.signed_body(R"({"type":1})")).body == R"({"type":1})");
  CHECK(f.post(f.signed_body("{")).status == 400);
  f.is_full = true;
  CHECK(f.post(f.signed_body(body)).body.find("\"type\":4") != std::string::npos);
}

TEST_CASE("over HTTP nothing is read whose signature is not Discord's, nor what is old") {
  Fixture f;
  const std::string id = f.simulator.command({.user = "77", .name = "usage", .over_gateway = false});
  const HttpInteraction good = f.signed_body(json::serialize(f.simulator.interaction(id)));
  HttpInteraction bad = good;
  SUBCASE("another body") { bad.body.insert(1, " "); }
  SUBCASE("another time") { bad.timestamp.back() = bad.timestamp.back() == '1' ? '2' : '1'; }
  SUBCASE("no signature") { bad.signature.clear(); }
  SUBCASE("another signature") { bad.signature[5] = bad.signature[5] == '1' ? '2' : '1'; }
  SUBCASE("no hexadecimal") { bad.signature[5] = 'x'; }
  SUBCASE("another key") { bad.signature = to_hex(sign(make_private_key(), bad.timestamp + bad.body)); }
  SUBCASE("too old") { bad = f.signed_body(good.body, 6min); }
  SUBCASE("from the future") { bad = f.signed_body(good.body, -6min); }
  SUBCASE("no time") {
    bad.timestamp = "now";
    bad.signature = to_hex(sign(f.key, bad.timestamp + bad.body));
  }
  SUBCASE("no key of ours") {
    f.options.public_key.clear();
    f.interactions = std::make_unique<Interactions>(*f.rest, f.options);
  }
  CHECK(f.post(bad).status == 401);
  CHECK(f.post(bad).body.empty());
  CHECK(f.taken.empty());
}

TEST_CASE("over HTTP a late refusal of the inbox is said afterwards") {
  Fixture f;
  f.slow = 2600ms;
  f.is_full = true;
  const std::string id = f.simulator.command({.user = "77", .name = "usage", .over_gateway = false});
  const HttpInteractionAnswer answer = f.post(f.signed_body(json::serialize(f.simulator.interaction(id))));
  CHECK(answer.body == R"({"type":5,"data":{"flags":64}})");
  CHECK(f.simulator.take_answer(id, answer.body));
  CHECK(f.run_until([&] { return !f.simulator.sent().empty() && !f.simulator.sent()[0].is_loading; }));
  CHECK(f.simulator.sent()[0].content.find("try again") != std::string::npos);
}

TEST_CASE("commands are registered when they differ, and only then") {
  Fixture f;
  const std::string put = "PUT /applications/:application/commands";
  const auto register_them = [&] {
    return run_task(f.loop, f.interactions->register_commands(f.simulator.options().application, Deadline::in(5s)));
  };
  CHECK(register_them());
  CHECK(f.simulator.count(put) == 1);
  CHECK(f.simulator.commands().size() == 8);
  CHECK(register_them());
  CHECK(f.simulator.count(put) == 1);
}

TEST_CASE("registered commands are compared in what is ours to say") {
  json::array registered = command_definitions();
  CHECK(are_registered(registered));
  for (json::value& command : registered) command.as_object()["version"] = "17";
  CHECK(are_registered(registered));
  json::array changed = registered;
  SUBCASE("another description") { changed[0].as_object()["description"] = "else"; }
  SUBCASE("another option") { changed[0].as_object()["options"].as_array()[0].as_object()["required"] = false; }
  SUBCASE("other contexts") { changed[1].as_object()["contexts"] = json::array{1}; }
  SUBCASE("one too many") { changed.push_back({{"name", "dance"}, {"description", "x"}}); }
  SUBCASE("one too few") { changed.pop_back(); }
  CHECK_FALSE(are_registered(changed));
  CHECK_FALSE(are_registered(nullptr));
}
