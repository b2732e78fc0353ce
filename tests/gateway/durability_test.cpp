// What a process that dies leaves to the next one: nothing is lost, no effect is repeated, no answer is paid twice.
#include <fstream>
#include <sstream>

#include "gateway/record/turn_record.h"
#include "gateway_fixture.h"

using namespace usher;
using gateway::MessageState;
using gateway::Step;
using testing::FakeProvider;
using testing::GatewayFixture;
using testing::kShopConfig;
using testing::run_task;

namespace {

constexpr const char* kOwner = "1";

provider::Completion calls_of(const std::string& tool, const std::string& arguments, const std::string& id = "c1") {
  return FakeProvider::calls({{.id = id, .name = tool, .arguments = arguments}});
}

// A model call that never ends; `is_asked` tells that it came.
FakeProvider::Step hang(bool& is_asked) {
  return [&is_asked](const provider::TextSink&) -> Task<Result<provider::Completion>> {
    is_asked = true;
    co_await sleep_for(std::chrono::hours(1));
    co_return FakeProvider::text("never");
  };
}

std::string file_of(const GatewayFixture& f, const std::string& name) {
  const std::filesystem::path files = f.config->gateway.data_dir / "default/files";
  if (!std::filesystem::exists(files)) return "";
  for (const auto& entry : std::filesystem::recursive_directory_iterator(files)) {
    if (entry.path().filename() != name) continue;
    std::ostringstream text;
    text << std::ifstream(entry.path()).rdbuf();
    return text.str();
  }
  return "";
}

// A journal as a process left it that died in the middle of a turn of the owner's.
void leave_turn(GatewayFixture& f, const std::vector<Step>& steps) {
  f.stop();
  auto journal = gateway::open_journal(f.config->gateway.data_dir / "gateway.db", f.loop.get_executor(), f.clock);
  REQUIRE(journal);
  const channel::Incoming incoming = f.channel_message(kOwner, "do it");
  auto fresh = run_task(f.loop, (*journal)->accept({incoming}));
  REQUIRE(fresh);
  (*journal)->mark_running(fresh->front().id);
  REQUIRE(run_task(f.loop, (*journal)->add_steps(fresh->front().id, steps)));
}

std::string answer_with(const std::string& tool, const std::string& arguments) {
  return gateway::completion_to_json(calls_of(tool, arguments));
}

std::vector<gateway::ConversationRow> conversations(GatewayFixture& f, MessageState state) {
  auto rows = run_task(f.loop, f.journal->conversations(state, 10));
  REQUIRE(rows);
  return *rows;
}

}  // namespace

TEST_CASE(
    "a turn that was cut off goes on: what the model answered is not asked again, what a tool did is not repeated") {
  GatewayFixture f;
  bool is_asked = false;
  f.model.then(calls_of("file_write", R"({"path":"files/a.txt","content":"once"})"));
  f.model.then(calls_of("file_read", R"({"path":"files/a.txt"})", "c2"));
  f.model.then(hang(is_asked));
  REQUIRE(f.deliver({f.channel->message(kOwner, "write it")}));
  while (!is_asked) f.run_some();

  GatewayFixture next(kShopConfig, &f);
  // What would tell a second run of the write.
  std::filesystem::remove_all(next.config->gateway.data_dir / "default/files");
  next.model.otherwise = FakeProvider::text("written");
  next.start();
  next.wait_for_sent(1);
  CHECK(next.channel->sent[0].text == "written");
  REQUIRE(next.model.requests.size() == 1);
  const auto& messages = next.model.requests[0].messages;
  REQUIRE(messages.size() == 6);  // system, user, write, its result, read, its result
  CHECK(messages[2].tool_calls[0].name == "file_write");
  CHECK(messages[3].text.find("cut off") == std::string::npos);
  CHECK(messages[5].tool_call_id == "c2");
  CHECK(file_of(next, "a.txt").empty());
}

TEST_CASE("a call that may have changed something and was cut off is not made again, and the model is told which") {
  GatewayFixture f;
  leave_turn(f, {{"", Step::Kind::answer, 0, answer_with("file_write", R"({"path":"files/a.txt","content":"x"})")},
                 {"", Step::Kind::call, 0, "file_write"}});
  f.start();
  f.wait_for_sent(1);
  REQUIRE(f.model.requests.size() == 1);
  const provider::Message& told = f.model.requests[0].messages.back();
  CHECK(told.author == provider::Author::tool);
  CHECK(told.tool_call_id == "c1");
  CHECK(told.text.find("cut off") != std::string::npos);
  CHECK(file_of(f, "a.txt").empty());
}

