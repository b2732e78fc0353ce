#include <signal.h>
#include <sys/resource.h>

#include "gateway/outbox.h"
#include "gateway/turn_record.h"
#include "gateway_fixture.h"

using namespace usher;
using gateway::Accepted;
using gateway::Journal;
using gateway::MessageId;
using gateway::MessageState;
using gateway::Step;
using testing::FakeChannel;
using testing::FakeProvider;
using testing::GatewayFixture;
using testing::kGatewayConfig;
using testing::kShopConfig;
using testing::run_task;

namespace {

// Forwards; can refuse or hold back.
class FlakyJournal final : public Journal {
 public:
  explicit FlakyJournal(std::unique_ptr<Journal> inner) : inner_(std::move(inner)) {}
  bool fails_reply = false, fails_steps = false;
  std::chrono::milliseconds reply_takes{0};

  Task<Result<std::vector<Accepted>>> accept(std::vector<channel::Incoming> b) override {
    return inner_->accept(std::move(b));
  }
  Task<Result<void>> add_steps(MessageId id, std::vector<Step> steps) override {
    if (fails_steps) return failing();
    return inner_->add_steps(id, std::move(steps));
  }
  void note_steps(MessageId id, std::vector<Step> steps) override { inner_->note_steps(id, std::move(steps)); }
  Task<Result<void>> store_reply(MessageId id, const gateway::Reply& reply, bool is_leaving) override {
    if (fails_reply) {
      ++replies_failed;
      return failing();
    }
    return slowly(id, reply, is_leaving);
  }
  int replies_failed = 0;
  Task<Result<void>> slowly(MessageId id, const gateway::Reply& reply, bool is_leaving) {
    Result<void> stored = co_await inner_->store_reply(id, reply, is_leaving);
    // As a commit on a slow disk: not cancellable.
    if (reply_takes.count() > 0) {
      is_storing = true;
      auto state = std::make_shared<asio::steady_timer>(co_await asio::this_coro::executor, reply_takes);
      co_await asio::async_initiate<const asio::use_awaitable_t<>, void()>(
          [state](auto handler) {
            state->async_wait([state, handler = std::make_shared<decltype(handler)>(std::move(handler))](
                                  boost::system::error_code) { std::move (*handler)(); });
          },
          asio::use_awaitable);
    }
    co_return stored;
  }
  bool is_storing = false;
  Task<Result<void>> store_leaving(MessageId id, std::size_t parts) override {
    return inner_->store_leaving(id, parts);
  }
  void mark_running(MessageId id) override { inner_->mark_running(id); }
  void mark_ready(MessageId id, std::size_t parts) override { inner_->mark_ready(id, parts); }
  void mark_done(MessageId id, MessageState as) override { inner_->mark_done(id, as); }
  Task<Result<std::vector<Accepted>>> unfinished() override { return inner_->unfinished(); }
  Task<Result<std::vector<gateway::ConversationRow>>> conversations(std::optional<MessageState> s,
                                                                    std::size_t n) override {
    return inner_->conversations(s, n);
  }
  const std::string& instance() const override { return inner_->instance(); }
  Task<Result<void>> flush() override { return inner_->flush(); }

 private:
  static Task<Result<void>> failing() { co_return fail(ErrorKind::io, "the disk is full"); }
  std::unique_ptr<Journal> inner_;
};

FlakyJournal* make_flaky(GatewayFixture& f, gateway::Bounds bounds = {}) {
  auto flaky = std::make_shared<FlakyJournal*>(nullptr);
  f.stop();
  f.wrap = [flaky](std::unique_ptr<Journal> inner) {
    auto made = std::make_unique<FlakyJournal>(std::move(inner));
    *flaky = made.get();
    return made;
  };
  f.start(bounds);
  f.wrap = nullptr;
  return *flaky;
}

std::size_t rows(GatewayFixture& f, MessageState state) {
  auto found = run_task(f.loop, f.journal->conversations(state, 10));
  REQUIRE(found);
  return found->size();
}

std::function<Task<void>()> hang(bool& flag) {
  return [&flag]() -> Task<void> {
    flag = true;
    co_await sleep_for(std::chrono::hours(1));
  };
}

// Runs the loop until the gateway has ended; false when it does not within 3 s.
bool ends(GatewayFixture& f, std::chrono::seconds grace) {
  f.gateway->shut_down(grace);
  const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(3);
  while (!f.has_ended && std::chrono::steady_clock::now() < until) {
    f.loop.restart();
    f.loop.run_one_for(std::chrono::milliseconds(100));
  }
  return f.has_ended;
}

}  // namespace

