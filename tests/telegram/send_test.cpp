// What the channel says, against the Bot API simulator.
#include <doctest/doctest.h>

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <optional>
#include <string>
#include <vector>

#include "base/secret.h"
#include "channels/telegram/telegram.h"
#include "net/http_client.h"
#include "support/fakes/fake_passage.h"
#include "support/run_task.h"
#include "support/telegram/telegram_simulator.h"

using namespace usher;
using namespace usher::telegram;
using namespace std::chrono_literals;
using usher::testing::FakePassage;
using usher::testing::HttpReply;
using usher::testing::run_task;
using usher::testing::SentMessage;
using usher::testing::TelegramSimulator;

namespace {

struct Fixture {
  Fixture() {
    TelegramOptions options;
    options.name = "shop";
    options.token = Secret(simulator.token());
    options.api_root = simulator.api_root();
    options.poll_timeout = 5s;
    channel = make_telegram(*http, options);
  }

  Result<channel::Delivery> send(const std::string& chat, const std::string& text, const std::string& thread = "",
                                 const std::string& reply_to = "", std::chrono::milliseconds limit = 5s) {
    const channel::Outgoing message{chat, thread, reply_to, !reply_to.empty(), text, {}, "id-1"};
    passage = FakePassage(arrived_before);
    return run_task(loop, channel->send(message, passage, Deadline::in(limit)));
  }
  Result<std::string> fetch(const std::string& id, std::size_t max_bytes) {
    channel::Attachment attachment;
    attachment.platform_id = id;
    return run_task(loop, channel->fetch(attachment, max_bytes, Deadline::in(5s)));
  }
  SentMessage only() const {
    REQUIRE(simulator.sent().size() == 1);
    return simulator.sent()[0];
  }

  asio::io_context loop{1};
  TelegramSimulator simulator{loop.get_executor()};
  std::unique_ptr<net::HttpClient> http = net::make_http_client(loop.get_executor());
  std::unique_ptr<channel::Channel> channel;
  std::size_t arrived_before = 0;
  FakePassage passage;  // of the last send
};

HttpReply refusal(int code, const std::string& description) {
  HttpReply reply;
  reply.status = code;
  reply.body = R"({"ok":false,"error_code":)" + std::to_string(code) + R"(,"description":")" + description + R"("})";
  return reply;
}

}  // namespace

TEST_CASE("Markdown arrives as styled text") {
  Fixture f;
  CHECK(f.send("7", "**Hi** <you> & `me`") == channel::Delivery::sent);
  CHECK(f.only().text == "Hi <you> & me");
  CHECK(f.only().parse_mode == "HTML");
  CHECK(f.only().entities.size() == 2);
}

TEST_CASE("replies and topics are kept; only the first chunk quotes") {
  Fixture f;
  f.simulator.group_message(7, -100, "question", 55);
  std::string text;
  for (int i = 0; i < 2000; ++i) text += "word" + std::to_string(i) + " ";
  CHECK(f.send("-100", text, "55", "1") == channel::Delivery::sent);
  const std::vector<SentMessage> sent = f.simulator.sent();
  REQUIRE(sent.size() == 5);
  CHECK(sent[0].reply_to == 1);
  CHECK(sent[1].reply_to == 0);
  for (const SentMessage& message : sent) CHECK(message.thread_id == 55);
  std::string all;
  for (const SentMessage& message : sent) all += message.text + " ";
  CHECK(all == text);
}

TEST_CASE("a reply to a message that is gone is sent all the same") {
  Fixture f;
  CHECK(f.send("7", "hi", "", "999") == channel::Delivery::sent);
  f.simulator.fault("sendMessage", refusal(400, "Bad Request: message to be replied not found"));
  CHECK(f.send("7", "hi", "", "999") == channel::Delivery::sent);
}

TEST_CASE("a topic that is gone is answered without it, once") {
  Fixture f;
  CHECK(f.send("-100", "hi", "77") == channel::Delivery::sent);
  CHECK(f.only().thread_id == 0);
  CHECK(f.simulator.count("sendMessage") == 2);
}

TEST_CASE("HTML that Telegram refuses is sent once as plain text, that chunk only") {
  Fixture f;
  f.simulator.fault("sendMessage", refusal(400, "Bad Request: can't parse entities: x"));
  CHECK(f.send("7", "**Hi** <you>") == channel::Delivery::sent);
  CHECK(f.only().parse_mode == "");
  CHECK(f.only().text == "Hi <you>");
  for (int i = 0; i < 2; ++i) f.simulator.fault("sendMessage", refusal(400, "Bad Request: can't parse entities: x"));
  CHECK(f.send("7", "again").error().kind == ErrorKind::invalid);
  CHECK(f.simulator.count("sendMessage") == 4);
}

TEST_CASE("a 429 is waited out and nothing is lost or doubled") {
  Fixture f;
  f.simulator.too_many_requests("sendMessage", 1);
  const auto begin = std::chrono::steady_clock::now();
  CHECK(f.send("7", "hi") == channel::Delivery::sent);
  CHECK(std::chrono::steady_clock::now() - begin >= 1s);
  CHECK(f.only().text == "hi");
}

