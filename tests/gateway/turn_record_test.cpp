// What is on record of a turn when the disk fails, the role changes or the process dies.
#include "gateway/record/turn_record.h"

#include <signal.h>
#include <sys/resource.h>

#include "flaky_journal.h"

using namespace usher;
using gateway::MessageId;
using gateway::Step;
using testing::FakeProvider;
using testing::FlakyJournal;
using testing::GatewayFixture;
using testing::kShopConfig;
using testing::make_flaky;
using testing::run_task;

TEST_CASE("a call that could not be put on record is not made by the next process behind the model's back") {
  // Run 1: the disk fails while call 0 is put on record, the model is told and calls again; then the process dies.
  struct Writing final : tool::Tool {
    explicit Writing(int& n) : made(n) { spec_.name = "pay", spec_.effect = tool::Effect::write; }
    int& made;
    tool::ToolSpec spec_;
    const tool::ToolSpec& spec() const override { return spec_; }
    tool::Access access(const json::object&) const override { return {}; }
    Task<Result<tool::ToolOutput>> call(const json::object&, Deadline) override {
      ++made;
      co_return tool::ToolOutput{"paid"};
    }
  };
  GatewayFixture f;
  FlakyJournal* flaky = make_flaky(f);
  auto fresh = run_task(f.loop, f.journal->accept({f.channel_message("1", "pay")}));
  REQUIRE(fresh);
  const MessageId id = fresh->front().id;
  int made = 0;
  const auto tools_of = [&](gateway::AgentRecord& record) {
    tool::ToolSet tools;
    tools.push_back(std::make_unique<Writing>(made));
    return gateway::recorded(std::move(tools), record);
  };
  {
    gateway::TurnRecord turn(*f.journal, id, {});
    gateway::AgentRecord record{.turn = turn, .agent = ""};
    tool::ToolSet tools = tools_of(record);
    flaky->fails_steps = true;
    CHECK_FALSE(run_task(f.loop, tools[0]->call({}, Deadline::in(std::chrono::milliseconds(50)))));
    flaky->fails_steps = false;
    CHECK(run_task(f.loop, tools[0]->call({}, Deadline::in(std::chrono::seconds(1)))));
    CHECK(made == 1);
    REQUIRE(run_task(f.loop, f.journal->flush()));
  }
  auto left = run_task(f.loop, f.journal->unfinished());
  REQUIRE(left);
  REQUIRE(left->size() == 1);
  gateway::TurnRecord turn(*f.journal, id, left->front().steps);
  gateway::AgentRecord record{.turn = turn, .agent = ""};
  tool::ToolSet tools = tools_of(record);
  (void)run_task(f.loop, tools[0]->call({}, Deadline::in(std::chrono::seconds(1))));
  (void)run_task(f.loop, tools[0]->call({}, Deadline::in(std::chrono::seconds(1))));
  CHECK(made == 1);
}

TEST_CASE("a role that was widened between two processes does not shift the record of an interrupted turn") {
  std::string narrow = kShopConfig;
  narrow.replace(narrow.find("allowed_tools = [\"*\"]"), 21, "allowed_tools = [\"file_write\"]");
  GatewayFixture f(narrow);
  bool is_asked = false;
  f.model.then(FakeProvider::calls({{"c1", "memory_store", R"({"text":"a fact"})"},
                                    {"c2", "file_write", R"({"path":"files/a.txt","content":"once"})"}}));
  f.model.then([&](const provider::TextSink&) -> Task<Result<provider::Completion>> {
    is_asked = true;
    co_await sleep_for(std::chrono::hours(1));
    co_return FakeProvider::text("never");
  });
  REQUIRE(f.deliver({f.channel->message("1", "do it")}));
  while (!is_asked) f.run_some();
  REQUIRE(run_task(f.loop, f.journal->flush()));
  GatewayFixture next(kShopConfig, &f);
  const auto files = next.config->gateway.data_dir / "default/files";
  REQUIRE(std::filesystem::exists(files));
  std::filesystem::remove_all(files);
  next.start();
  next.wait_for_sent(1);
  bool is_written = false;
  if (std::filesystem::exists(files)) {
    for (const auto& entry : std::filesystem::recursive_directory_iterator(files)) {
      if (entry.path().filename() == "a.txt") is_written = true;
    }
  }
  CHECK_FALSE(is_written);  // a second time
}

TEST_CASE("a message whose turn kills each process at once is counted as interrupted") {
  bool is_asked = false;
  const auto hangs = [&](const provider::TextSink&) -> Task<Result<provider::Completion>> {
    is_asked = true;
    co_await sleep_for(std::chrono::hours(1));
    co_return FakeProvider::text("never");
  };
  GatewayFixture f;
  f.model.then(hangs);
  REQUIRE(f.deliver({f.channel->message("42", "hi")}));
  while (!is_asked) f.run_some();
  GatewayFixture second(kShopConfig, &f);  // the first process dies here
  is_asked = false;
  second.model.then(hangs);
  second.start();
  while (!is_asked) second.run_some();
  GatewayFixture third(kShopConfig, &second);  // … and the second
  auto journal =
      gateway::open_journal(third.config->gateway.data_dir / "gateway.db", third.loop.get_executor(), third.clock);
  REQUIRE(journal);
  auto left = run_task(third.loop, (*journal)->unfinished());
  REQUIRE(left);
  REQUIRE(left->size() == 1);
  CHECK(left->front().interruptions >= 1);
}

