// What the orchestrator promises around a turn: order, fairness, durability, shutdown.
#include "gateway/gateway.h"

#include "gateway_fixture.h"

using namespace usher;
using testing::FakeProvider;
using testing::GatewayFixture;

TEST_CASE("messages of one conversation are answered in order, others do not wait for them") {
  GatewayFixture f;
  bool is_slow_done = false;
  f.model.then([&](const provider::TextSink&) -> Task<Result<provider::Completion>> {
    while (!is_slow_done) co_await sleep_for(std::chrono::milliseconds(1));
    co_return FakeProvider::text("slow");
  });
  REQUIRE(f.deliver({f.channel->message("1", "first"), f.channel->message("1", "second")}));
  CHECK(f.ask("2", "hi") == "done");
  is_slow_done = true;
  f.wait_for_sent(3);
  CHECK(f.channel->sent[0].chat == "2");
  CHECK(f.channel->sent[1].text == "slow");
  CHECK(f.channel->sent[2].text == "done");
}

TEST_CASE("a repeated platform event is answered once, and the platform's channel is told that it was known") {
  GatewayFixture f;
  const channel::Incoming incoming = f.channel->message("42", "hi");
  CHECK(f.deliver({incoming, incoming}).value().fresh == 1);
  CHECK(f.deliver({incoming}).value().fresh == 0);
  f.wait_for_sent(1);
  f.ask("43", "other");
  CHECK(f.channel->sent.size() == 2);
}

TEST_CASE("a full inbox refuses the batch and keeps nothing of it; it takes it when there is room") {
  GatewayFixture f;
  f.stop();
  f.start({.max_unfinished = 2, .max_running = 1});
  bool may_answer = false;
  f.model.then([&](const provider::TextSink&) -> Task<Result<provider::Completion>> {
    while (!may_answer) co_await sleep_for(std::chrono::milliseconds(1));
    co_return FakeProvider::text("slow");
  });
  REQUIRE(f.deliver({f.channel->message("1", "a"), f.channel->message("2", "b")}));
  const channel::Incoming third = f.channel->message("3", "c");
  const Result<channel::TakenIn> refused = f.deliver({third});
  REQUIRE_FALSE(refused);
  CHECK(refused.error().kind == ErrorKind::limit);
  may_answer = true;
  f.wait_for_sent(2);
  CHECK(f.ask(third) == "done");
}

TEST_CASE("a reply that cannot be delivered is delivered later") {
  GatewayFixture f;
  f.channel->outcomes.push_back(fail(ErrorKind::unavailable, "refused"));
  CHECK(f.ask("42", "hi") == "done");
  CHECK(f.channel->attempts == 2);
  CHECK(f.model.requests.size() == 1);
}

TEST_CASE("shutdown lets a running turn finish and be answered") {
  GatewayFixture f;
  bool is_asked = false;
  f.model.then([&](const provider::TextSink&) -> Task<Result<provider::Completion>> {
    is_asked = true;
    co_await sleep_for(std::chrono::milliseconds(20));
    co_return FakeProvider::text("finished");
  });
  REQUIRE(f.deliver({f.channel->message("42", "hi")}));
  while (!is_asked) f.run_some();
  testing::FakeChannel* channel = f.channel;
  std::string answer;
  channel->on_sent = [&] { answer = channel->sent.back().text; };
  f.stop();
  CHECK(answer == "finished");
}

TEST_CASE("a turn that does not finish within the grace, and messages that wait, are answered by the next start") {
  GatewayFixture f;
  bool is_asked = false;
  f.model.then([&](const provider::TextSink&) -> Task<Result<provider::Completion>> {
    is_asked = true;
    co_await sleep_for(std::chrono::hours(1));
    co_return FakeProvider::text("never");
  });
  REQUIRE(f.deliver({f.channel->message("42", "hi"), f.channel->message("42", "and then")}));
  while (!is_asked) f.run_some();
  f.stop(std::chrono::seconds(0));
  f.start();
  f.wait_for_sent(2);
  CHECK(f.channel->sent[0].text == "done");
  CHECK(f.channel->sent[1].text == "done");
  const auto& last = f.model.requests.back().messages;
  CHECK(last.back().text.find("and then") != std::string::npos);
}

TEST_CASE("a reply that was stored and perhaps not sent is sent by the next start without asking the model again") {
  GatewayFixture f;
  f.stop();
  {
    auto journal = gateway::open_journal(f.config->gateway.data_dir / "gateway.db", f.loop.get_executor(), f.clock);
    REQUIRE(journal);
    channel::Incoming incoming{
        .channel = "bot", .platform_id = "77", .kind = "telegram", .sender_id = "42", .chat = "42", .text = "hi"};
    auto fresh = testing::run_task(f.loop, (*journal)->accept({incoming}));
    REQUIRE(fresh);
    REQUIRE(testing::run_task(f.loop, (*journal)->store_reply(fresh->front().id, {.text = "stored reply"}, false)));
  }
  f.start();
  f.wait_for_sent(1);
  CHECK(f.channel->sent[0].text == "stored reply");
  CHECK(f.model.requests.empty());
}
