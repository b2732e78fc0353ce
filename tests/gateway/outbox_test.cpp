// How replies leave: in order, within the grace, and past platforms that take none.
#include "gateway/delivery/outbox.h"

#include "flaky_journal.h"

using namespace usher;
using gateway::MessageId;
using gateway::MessageState;
using testing::ends;
using testing::FakeChannel;
using testing::FakeProvider;
using testing::FlakyJournal;
using testing::GatewayFixture;
using testing::hang;
using testing::make_flaky;
using testing::rows;
using testing::run_task;

namespace {

// A reply that is stored, and an outbox of the test's own through which it leaves, without a gateway.
struct OneReply {
  OneReply() {
    auto fresh = run_task(f.loop, journal->accept({f.channel_message("42", "hi")}));
    REQUIRE(fresh);
    id = fresh->front().id;
    REQUIRE(run_task(f.loop, journal->store_reply(id, {.text = "hello"}, false)));
  }
  std::unique_ptr<gateway::Journal> open() {
    f.stop();
    auto opened = gateway::open_journal(f.config->gateway.data_dir / "gateway.db", f.loop.get_executor(), f.clock);
    REQUIRE(opened);
    return std::move(*opened);
  }
  void push() { outbox.push({.id = id, .lane = "l", .channel = &channel}); }

  GatewayFixture f;
  std::unique_ptr<gateway::Journal> journal = open();
  MessageId id = 0;
  FakeChannel channel{f.loop.get_executor(), "bot"};
  bool is_done = false;
  gateway::Outbox outbox{f.loop.get_executor(), *journal, 8, [this](const channel::Channel&) { is_done = true; }};
};

}  // namespace

TEST_CASE("a reply that waits for the platform's limit at the end of the grace is sent by the next start") {
  GatewayFixture f;
  bool is_waiting = false;
  // What Outbound does while it waits for Telegram's limit: came_back(), sleep, and cancelled when it is woken.
  f.channel->on_leaving = hang(is_waiting);
  f.channel->outcomes.push_back(fail(ErrorKind::cancelled, "given up while waiting for Telegram's limit"));
  REQUIRE(f.deliver({f.channel->message("42", "hi")}));
  while (!is_waiting) f.run_some();
  f.stop(std::chrono::seconds(0));
  f.start();
  CHECK(rows(f, MessageState::undelivered) == 0);
  f.ask("43", "x");
  CHECK(f.channel->sent.size() == 2);
}

TEST_CASE("shutdown ends at the grace although more replies wait than may be sent at once") {
  GatewayFixture f;
  f.stop();
  f.start({.max_sending = 1});
  bool is_sending = false;
  f.channel->on_leaving = hang(is_sending);
  REQUIRE(f.deliver({f.channel->message("42", "a"), f.channel->message("43", "b"), f.channel->message("44", "c")}));
  while (!is_sending || f.model.requests.size() < 3) f.run_some();
  run_task(f.loop, sleep_for(std::chrono::milliseconds(50)));
  CHECK(ends(f, std::chrono::seconds(0)));
  CHECK(f.channel->attempts == 1);
}

TEST_CASE("a reply whose commit outlasts the grace does not begin to leave behind it") {
  GatewayFixture f;
  FlakyJournal* flaky = make_flaky(f);
  flaky->reply_takes = std::chrono::milliseconds(300);
  bool is_sending = false;
  f.channel->on_leaving = hang(is_sending);
  REQUIRE(f.deliver({f.channel->message("42", "a")}));
  while (!flaky->is_storing) f.run_some();
  CHECK(ends(f, std::chrono::seconds(0)));
  CHECK_FALSE(is_sending);
}

TEST_CASE("at shutdown no reply overtakes one of its conversation that was parked") {
  GatewayFixture f;
  f.channel->outcomes.push_back(fail(ErrorKind::unavailable, "later"));
  bool is_asked = false, may_answer = false;
  f.model.then(FakeProvider::text("first"));
  f.model.then([&](const provider::TextSink&) -> Task<Result<provider::Completion>> {
    is_asked = true;
    while (!may_answer) co_await sleep_for(std::chrono::milliseconds(1));
    co_return FakeProvider::text("second");
  });
  std::vector<std::string> seen;
  REQUIRE(f.deliver({f.channel->message("42", "one"), f.channel->message("42", "two")}));
  while (!is_asked || f.channel->attempts < 1) f.run_some();
  FakeChannel* channel = f.channel;
  channel->on_sent = [&] { seen.push_back(channel->sent.back().text); };
  f.gateway->shut_down(std::chrono::seconds(5));
  may_answer = true;
  f.stop();
  f.start();
  while (seen.size() + f.channel->sent.size() < 2) f.run_some();
  for (const auto& message : f.channel->sent) seen.push_back(message.text);
  REQUIRE(seen.size() == 2);
  CHECK(seen[0] == "first");
  CHECK(seen[1] == "second");
}

TEST_CASE("a platform that takes no replies holds up no other channel's") {
  GatewayFixture f;
  f.stop();
  f.has_other = true;
  f.start({.max_sending = 2});
  for (int i = 0; i < 100; ++i) f.channel->outcomes.push_back(fail(ErrorKind::unavailable, "later"));
  REQUIRE(f.deliver({f.channel->message("42", "a"), f.channel->message("43", "b")}));
  while (f.channel->attempts < 2) f.run_some();
  REQUIRE(run_task(f.loop, f.other->deliver({f.other->message("44", "c")})));
  const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(5);
  while (f.other->sent.empty() && std::chrono::steady_clock::now() < until) f.run_some();
  CHECK(f.other->sent.size() == 1);
}

TEST_CASE("a part that may have arrived stays so, whatever becomes of further tries, and none leaves too late") {
  OneReply reply;
  int left = 0, held_back = 0;
  reply.channel.resends = std::chrono::seconds(2);
  reply.channel.sends = [&](channel::Passage& passage) -> Task<Result<channel::Delivery>> {
    const Result<void> leaves = co_await passage.leave();
    if (!leaves) {
      ++held_back;
      co_return fail(leaves.error());
    }
    if (++left == 1) co_return channel::Delivery::unknown;
    passage.came_back();  // a 429
    co_return fail(ErrorKind::busy, "wait");
  };
  reply.push();
  while (!reply.is_done) reply.f.run_some();
  CHECK(left >= 2);
  CHECK(held_back == 1);
  auto rows = run_task(reply.f.loop, reply.journal->conversations(MessageState::unknown, 10));
  REQUIRE(rows);
  CHECK(rows->size() == 1);
}

TEST_CASE("a reply whose first part has arrived and whose second has not left is not unknown after a restart") {
  OneReply reply;
  bool has_tried = false;
  reply.channel.sends = [&](channel::Passage& passage) -> Task<Result<channel::Delivery>> {
    const Result<void> left = co_await passage.leave();
    REQUIRE(left);
    passage.arrived();
    passage.came_back();  // Outbound::wait_for_turn: paused meanwhile
    has_tried = true;
    co_return fail(ErrorKind::busy, "Telegram asks to wait longer than this message may");
  };
  reply.push();
  while (!has_tried) reply.f.run_some();
  run_task(reply.f.loop, sleep_for(std::chrono::milliseconds(30)));
  reply.outbox.close();
  while (!reply.is_done) reply.f.run_some();
  REQUIRE(run_task(reply.f.loop, reply.journal->flush()));
  auto left = run_task(reply.f.loop, reply.journal->unfinished());
  REQUIRE(left);
  REQUIRE(left->size() == 1);
  CHECK(left->front().state == MessageState::ready);
  CHECK(left->front().parts_arrived == 1);
}