TEST_CASE("a /stop whose answer could not be stored is not forgotten") {
  GatewayFixture f;
  FlakyJournal* flaky = make_flaky(f);
  bool is_asked = false;
  f.model.then([&](const provider::TextSink&) -> Task<Result<provider::Completion>> {
    is_asked = true;
    co_await sleep_for(std::chrono::hours(1));
    co_return fail(ErrorKind::cancelled, "cancelled");
  });
  REQUIRE(f.deliver({f.channel->message("42", "do something dreadful")}));
  while (!is_asked) f.run_some();
  flaky->fails_reply = true;
  REQUIRE(f.deliver({f.channel->message("42", "/stop")}));
  while (flaky->replies_failed == 0) f.run_some();
  f.model.requests.clear();
  f.stop(std::chrono::seconds(0));
  f.start();
  f.wait_for_sent(1);
  CHECK(f.channel->sent[0].text == gateway::Texts().say("stopped"));
}

TEST_CASE("a /stop that the platform waits for is answered itself, behind the turn that it has stopped") {
  GatewayFixture f;
  f.channel->awaits_each = true;
  bool is_asked = false;
  f.model.then([&](const provider::TextSink&) -> Task<Result<provider::Completion>> {
    is_asked = true;
    co_await sleep_for(std::chrono::hours(1));
    co_return fail(ErrorKind::cancelled, "cancelled");
  });
  const channel::Incoming question = f.channel->message("42", "think"), stop = f.channel->message("42", "/stop");
  REQUIRE(f.deliver({question}));
  while (!is_asked) f.run_some();
  REQUIRE(f.deliver({stop}));
  f.wait_for_sent(2);
  CHECK(f.channel->sent[0].reply_to == question.message_id);
  CHECK(f.channel->sent[1].reply_to == stop.message_id);
  for (const channel::Outgoing& sent : f.channel->sent) CHECK(sent.text == gateway::Texts().say("stopped"));
  CHECK(f.ask("42", "and now?") == "done");
}

TEST_CASE("marks that could not be written are written when the disk takes them again, without new traffic") {
  GatewayFixture f;
  f.ask("42", "hi");
  run_task(f.loop, sleep_for(std::chrono::milliseconds(300)));
  bool is_sent = false;
  f.channel->on_sent = [&] { is_sent = true; };
  rlimit before{};
  ::getrlimit(RLIMIT_FSIZE, &before);
  ::signal(SIGXFSZ, SIG_IGN);
  f.channel->on_leaving = [&]() -> Task<void> {
    const rlimit full{std::filesystem::file_size(f.config->gateway.data_dir / "gateway.db-wal"), before.rlim_max};
    ::setrlimit(RLIMIT_FSIZE, &full);
    co_return;
  };
  REQUIRE(f.deliver({f.channel->message("42", "again")}));
  while (!is_sent) f.run_some();
  run_task(f.loop, sleep_for(std::chrono::milliseconds(100)));
  ::setrlimit(RLIMIT_FSIZE, &before);
  run_task(f.loop, sleep_for(std::chrono::seconds(5)));
  GatewayFixture next(kShopConfig, &f);  // killed long after the disk had recovered
  auto journal =
      gateway::open_journal(next.config->gateway.data_dir / "gateway.db", next.loop.get_executor(), next.clock);
  REQUIRE(journal);
  CHECK(run_task(next.loop, (*journal)->unfinished())->empty());
}

TEST_CASE("the results of a finished turn are not lost to a reply that cannot be stored") {
  GatewayFixture f;
  f.stop();
  auto journal = gateway::open_journal(f.config->gateway.data_dir / "gateway.db", f.loop.get_executor(), f.clock);
  REQUIRE(journal);
  auto fresh = run_task(f.loop, (*journal)->accept({f.channel_message("1", "x")}));
  REQUIRE(fresh);
  const MessageId id = fresh->front().id;
  REQUIRE(run_task(f.loop, (*journal)->add_steps(id, {{"", Step::Kind::call, 0, "file_write"}})));
  (*journal)->note_steps(id, {{"", Step::Kind::result, 0, R"({"text":"Wrote."})"}});
  rlimit before{};
  ::getrlimit(RLIMIT_FSIZE, &before);
  ::signal(SIGXFSZ, SIG_IGN);
  const rlimit full{std::filesystem::file_size(f.config->gateway.data_dir / "gateway.db-wal"), before.rlim_max};
  ::setrlimit(RLIMIT_FSIZE, &full);
  CHECK_FALSE(run_task(f.loop, (*journal)->store_reply(id, {.text = "done"}, false)));
  ::setrlimit(RLIMIT_FSIZE, &before);
  REQUIRE(run_task(f.loop, (*journal)->flush()));
  auto left = run_task(f.loop, (*journal)->unfinished());
  REQUIRE(left);
  CHECK(left->front().steps.size() == 2);
}