TEST_CASE("a call that had not begun is made by the next process") {
  GatewayFixture f;
  leave_turn(f, {{"", Step::Kind::answer, 0, answer_with("file_write", R"({"path":"files/a.txt","content":"x"})")}});
  f.start();
  f.wait_for_sent(1);
  CHECK(f.model.requests.size() == 1);
  CHECK(file_of(f, "a.txt") == "x");
}

TEST_CASE("a subagent that was cut off goes on where it was") {
  GatewayFixture f;
  bool is_asked = false;
  f.model.then(calls_of("delegate", R"({"task":"write a file"})"));
  f.model.then(calls_of("file_write", R"({"path":"files/sub.txt","content":"once"})", "s1"));
  f.model.then(hang(is_asked));
  REQUIRE(f.deliver({f.channel->message(kOwner, "have it written")}));
  while (!is_asked) f.run_some();

  GatewayFixture next(kShopConfig, &f);
  std::filesystem::remove_all(next.config->gateway.data_dir / "default/files");
  next.model.then(FakeProvider::text("the subagent is done"));
  next.model.then(FakeProvider::text("all done"));
  next.start();
  next.wait_for_sent(1);
  CHECK(next.channel->sent[0].text == "all done");
  REQUIRE(next.model.requests.size() == 2);
  CHECK(next.model.requests[0].messages.back().tool_call_id == "s1");
  CHECK(next.model.requests[1].messages.back().text == "the subagent is done");
  CHECK(file_of(next, "sub.txt").empty());
}

TEST_CASE("what is on record costs and counts nothing when it is read again") {
  GatewayFixture f;
  leave_turn(f, {{"", Step::Kind::answer, 0, answer_with("product_search", R"({"query":"x"})")},
                 {"", Step::Kind::result, 0, gateway::output_to_json(tool::ToolOutput{"nothing found"})}});
  f.start();
  f.wait_for_sent(1);
  auto usage = f.counters->usage({});
  REQUIRE(usage);
  for (const limits::UsageRow& row : *usage) CHECK(row.calls == 1);  // the one that was still to be made
}

TEST_CASE("a reply that was leaving when the process died is unknown: not sent again, and shown") {
  GatewayFixture f;
  bool is_leaving = false;
  f.channel->on_leaving = [&]() -> Task<void> {
    is_leaving = true;
    co_await sleep_for(std::chrono::hours(1));
  };
  REQUIRE(f.deliver({f.channel->message("42", "hi")}));
  while (!is_leaving) f.run_some();

  GatewayFixture careful(kShopConfig, &f);
  careful.start();
  CHECK(careful.ask("43", "other") == "done");
  CHECK(careful.channel->sent.size() == 1);
  REQUIRE(conversations(careful, MessageState::unknown).size() == 1);
  CHECK(conversations(careful, MessageState::unknown)[0].last_reply == "done");

  GatewayFixture eager(kShopConfig, &f);
  eager.resends = channel::Channel::kForever;
  eager.start();
  eager.wait_for_sent(1);
  CHECK(eager.channel->sent[0].text == "done");
  CHECK(eager.model.requests.empty());
  eager.ask("43", "other");
  CHECK(conversations(eager, MessageState::unknown).empty());
}

TEST_CASE(
    "a reply whose fate the platform does not tell is unknown at once, and sent again only where that is wished") {
  GatewayFixture f;
  f.channel->outcomes.push_back(channel::Delivery::unknown);
  REQUIRE(f.deliver({f.channel->message("42", "hi")}));
  while (conversations(f, MessageState::unknown).empty()) f.run_some();
  CHECK(f.channel->sent.empty());

  GatewayFixture eager;
  eager.channel->resends = channel::Channel::kForever;
  eager.channel->outcomes.push_back(channel::Delivery::unknown);
  CHECK(eager.ask("42", "hi") == "done");
}

