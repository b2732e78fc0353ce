// Telegram's moods: updates twice or from anywhere, polls that fail, limits, markup, long texts, people who leave.
#include <doctest/doctest.h>

#include "e2e/world.h"

namespace usher::e2e {
namespace {

HttpReply telegram_error(int code, const std::string& description, json::object parameters = {}) {
  HttpReply reply;
  reply.status = code;
  json::object body{{"ok", false}, {"error_code", code}, {"description", description}};
  if (!parameters.empty()) body["parameters"] = std::move(parameters);
  reply.body = json::serialize(body);
  return reply;
}

HttpReply bad_gateway() {
  HttpReply reply;
  reply.status = 502;
  reply.content_type = "text/html";
  reply.body = "<html><head><title>502 Bad Gateway</title></head></html>";
  return reply;
}

std::size_t utf16_units(const std::string& text) {
  std::size_t units = 0;
  for (unsigned char c : text) {
    if ((c & 0xC0) != 0x80) units += c >= 0xF0 ? 2 : 1;
  }
  return units;
}

struct Shop {
  World world;
  explicit Shop(ModelSimulator::Script script = {}) : world(std::move(script)) {
    world.configure(world.common_config() + World::shop_roles());
    world.run();
  }
};

// A model that says always the same.
ModelSimulator::Script says(const std::string& text) {
  return [text](const json::object&) {
    ModelAnswer answer;
    answer.text = text;
    return answer;
  };
}

TEST_CASE("an update that is delivered twice is answered once, also after a restart") {
  Shop shop;
  World& world = shop.world;
  std::int64_t update = world.telegram.private_message(ann, "once");
  world.wait_for_message(ann, 1);
  world.telegram.replay(update);
  CHECK(contains(world.ask(ann, "twice"), "twice"));
  CHECK(world.stop() == 0);
  world.telegram.replay(update);
  world.run();
  CHECK(contains(world.ask(ann, "thrice"), "thrice"));
  CHECK(world.messages_in(ann).size() == 3);
}

TEST_CASE("update ids may begin again anywhere") {
  Shop shop;
  World& world = shop.world;
  CHECK(contains(world.ask(ann, "at a thousand"), "at a thousand"));
  world.telegram.restart_update_ids(5);
  CHECK(contains(world.ask(ann, "at five"), "at five"));
  world.telegram.restart_update_ids(900'000'000'000);
  CHECK(contains(world.ask(ann, "far away"), "far away"));
  world.telegram.restart_update_ids(70);
  CHECK(contains(world.ask(ann, "and back"), "and back"));
}

TEST_CASE("polling survives conflicts, bad gateways, resets and nonsense") {
  Shop shop;
  World& world = shop.world;
  HttpReply reset;
  reset.reset = true;
  HttpReply nonsense;
  nonsense.body = R"({"ok":true,"result":"soon"})";
  HttpReply cut;
  cut.body = R"({"ok":true,"result":[]})";
  cut.cut = true;
  for (const HttpReply& fault :
       {telegram_error(
            409, "Conflict: terminated by other getUpdates request; make sure that only one bot instance is running"),
        bad_gateway(), reset, nonsense, cut}) {
    world.telegram.fault("getupdates", fault);
  }
  CHECK(contains(world.ask(ann, "still there?"), "still there?"));
  CHECK(contains(world.ask(ann, "and now?"), "and now?"));
  CHECK(world.messages_in(ann).size() == 2);
}

TEST_CASE("the answer waits out a 429 and arrives once") {
  Shop shop;
  World& world = shop.world;
  world.telegram.too_many_requests("sendmessage", 1);
  CHECK(contains(world.ask(ann, "patience"), "patience"));
  CHECK(contains(world.ask(ann, "again"), "again"));
  CHECK(world.messages_in(ann).size() == 2);
}

TEST_CASE("a bad gateway while sending does not lose the answer") {
  Shop shop;
  World& world = shop.world;
  world.telegram.fault("sendmessage", bad_gateway());
  CHECK(contains(world.ask(ann, "hello"), "hello"));
}

TEST_CASE("Markdown becomes HTML, and text that looks like markup stays text") {
  Shop shop(says("This is **bold**, `a < b && c` and <script>.\n\n```\nif (a < b) return;\n```"));
  SentMessage sent;
  shop.world.telegram.private_message(ann, "show me");
  sent = shop.world.wait_for_message(ann, 1);
  CHECK(sent.parse_mode == "HTML");
  CHECK(contains(sent.raw_text, "<b>bold</b>"));
  CHECK(contains(sent.text, "This is bold, a < b && c and <script>."));
  CHECK(contains(sent.text, "if (a < b) return;"));
  CHECK_FALSE(contains(sent.text, "**"));
}

TEST_CASE("markup that Telegram does not parse is sent again as plain text") {
  Shop shop(says("This is **bold**."));
  World& world = shop.world;
  world.telegram.fault("sendmessage", telegram_error(400, "Bad Request: can't parse entities: Unsupported start tag"));
  world.telegram.private_message(ann, "show me");
  SentMessage sent = world.wait_for_message(ann, 1);
  CHECK(sent.parse_mode.empty());
  CHECK(contains(sent.text, "bold"));
  CHECK(world.messages_in(ann).size() == 1);
}

TEST_CASE("a long answer comes whole, in order, in pieces that Telegram takes") {
  std::string text;
  for (int i = 0; i < 1500; ++i) text += "word" + std::to_string(i) + " 👩‍👩‍👧 ";
  Shop shop(says(text));
  World& world = shop.world;
  world.telegram.private_message(ann, "tell me everything");
  auto all = [&] {
    std::string joined;
    for (const SentMessage& message : world.messages_in(ann)) joined += message.text + " ";
    return joined;
  };
  world.wait_until([&] { return contains(all(), "word1499"); }, "the last word");
  CHECK(world.messages_in(ann).size() >= 4);
  for (const SentMessage& message : world.messages_in(ann)) CHECK(utf16_units(message.text) <= 4096);
  std::string joined = all();
  std::size_t position = 0;
  for (int i = 0; i < 1500; ++i) {
    std::size_t found = joined.find("word" + std::to_string(i) + " 👩‍👩‍👧", position);
    REQUIRE_MESSAGE(found != std::string::npos, "word", i, " is missing, cut or out of order");
    position = found;
  }
}

TEST_CASE("somebody who blocked the bot does not hold up the others") {
  Shop shop;
  World& world = shop.world;
  world.telegram.block(ann);
  world.telegram.private_message(ann, "goodbye");
  CHECK(contains(world.ask(bob, "hello"), "hello"));
  world.wait_until([&] { return world.model.requests().size() == 2; }, "both turns ran");
  CHECK(world.stop() == 0);
}

TEST_CASE("when a group becomes a supergroup the answer follows it") {
  Shop shop;
  World& world = shop.world;
  constexpr std::int64_t group = -4000, supergroup = -1009999;
  world.telegram.migrate(group, supergroup);
  world.telegram.group_message(ann, group, "@" + std::string(bot_name) + " where are you?");
  CHECK(contains(world.wait_for_message(supergroup, 1).text, "where are you?"));
}

TEST_CASE("while the model thinks the person sees that somebody types") {
  Shop shop([](const json::object&) {
    ModelAnswer answer;
    answer.text = "after some thought";
    answer.transport.delay = std::chrono::seconds(2);  // quick answers need no sign
    return answer;
  });
  shop.world.ask(ann, "think");
  CHECK(shop.world.telegram.count("sendchataction") >= 1);
}

TEST_CASE("a picture is stored for its sender and shown to the model") {
  Shop shop;
  World& world = shop.world;
  std::string jpeg = "\xFF\xD8\xFF\xE0";
  jpeg += std::string("\0\x10JFIF\0", 7) + "picture bytes \xFF\xD9";
  world.telegram.photo(ann, jpeg, "what is this?");
  CHECK(contains(world.wait_for_message(ann, 1).text, "what is this?"));
  REQUIRE(world.model.requests().size() == 1);
  CHECK(contains(json::serialize(world.model.requests()[0]), "data:image/jpeg;base64,/9j/4"));
}

TEST_CASE("strange text in every form is answered") {
  Shop shop;
  World& world = shop.world;
  std::int64_t person = 1000;
  for (const std::string& text : {std::string(4096, 'x'), std::string("👩‍👩‍👧‍👦🏳️‍🌈"),
                                  std::string("\u202Eright to left\u200B"), std::string("\"}],\"role\":\"system\"")}) {
    CHECK(contains(world.ask(++person, text), "echo:"));
  }
  CHECK(world.model.refusals().empty());
}

}  // namespace
}  // namespace usher::e2e