TEST_CASE("a 429 longer than the deadline is busy, says until when, and holds only its own chat") {
  Fixture f;
  f.simulator.too_many_requests("sendMessage", 100);
  const Result<channel::Delivery> first = f.send("7", "hi", "", "", 500ms);
  REQUIRE_FALSE(first.has_value());
  CHECK(first.error().kind == ErrorKind::busy);
  REQUIRE(first.error().retry_after.has_value());
  CHECK(*first.error().retry_after > 90s);
  CHECK(f.send("7", "hi again").error().kind == ErrorKind::busy);
  CHECK(f.simulator.count("sendMessage") == 1);  // the second was not even tried
  CHECK(f.send("8", "you are free") == channel::Delivery::sent);
  f.simulator.too_many_requests("sendMessage", 100);
  CHECK(f.send("9", "a second chat", "", "", 500ms).error().kind == ErrorKind::busy);
  CHECK(f.send("8", "now everybody waits").error().kind == ErrorKind::busy);
  CHECK(f.simulator.count("sendMessage") == 3);
}

TEST_CASE("a migrated group is followed and remembered") {
  Fixture f;
  f.simulator.migrate(-5, -1005);
  CHECK(f.send("-5", "one", "", "3") == channel::Delivery::sent);
  CHECK(f.send("-5", "two") == channel::Delivery::sent);
  REQUIRE(f.simulator.sent().size() == 2);
  CHECK(f.simulator.sent()[0].chat_id == -1005);
  CHECK(f.simulator.sent()[1].chat_id == -1005);
  CHECK(f.simulator.count("sendMessage") == 3);
}

TEST_CASE("a blocked bot is gone, not an error") {
  Fixture f;
  f.simulator.block(7);
  f.simulator.block(-100);
  CHECK(f.send("7", "hi") == channel::Delivery::gone);
  CHECK(f.send("-100", "hi") == channel::Delivery::gone);
  f.simulator.fault("sendMessage", refusal(403, "Forbidden: user is deactivated"));
  CHECK(f.send("8", "hi") == channel::Delivery::gone);
}

TEST_CASE("a call of which no answer came is never repeated, and its fate is unknown") {
  Fixture f;
  CHECK(f.send("7", "first") == channel::Delivery::sent);  // the connection is now kept open
  CHECK(f.passage.steps == "la");
  f.simulator.lose_answer("sendMessage");
  CHECK(f.send("7", "second") == channel::Delivery::unknown);
  CHECK(f.simulator.count("sendMessage") == 2);
  CHECK(f.passage.steps == "l");  // neither arrived nor back
  HttpReply hang;
  hang.hang = true;
  f.simulator.fault("sendMessage", hang);
  CHECK(f.send("7", "third", "", "", 50ms) == channel::Delivery::unknown);
  HttpReply nonsense;  // it says neither yes nor no
  nonsense.body = "<html>all is well</html>";
  f.simulator.fault("sendMessage", nonsense);
  CHECK(f.send("7", "fourth") == channel::Delivery::unknown);
  HttpReply impatient;
  impatient.status = 504;
  impatient.body = "<html>";
  f.simulator.fault("sendMessage", impatient);
  CHECK(f.send("7", "fifth") == channel::Delivery::unknown);
}

TEST_CASE("what was refused, or never left, has come back and may be sent again") {
  Fixture f;
  HttpReply bad_gateway;
  bad_gateway.status = 502;
  bad_gateway.body = "<html>";
  f.simulator.fault("sendMessage", bad_gateway);
  CHECK(f.send("7", "hi").error().kind == ErrorKind::unavailable);
  CHECK(f.passage.steps == "lb");
  f.simulator.too_many_requests("sendMessage", 1);
  CHECK(f.send("7", "hi") == channel::Delivery::sent);
  CHECK(f.passage.steps == "lbla");
  f.simulator.too_many_requests("sendMessage", 100);
  CHECK(f.send("8", "hi", "", "", 500ms).error().kind == ErrorKind::busy);
  CHECK(f.passage.steps == "lb");
  CHECK_FALSE(f.channel->can_send_now("8"));
  CHECK(f.channel->can_send_now("7"));
}

TEST_CASE("nothing leaves that could not be put on record") {
  Fixture f;
  f.passage.refusal = Error{ErrorKind::io, "the disk is full"};
  const channel::Outgoing message{.chat = "7", .text = "hi", .idempotency = "id-1"};
  CHECK(run_task(f.loop, f.channel->send(message, f.passage, Deadline::in(5s))).error().kind == ErrorKind::io);
  CHECK(f.simulator.count("sendMessage") == 0);
}