TEST_CASE("a reply that may have arrived is sent again only as long as its platform recognizes it") {
  GatewayFixture f;
  bool is_leaving = false;
  f.channel->on_leaving = [&]() -> Task<void> {
    is_leaving = true;
    co_await sleep_for(std::chrono::hours(1));
  };
  REQUIRE(f.deliver({f.channel->message("42", "hi")}));
  while (!is_leaving) f.run_some();

  GatewayFixture in_time(kShopConfig, &f);
  in_time.clock.advance(std::chrono::seconds(119));
  in_time.resends = std::chrono::seconds(120);
  in_time.start();
  in_time.wait_for_sent(1);
  CHECK(in_time.channel->sent[0].text == "done");

  GatewayFixture too_late(kShopConfig, &f);
  too_late.clock.advance(std::chrono::seconds(120));
  too_late.resends = std::chrono::seconds(120);
  too_late.start();
  CHECK(too_late.ask("43", "other") == "done");
  CHECK(too_late.channel->sent.size() == 1);
  CHECK(conversations(too_late, MessageState::unknown).size() == 1);

  GatewayFixture set_back(kShopConfig, &f);
  set_back.clock.set_wall(f.clock.wall() - std::chrono::hours(1));
  set_back.resends = std::chrono::seconds(120);
  set_back.start();
  CHECK(set_back.ask("43", "other") == "done");
  CHECK(conversations(set_back, MessageState::unknown).size() == 1);
}

TEST_CASE("every reply of a channel has a name of its own, the same in the next process") {
  GatewayFixture f;
  f.ask("42", "one");
  f.ask("42", "two");
  CHECK(f.channel->sent[0].idempotency != f.channel->sent[1].idempotency);
  CHECK(f.channel->sent[0].idempotency.size() <= 20);
  const std::string first = f.channel->sent[0].idempotency;
  f.stop();
  f.start();
  f.ask("42", "three");
  CHECK(f.channel->sent[0].idempotency.substr(0, 8) == first.substr(0, 8));
  GatewayFixture other;
  other.ask("42", "one");
  CHECK(other.channel->sent[0].idempotency.substr(0, 8) != first.substr(0, 8));
}

TEST_CASE("a stored reply is in its sender's memory after the next start, once, whether or not it was before") {
  for (const bool was_remembered : {false, true}) {
    GatewayFixture f;
    f.channel->can_send = false;  // stored as ready
    bool is_leaving = false;
    f.channel->on_leaving = [&]() -> Task<void> {
      is_leaving = true;
      co_await sleep_for(std::chrono::hours(1));
    };
    REQUIRE(f.deliver({f.channel->message("42", "my colour is red")}));
    while (!is_leaving) f.run_some();
    GatewayFixture next(kShopConfig, &f);
    if (!was_remembered) std::filesystem::remove_all(next.config->gateway.data_dir / "default/memory");
    next.resends = channel::Channel::kForever;
    next.start();
    next.wait_for_sent(1);
    next.ask("42", "and now?");
    const auto& messages = next.model.requests.back().messages;
    REQUIRE(messages.size() == 4);  // system, the turn before, the new words
    CHECK(messages[1].text.find("my colour is red") != std::string::npos);
    CHECK(messages[2].text == "done");
  }
}

TEST_CASE("replies of a conversation leave in order, also when the first must wait, and others overtake them") {
  GatewayFixture f;
  f.channel->outcomes.push_back(fail(ErrorKind::unavailable, "later"));
  f.model.then(FakeProvider::text("first"));
  REQUIRE(f.deliver({f.channel->message("42", "one")}));
  while (f.channel->attempts == 0) f.run_some();
  f.model.then(FakeProvider::text("second"));
  REQUIRE(f.deliver({f.channel->message("42", "two")}));
  f.model.then(FakeProvider::text("other"));
  REQUIRE(f.deliver({f.channel->message("43", "three")}));
  f.wait_for_sent(3);
  CHECK(f.channel->sent[0].text == "other");
  CHECK(f.channel->sent[1].text == "first");
  CHECK(f.channel->sent[2].text == "second");
}

