#include "channels/discord/outbound/outbound.h"

#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "discord/outbound/outbound_fixture.h"

using namespace usher;
using namespace usher::discord;
using namespace std::chrono_literals;
using channel::Delivery;
using usher::testing::DiscordMessage;
using usher::testing::FakePassage;
using usher::testing::HttpReply;

namespace {

HttpReply page(int status) {
  HttpReply reply;
  reply.status = status;
  reply.content_type = "text/html";
  reply.body = "<html>";
  return reply;
}

}  // namespace

TEST_CASE("an answer quotes its question, carries its nonce and pings nobody") {
  OutboundFixture f;
  const std::string question = f.simulator.guild_message("77", "hello?");
  CHECK(f.send(f.outgoing("Hi @everyone, <@77> and <@&5>", question)) == Delivery::sent);
  const DiscordMessage sent = f.message(0);
  CHECK(sent.content == "Hi @everyone, <@77> and <@&5>");
  CHECK(sent.reply_to == question);
  CHECK(sent.nonce == "answer-1-0");
  CHECK(sent.pinged.empty());
  CHECK(sent.request.at("flags") == 4);  // nothing it links to is fetched before somebody presses it
  CHECK(f.passage.steps == "la");
  CHECK(f.simulator.count("DELETE /channels/:channel/messages/:message/reactions/:emoji/@me") == 0);
}

TEST_CASE("a direct message quotes nothing, and a question that is gone is no obstacle") {
  OutboundFixture f;
  channel::Outgoing direct = f.outgoing("one", f.simulator.guild_message("77", "hello?"));
  direct.is_group = false;
  CHECK(f.send(direct) == Delivery::sent);
  CHECK(f.message(0).reply_to.empty());
  channel::Outgoing late = f.outgoing("two", "123456789");
  late.idempotency = "answer-2";
  CHECK(f.send(late) == Delivery::sent);
  CHECK(f.message(1).content == "two");
}

TEST_CASE("a long answer leaves in parts, each with its nonce; the first quotes, the last has the buttons") {
  OutboundFixture f;
  channel::Outgoing message = f.outgoing(long_text(5), f.simulator.guild_message("77", "hello?"));
  message.choices = {{"Yes", "/yes"}, {"No", "/no"}, {"Again", "/yes"}};
  CHECK(f.send(message) == Delivery::sent);
  const std::vector<DiscordMessage> sent = f.simulator.sent();
  REQUIRE(sent.size() == 3);
  CHECK(sent[2].nonce == "answer-1-2");
  CHECK_FALSE(sent[0].reply_to.empty());
  CHECK(sent[1].reply_to.empty());
  CHECK(sent[0].components.empty());
  REQUIRE(sent[2].components.size() == 1);
  const json::array& buttons = sent[2].components[0].at("components").as_array();
  REQUIRE(buttons.size() == 2);
  CHECK(buttons[0].at("custom_id") == "say:/yes");
  CHECK(buttons[0].at("label") == "Yes");
  CHECK(f.passage.steps == "lalala");
}

TEST_CASE("with long_reply = file the beginning stays a message and all of it goes along") {
  OutboundFixture f([](DiscordOptions& options) { options.long_reply = LongReply::file; });
  CHECK(f.send(f.outgoing("short")) == Delivery::sent);
  CHECK(f.message(0).files.empty());
  channel::Outgoing message = f.outgoing(long_text(5));
  message.idempotency = "answer-2";
  CHECK(f.send(message) == Delivery::sent);
  REQUIRE(f.simulator.sent().size() == 2);
  const DiscordMessage sent = f.message(1);
  CHECK(sent.content.size() <= 1500);
  CHECK(message.text.starts_with(sent.content));
  REQUIRE(sent.files.size() == 1);
  CHECK(sent.files[0].name == "answer.md");
  CHECK(sent.files[0].bytes == message.text);
  CHECK(sent.pinged.empty());
}

TEST_CASE("parts that arrived earlier are not sent again") {
  OutboundFixture f;
  f.arrived_before = 2;
  CHECK(f.send(f.outgoing(long_text(5))) == Delivery::sent);
  REQUIRE(f.simulator.sent().size() == 1);
  CHECK(f.message(0).nonce == "answer-1-2");
}

TEST_CASE("an answer that was lost is unknown, and said again it stands there once") {
  OutboundFixture f;
  f.simulator.lose_answer(kCreate);
  CHECK(f.send(f.outgoing("hi")) == Delivery::unknown);
  CHECK(f.passage.steps == "l");
  CHECK(f.send(f.outgoing("hi")) == Delivery::sent);
  CHECK(f.simulator.sent().size() == 1);
  CHECK(f.simulator.count(kEdit) == 0);
  CHECK(Outbound::resends_for(f.outgoing("hi")) >= 60s);
}

TEST_CASE("said again in other words, the words are changed") {
  OutboundFixture f;
  CHECK(f.send(f.outgoing("first words")) == Delivery::sent);
  CHECK(f.send(f.outgoing("second words @everyone")) == Delivery::sent);
  REQUIRE(f.simulator.sent().size() == 1);
  CHECK(f.message(0).content == "second words @everyone");
  CHECK(f.message(0).pinged.empty());
}