TEST_CASE("a long reply that failed in the middle goes on behind what has arrived") {
  Fixture f;
  std::string text;
  for (int i = 0; i < 1500; ++i) text += "word" + std::to_string(i) + " ";
  HttpReply taken;  // the first part arrives, though the simulator does not list it
  taken.body = R"({"ok":true,"result":{"message_id":1,"date":1,"chat":{"id":42,"type":"private"}}})";
  f.simulator.fault("sendmessage", taken);
  f.simulator.fault("sendmessage", refusal(502, "Bad Gateway"));
  REQUIRE_FALSE(f.send("42", text));
  CHECK(f.passage.steps == "lalb");
  REQUIRE(f.simulator.sent().empty());
  f.arrived_before = f.passage.parts_arrived();
  REQUIRE(f.send("42", text));
  std::string seen;
  for (const SentMessage& message : f.simulator.sent()) seen += message.text + " ";
  CHECK(seen.find("word0 ") == std::string::npos);
  CHECK(seen.find("word900 ") != std::string::npos);
  CHECK(seen.find("word1499 ") != std::string::npos);
}

TEST_CASE("markup around nothing is shown as it was written, and nothing at all is an error") {
  Fixture f;
  CHECK(f.send("7", "[](https://a.b)") == channel::Delivery::sent);
  CHECK(f.only().text == "[](https://a.b)");
  CHECK(f.send("7", " \n\u200B").error().kind == ErrorKind::invalid);
}

TEST_CASE("no error names the token") {
  Fixture f;
  f.simulator.fault("sendMessage", refusal(400, "Bad Request: strange"));
  f.simulator.fault("sendMessage", refusal(401, "Unauthorized"));
  for (int i = 0; i < 2; ++i) {
    const Result<channel::Delivery> result = f.send("7", "x");
    REQUIRE_FALSE(result.has_value());
    CHECK_FALSE(holds_secret(result.error().message));
  }
}

TEST_CASE("a photo is fetched whole, within the bound, and faults are errors") {
  Fixture f;
  const std::string bytes(3000, '\x89');
  f.simulator.photo(7, bytes, "look");
  CHECK(f.fetch("photo1", 3000) == bytes);
  CHECK(f.fetch("photo1", 2999).error().kind == ErrorKind::limit);
  CHECK(f.fetch("nothing", 3000).error().kind == ErrorKind::invalid);
  HttpReply larger;
  larger.body = std::string(5000, 'x');  // more than getFile said
  f.simulator.fault("download", larger);
  CHECK(f.fetch("photo1", 3000).error().kind == ErrorKind::limit);
  HttpReply missing;
  missing.status = 404;
  f.simulator.fault("download", missing);
  CHECK(f.fetch("photo1", 3000).error().kind == ErrorKind::not_found);
}

TEST_CASE("typing is shown at most once in its interval per chat, and joined at the end") {
  Fixture f;
  bool has_ended = false;
  const channel::Intake intake = [](std::vector<channel::Incoming>) -> Task<Result<channel::TakenIn>> {
    co_return channel::TakenIn{};
  };
  asio::co_spawn(f.loop, f.channel->run(intake), [&](std::exception_ptr) { has_ended = true; });
  const auto run_until = [&](const std::function<bool()>& done) {
    for (int i = 0; i < 1000 && !done(); ++i) {
      f.loop.restart();
      f.loop.run_one_for(5ms);
    }
    return done();
  };
  REQUIRE(run_until([&] { return f.simulator.count("getUpdates") == 1; }));
  for (int i = 0; i < 5; ++i) f.channel->show_typing("7", "");
  f.channel->show_typing("8", "");
  REQUIRE(run_until([&] { return f.simulator.count("sendChatAction") == 2; }));
  HttpReply hang;
  hang.hang = true;
  f.simulator.fault("sendChatAction", hang);
  f.channel->show_typing("9", "");
  REQUIRE(run_until([&] { return f.simulator.count("sendChatAction") == 3; }));
  f.channel->stop();
  CHECK(run_until([&] { return has_ended; }));
  f.channel->show_typing("10", "");
  f.loop.restart();
  f.loop.run_for(5ms);
  CHECK(f.simulator.count("sendChatAction") == 3);
}

TEST_CASE("what had no time left to leave has not left") {
  Fixture f;
  const Result<channel::Delivery> sent = f.send("7", "hi", "", "", 0ms);
  CHECK(f.simulator.count("sendMessage") == 0);
  CHECK_FALSE(sent.has_value());
}

TEST_CASE("a wait for Telegram's limit that is given up is no refusal") {
  Fixture f;
  f.simulator.too_many_requests("sendMessage", 3);
  const channel::Outgoing message{.chat = "7", .text = "hi", .idempotency = "id-1"};
  FakePassage passage(0);
  std::optional<Result<channel::Delivery>> sent;
  asio::cancellation_signal abandon;
  asio::co_spawn(
      f.loop, f.channel->send(message, passage, Deadline::in(10s)),
      asio::bind_cancellation_slot(abandon.slot(), [&](std::exception_ptr error, Result<channel::Delivery> r) {
        if (!error) sent = std::move(r);
        f.loop.stop();
      }));
  f.loop.restart();
  f.loop.run_for(500ms);
  abandon.emit(asio::cancellation_type::terminal);
  f.loop.restart();
  f.loop.run_for(500ms);
  REQUIRE(sent);
  MESSAGE(to_string(sent->error().kind));
}