TEST_CASE("replies that wait for their platform are parked at the end, and the next start sends them in order") {
  GatewayFixture f;
  for (int i = 0; i < 2; ++i) f.channel->outcomes.push_back(fail(ErrorKind::unavailable, "later"));
  f.model.then(FakeProvider::text("first"));
  f.model.then(FakeProvider::text("second"));
  REQUIRE(f.deliver({f.channel->message("42", "one"), f.channel->message("42", "two")}));
  while (f.model.requests.size() < 2 || f.channel->attempts == 0) f.run_some();
  f.stop();
  f.start();
  f.wait_for_sent(2);
  CHECK(f.channel->sent[0].text == "first");
  CHECK(f.channel->sent[1].text == "second");
  CHECK(f.model.requests.size() == 2);
}

TEST_CASE("a platform that takes no replies fills its own share of the inbox, not that of others") {
  GatewayFixture f;
  f.stop();
  f.start({.max_unfinished = 10, .max_unfinished_of_channel = 2});
  for (int i = 0; i < 9; ++i) f.channel->outcomes.push_back(fail(ErrorKind::unavailable, "later"));
  REQUIRE(f.deliver({f.channel->message("42", "one"), f.channel->message("43", "two")}));
  while (f.channel->attempts < 2) f.run_some();
  const Result<channel::TakenIn> refused = f.deliver({f.channel->message("44", "three")});
  REQUIRE_FALSE(refused);
  CHECK(refused.error().kind == ErrorKind::limit);
  CHECK_FALSE(f.gateway->readiness());
}

TEST_CASE("a message during whose turn the process died again and again is given up with a sentence") {
  GatewayFixture f;
  leave_turn(f, {});
  for (int i = 0; i < 10; ++i) {
    auto journal = gateway::open_journal(f.config->gateway.data_dir / "gateway.db", f.loop.get_executor(), f.clock);
    REQUIRE(journal);
    REQUIRE(run_task(f.loop, (*journal)->unfinished()));
  }
  f.start();
  f.wait_for_sent(1);
  CHECK(f.channel->sent[0].text == gateway::Texts().say("unavailable"));
  CHECK(f.model.requests.empty());
}

TEST_CASE("answers and outputs come back from the record as they were") {
  provider::Completion completion =
      FakeProvider::calls({{"c1", "tool", R"({"a":"ü"})"}, {"", "", "broken {"}}, "words");
  completion.usage = {.input_tokens = 3, .cached_input_tokens = 2, .output_tokens = 1};
  const auto read = gateway::completion_from_json(gateway::completion_to_json(completion));
  REQUIRE(read);
  CHECK(read->text == "words");
  CHECK(read->tool_calls == completion.tool_calls);
  CHECK(read->finish_reason == provider::FinishReason::tool_calls);
  CHECK(read->usage.cached_input_tokens == 2);
  for (const ErrorKind kind : {ErrorKind::denied, ErrorKind::limit, ErrorKind::io, ErrorKind::internal}) {
    const auto output = gateway::output_from_json(gateway::output_to_json(fail(kind, "why")));
    REQUIRE(output);
    REQUIRE_FALSE(*output);
    CHECK(output->error().kind == kind);
    CHECK(output->error().message == "why");
  }
  const auto bytes = gateway::output_from_json(gateway::output_to_json(tool::ToolOutput{"\xFFraw"}));
  REQUIRE(bytes);
  REQUIRE(*bytes);
  CHECK((*bytes)->text == "\xEF\xBF\xBDraw");
  for (const char* broken : {"", "[]", "{}", R"({"text":1})", R"({"text":"","calls":[["a","b"]]})"}) {
    CHECK_FALSE(gateway::completion_from_json(broken));
  }
  CHECK_FALSE(gateway::output_from_json("{}"));
}

TEST_CASE("what a /new has forgotten does not come back with a reply that a dead process could not send") {
  GatewayFixture f;
  f.channel->outcomes.push_back(fail(ErrorKind::unavailable, "the network is down"));
  REQUIRE(f.deliver({f.channel->message(kOwner, "the secret is plum"), f.channel->message(kOwner, "/new")}));
  const auto waiting = [&] {
    const auto rows = conversations(f, MessageState::ready);
    return rows.empty() ? 0 : rows.front().messages;
  };
  while (waiting() < 2) f.run_some();

  GatewayFixture next(kShopConfig, &f);
  next.start();
  next.wait_for_sent(2);
  next.ask(kOwner, "what is the secret?");
  REQUIRE(next.model.requests.size() == 1);
  for (const provider::Message& message : next.model.requests[0].messages) {
    CHECK(message.text.find("plum") == std::string::npos);
  }
}