TEST_CASE("a refusal before anything left comes back, whatever it is") {
  struct Case {
    int status, code;
    std::optional<Delivery> delivery;
    ErrorKind kind;
  };
  const std::vector<Case> cases = {
      {403, 50007, Delivery::gone, {}},     {404, 10003, Delivery::gone, {}}, {403, 50013, Delivery::gone, {}},
      {400, 50035, {}, ErrorKind::invalid}, {401, 0, {}, ErrorKind::denied},  {403, 20009, {}, ErrorKind::invalid},
  };
  for (const Case& c : cases) {
    CAPTURE(c.code);
    OutboundFixture f;
    f.simulator.refuse(kCreate, c.status, c.code, "no");
    const Result<Delivery> sent = f.send(f.outgoing("hi"));
    if (c.delivery) CHECK(sent == *c.delivery);
    if (!c.delivery) CHECK(sent.error().kind == c.kind);
    CHECK(f.passage.steps == "lb");
  }
}

TEST_CASE("a server's page may hide an arrival; a proxy's refusal does not") {
  OutboundFixture f;
  f.simulator.fault(kCreate, page(502));
  CHECK(f.send(f.outgoing("hi")) == Delivery::unknown);
  f.simulator.fault(kCreate, page(403));
  CHECK(f.send(f.outgoing("hi")).error().kind == ErrorKind::unavailable);
  CHECK(f.passage.steps == "lb");
}

TEST_CASE("a 429 is waited out, and the passage knows that nothing has left meanwhile") {
  OutboundFixture f;
  f.simulator.too_many(kCreate, "user", 0.2);
  CHECK(f.send(f.outgoing("hi")) == Delivery::sent);
  CHECK(f.passage.steps == "lbla");
  f.simulator.too_many(kCreate, "user", 60);
  channel::Outgoing second = f.outgoing("hi again");
  second.idempotency = "answer-2";
  const Result<Delivery> held = f.send(second, 1s);
  CHECK(held.error().kind == ErrorKind::busy);
  CHECK(held.error().retry_after.value_or(0ms) > 50s);
  CHECK(f.passage.steps == "lb");
  CHECK_FALSE(f.outbound->can_send_now(f.channel));
  CHECK(f.outbound->can_send_now("5"));
}

TEST_CASE("what the disk does not record does not leave") {
  OutboundFixture f;
  f.passage.refusal = Error{ErrorKind::io, "disk full", {}};
  const Result<Delivery> sent =
      usher::testing::run_task(f.loop, f.outbound->send(f.outgoing("hi"), f.passage, Deadline::in(2s)));
  CHECK(sent.error().kind == ErrorKind::io);
  CHECK(f.simulator.count(kCreate) == 0);
}

TEST_CASE("nothing to see, or nowhere to go, is an error without a call") {
  OutboundFixture f;
  CHECK(f.send(f.outgoing(" \n\u200B")).error().kind == ErrorKind::invalid);
  channel::Outgoing nowhere = f.outgoing("hi");
  nowhere.chat = "../users/@me";
  CHECK(f.send(nowhere).error().kind == ErrorKind::invalid);
  CHECK(f.simulator.count(kCreate) == 0);
}

TEST_CASE("where the bot may not read back it does not quote") {
  OutboundFixture f;
  f.simulator.refuse(kCreate, 400, 160002, "Cannot reply without permission to read message history");
  CHECK(f.send(f.outgoing("hi", f.simulator.guild_message("77", "?"))) == Delivery::sent);
  CHECK(f.message(0).reply_to.empty());
  CHECK(f.passage.steps == "lbla");
}

TEST_CASE("typing is shown once in its interval for each chat, and joined at the end") {
  OutboundFixture f;
  const std::string other = f.simulator.add_channel(f.simulator.options().guild);
  for (int i = 0; i < 5; ++i) f.outbound->show_typing(f.channel, "");
  f.outbound->show_typing(other, "");
  f.outbound->show_typing("no channel", "");
  CHECK(f.run_until([&] { return f.simulator.typing().size() == 2; }));
  usher::testing::run_task(f.loop, [](Outbound& out) -> Task<int> {
    co_await out.stop();
    co_return 0;
  }(*f.outbound));
  f.outbound->show_typing("5", "");
  f.run_for(5ms);
  CHECK(f.simulator.count("POST /channels/:channel/typing") == 2);
}

TEST_CASE("an accepted message carries a reaction until it is answered") {
  OutboundFixture f([](DiscordOptions& options) { options.acknowledge = "👀"; });
  channel::Incoming question;
  question.chat = f.channel;
  question.message_id = f.simulator.guild_message("77", "hello?");
  f.outbound->acknowledge(question);
  CHECK(f.run_until([&] { return f.simulator.reactions().size() == 1; }));
  CHECK(f.simulator.reactions()[0].emoji == "👀");
  CHECK(f.send(f.outgoing("hi", question.message_id)) == Delivery::sent);
  CHECK(f.run_until([&] { return f.simulator.reactions().size() == 2; }));
  CHECK_FALSE(f.simulator.reactions()[1].is_added);
}

TEST_CASE("a reaction that was never put is not taken away, and one that is refused is not asked for again") {
  OutboundFixture f([](DiscordOptions& options) { options.acknowledge = "👀"; });
  const std::string put = "PUT /channels/:channel/messages/:message/reactions/:emoji/@me";
  f.simulator.refuse(put, 403, 50013, "Missing Permissions");
  channel::Incoming question;
  question.chat = f.channel;
  question.message_id = f.simulator.guild_message("77", "hello?");
  f.outbound->acknowledge(question);
  CHECK(f.run_until([&] { return f.simulator.count(put) == 1; }));
  f.run_for(20ms);
  f.outbound->acknowledge(question);
  CHECK(f.send(f.outgoing("hi", question.message_id)) == Delivery::sent);
  f.run_for(20ms);
  CHECK(f.simulator.count(put) == 1);
  CHECK(f.simulator.reactions().empty());
}