TEST_CASE("R1 a reply that waits for the platform's limit at the end of the grace is sent by the next start") {
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

TEST_CASE("R2 shutdown ends at the grace although more replies wait than may be sent at once") {
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
  std::fprintf(stderr, "ended %d, attempts %d\n", f.has_ended, f.channel ? f.channel->attempts : -1);
  std::fflush(nullptr);
  std::_Exit(f.has_ended ? 0 : 1);  // what hangs cannot be stopped
}

TEST_CASE("R2b a reply whose commit outlasts the grace does not begin to leave behind it") {
  GatewayFixture f;
  FlakyJournal* flaky = make_flaky(f);
  flaky->reply_takes = std::chrono::milliseconds(300);
  bool is_sending = false;
  f.channel->on_leaving = hang(is_sending);
  REQUIRE(f.deliver({f.channel->message("42", "a")}));
  while (!flaky->is_storing) f.run_some();
  CHECK(ends(f, std::chrono::seconds(0)));
  CHECK_FALSE(is_sending);
  std::fprintf(stderr, "ended %d, attempts %d\n", f.has_ended, f.channel ? f.channel->attempts : -1);
  std::fflush(nullptr);
  std::_Exit(f.has_ended ? 0 : 1);  // what hangs cannot be stopped
}

TEST_CASE("R3 at shutdown no reply overtakes one of its conversation that was parked") {
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

TEST_CASE("R4 a platform that takes no replies holds up no other channel's") {
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

TEST_CASE("R5 a reply whose first part has arrived and whose second has not left is not unknown after a restart") {
  class TwoParts final : public channel::Channel {
   public:
    std::string name_ = "bot", kind_ = "telegram", tenant_ = "default";
    bool has_tried = false;
    const std::string& name() const override { return name_; }
    const std::string& kind() const override { return kind_; }
    const std::string& tenant() const override { return tenant_; }
    Task<void> run(channel::Intake) override { co_return; }
    void stop() override {}
    Task<Result<channel::Delivery>> send(const channel::Outgoing&, channel::Passage& passage, Deadline) override {
      const Result<void> left = co_await passage.leave();
      REQUIRE(left);
      passage.arrived();
      passage.came_back();  // Outbound::wait_for_turn: paused meanwhile
      has_tried = true;
      co_return fail(ErrorKind::busy, "Telegram asks to wait longer than this message may");
    }
    bool resends_unknown() const override { return false; }
    void show_typing(const std::string&, const std::string&) override {}
    Task<Result<std::string>> fetch(const channel::Attachment&, std::size_t, Deadline) override { co_return ""; }
    std::string health() const override { return ""; }
  };
  GatewayFixture f;
  f.stop();
  auto journal = gateway::open_journal(f.config->gateway.data_dir / "gateway.db", f.loop.get_executor(), f.clock);
  REQUIRE(journal);
  auto fresh = run_task(f.loop, (*journal)->accept({f.channel_message("42", "hi")}));
  REQUIRE(fresh);
  const MessageId id = fresh->front().id;
  REQUIRE(run_task(f.loop, (*journal)->store_reply(id, {.text = "long"}, false)));
  TwoParts channel;
  bool is_done = false;
  gateway::Outbox outbox(f.loop.get_executor(), **journal, 8, [&](const channel::Channel&) { is_done = true; });
  outbox.push({.id = id, .lane = "l", .channel = &channel});
  while (!channel.has_tried) f.run_some();
  run_task(f.loop, sleep_for(std::chrono::milliseconds(30)));
  outbox.close();
  while (!is_done) f.run_some();
  REQUIRE(run_task(f.loop, (*journal)->flush()));
  auto left = run_task(f.loop, (*journal)->unfinished());
  REQUIRE(left);
  REQUIRE(left->size() == 1);
  CHECK(left->front().state == MessageState::ready);
  CHECK(left->front().parts_arrived == 1);
}

TEST_CASE("R6 a call that could not be put on record is not made by the next process behind the model's back") {
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

TEST_CASE("R7 a role that was widened between two processes does not shift the record of an interrupted turn") {
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

TEST_CASE("R8 a message whose turn kills each process at once is counted as interrupted") {
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

TEST_CASE("R9 a /stop whose answer could not be stored is not forgotten") {
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

TEST_CASE("R10 marks that could not be written are written when the disk takes them again, without new traffic") {
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

TEST_CASE("R11 the results of a finished turn are not lost to a reply that cannot be stored") {
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
