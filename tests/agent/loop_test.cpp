#include "agent/loop.h"

#include <doctest/doctest.h>
#include <boost/asio/steady_timer.hpp>

#include <map>
#include <set>
#include <stdexcept>

#include "base/secret.h"
#include "base/text.h"
#include "support/fakes/fake_provider.h"
#include "support/fakes/fake_tool.h"
#include "support/run_task.h"

namespace {

using namespace usher;
using namespace std::chrono_literals;
using agent::Ending;
using provider::Author;
using provider::Message;
using provider::ToolCall;
using testing::FakeProvider;
using testing::FakeTool;
using testing::ToolRecord;

// Every tool call of an assistant message is answered right behind it, once each; no result stands alone.
void check_is_whole(const std::vector<Message>& history) {
  std::set<std::string> open;
  for (const Message& message : history) {
    if (message.author == Author::tool) {
      CHECK(open.erase(message.tool_call_id) == 1);
      CHECK_FALSE(message.text.empty());
      continue;
    }
    CHECK(open.empty());
    for (const ToolCall& call : message.tool_calls) {
      CHECK(open.insert(call.id).second);
      CHECK(json::parse(call.arguments).is_object());
    }
  }
  CHECK(open.empty());
}

struct Fixture {
  FakeProvider model;
  ToolRecord record;
  tool::ToolSet tools;
  agent::LoopLimits limits;
  agent::Hooks hooks;
  std::vector<agent::ToolCallReport> reports;
  std::vector<Message> history{{.author = Author::system, .text = "rules"}, {.author = Author::user, .text = "hi"}};

  Fixture() {
    tools.push_back(std::make_unique<FakeTool>("look", record));
    hooks.on_tool_call = [this](const agent::ToolCallReport& report) { reports.push_back(report); };
  }
  void tool(FakeTool::Body body) {
    tools.clear();
    tools.push_back(std::make_unique<FakeTool>("look", record, std::move(body)));
  }
  Result<agent::TurnResult> run() {
    Result<agent::TurnResult> result =
        testing::run_task(agent::run_tool_call_loop(model, tools, history, limits, hooks));
    check_is_whole(history);
    if (result) {
      REQUIRE(history.size() == 2 + result->messages.size());
      for (std::size_t i = 0; i < result->messages.size(); ++i) CHECK(history[2 + i].text == result->messages[i].text);
    }
    return result;
  }
  void calls(std::vector<ToolCall> calls) { model.then(FakeProvider::calls(std::move(calls))); }
};

TEST_CASE("an answer in words ends the turn") {
  Fixture f;
  f.model.then(FakeProvider::text("  hello\n"));
  Result<agent::TurnResult> result = f.run();
  REQUIRE(result);
  CHECK(result->text == "hello");
  CHECK(result->ending == Ending::answered);
  REQUIRE(result->messages.size() == 1);
  CHECK(result->messages[0].author == Author::assistant);
  REQUIRE(f.model.requests.size() == 1);
  CHECK(f.model.requests[0].tools == std::vector<std::string>{"look"});
  CHECK(f.model.requests[0].messages.size() == 2);
}

TEST_CASE("a tool's output goes back to the model") {
  Fixture f;
  f.tools.clear();
  f.tools.push_back(FakeTool::saying("look", f.record, "42 mugs"));
  f.calls({{"c1", "look", R"({"q": "mug"})"}});
  Result<agent::TurnResult> result = f.run();
  REQUIRE(result);
  CHECK(result->text == "done");
  CHECK(f.record.arguments == std::vector<std::string>{R"({"q":"mug"})"});
  REQUIRE(f.model.requests.size() == 2);
  const Message& told = f.model.requests[1].messages.back();
  CHECK(told.author == Author::tool);
  CHECK(told.tool_call_id == "c1");
  CHECK(told.text == "42 mugs");
  REQUIRE(f.reports.size() == 1);
  CHECK(f.reports[0].name == "look");
  CHECK(f.reports[0].arguments == R"({"q": "mug"})");
  CHECK(f.reports[0].succeeded);
  CHECK_FALSE(f.reports[0].denied);
}

TEST_CASE("a tool that was not offered is never run, and the call is a denial") {
  Fixture f;
  f.calls({{"c1", "shell", "{}"}, {"c2", "", "{}"}, {"c3", "LOOK", "{}"}, {"c4", "look ", "{}"}});
  REQUIRE(f.run());
  CHECK(f.record.arguments.empty());
  CHECK(f.history[3].text == "error: tool 'shell' is not available to you");
  REQUIRE(f.reports.size() == 4);
  for (const agent::ToolCallReport& report : f.reports) {
    CHECK(report.denied);
    CHECK_FALSE(report.succeeded);
  }
}

TEST_CASE("400 parallel calls run 16, stay bounded in the history, and the model is told") {
  Fixture f;
  std::vector<ToolCall> calls;
  for (int i = 0; i < 400; ++i) calls.push_back({"c" + std::to_string(i), "look", "{\"n\":" + std::to_string(i) + "}"});
  f.calls(calls);
  REQUIRE(f.run());
  CHECK(f.record.arguments.size() == 16);
  CHECK(f.history.size() == 2 + 1 + 16 + 1);
  CHECK(f.history[2].tool_calls.size() == 16);
  CHECK(f.history[2 + 16].text == "ok\n[384 further calls of your answer were not run: at most 16 are run per answer]");
  CHECK(f.reports.size() == 17);
  CHECK(std::ranges::count(f.reports, true, &agent::ToolCallReport::denied) == 1);
}

TEST_CASE("the same call three times running ends the loop, whatever its layout") {
  Fixture f;
  f.model.then(FakeProvider::calls({{"a", "look", R"({"x":1,"y":{"b":2,"a":1}})"}}, "let me look"));
  f.calls({{"b", "look", R"({ "y": {"a": 1, "b": 2}, "x": 1 })"}});
  f.calls({{"c", "look", R"({"x":1,"y":{"a":1,"b":2}})"}, {"d", "look", "{}"}});
  Result<agent::TurnResult> result = f.run();
  REQUIRE(result);
  CHECK(result->ending == Ending::repeated_call);
  CHECK(result->text == "let me look");
  CHECK(f.record.arguments.size() == 2);
  CHECK(f.model.requests.size() == 3);
}

TEST_CASE("other arguments or another tool in between start the count anew") {
  Fixture f;
  for (int i = 0; i < 4; ++i) {
    f.calls({{"", "look", "{}"}});
    f.calls({{"", "look", "{}"}});
    f.calls({{"", "look", R"({"other":1})"}});
  }
  f.limits.max_iterations = 20;
  Result<agent::TurnResult> result = f.run();
  REQUIRE(result);
  CHECK(result->ending == Ending::answered);
  CHECK(f.record.arguments.size() == 12);
}

TEST_CASE("the model is asked at most max_iterations times") {
  Fixture f;
  f.limits.max_iterations = 3;
  for (int i = 0; i < 9; ++i) f.calls({{"", "look", "{\"i\":" + std::to_string(i) + "}"}});
  Result<agent::TurnResult> result = f.run();
  REQUIRE(result);
  CHECK(result->ending == Ending::iterations_exhausted);
  CHECK(result->text.empty());
  CHECK(f.model.requests.size() == 3);
  CHECK(f.record.arguments.size() == 2);
  CHECK(f.history.back().text == "not run: all 3 model calls of this turn are used up");
}

TEST_CASE("broken arguments are an error for the model, never a call") {
  const std::pair<std::string, std::string> broken[] = {
      {"{\"x\":", "error: the arguments are not valid JSON; send one JSON object"},
      {"[1]", "error: the arguments must be one JSON object"},
      {"\"{}\"", "error: the arguments must be one JSON object"},
      {"{\"x\":\"\xff\"}", "error: the arguments are not valid JSON; send one JSON object"},
      {std::string(100'000, '['), "error: the arguments are too long: at most 65536 bytes"},
      {std::string(60'000, '['), "error: the arguments are not valid JSON; send one JSON object"},
  };
  for (const auto& [arguments, sentence] : broken) {
    CAPTURE(arguments.substr(0, 40));
    Fixture f;
    f.calls({{"c1", "look", arguments}});
    REQUIRE(f.run());
    CHECK(f.record.arguments.empty());
    CHECK(f.history[3].text == sentence);
    CHECK(f.history[2].tool_calls[0].arguments == "{}");
    CHECK(is_valid_utf8(f.reports.at(0).arguments));
  }
  Fixture f;
  f.calls({{"c1", "look", " "}});
  REQUIRE(f.run());
  CHECK(f.record.arguments == std::vector<std::string>{"{}"});
}

TEST_CASE("missing, repeated and unusable ids and names are repaired") {
  Fixture f;
  f.calls({{"", "look", "{}"},
           {"x", "look", R"({"a":1})"},
           {"x", "look", R"({"a":2})"},
           {std::string(500, 'i'), "no such\ttool", "{}"},
           {"bad id", std::string(3000, 'n'), "{}"}});
  f.calls({{"x", "look", R"({"a":3})"}, {"call_2", "look", R"({"a":4})"}});
  REQUIRE(f.run());
  std::set<std::string> ids;
  for (const Message& message : f.history) {
    for (const ToolCall& call : message.tool_calls) {
      CHECK(ids.insert(call.id).second);
      CHECK(call.id.size() <= 64);
      CHECK(call.name.size() <= 64);
      CHECK(call.name.find_first_of("\t ") == std::string::npos);
    }
  }
  CHECK(ids.size() == 7);
}

TEST_CASE("long output is cut at a character with a notice") {
  Fixture f;
  f.limits.max_output_bytes = 10;
  f.tool([](json::object, Deadline) { return FakeTool::say("äöüäöüäöü"); });
  f.calls({{"c1", "look", "{}"}});
  REQUIRE(f.run());
  CHECK(f.history[3].text == "äöüäö\n[output cut: 10 of 18 bytes shown]");
}

TEST_CASE("output is repaired, and empty output says so") {
  Fixture f;
  f.tool([](json::object arguments, Deadline) {
    return FakeTool::say(arguments.empty() ? ""
                                           : "a\xff"
                                             "b");
  });
  f.calls({{"c1", "look", "{}"}, {"c2", "look", R"({"x":1})"}});
  REQUIRE(f.run());
  CHECK(f.history[3].text == "(no output)");
  CHECK(f.history[4].text ==
        "a\xEF\xBF\xBD"
        "b");
}

TEST_CASE("no known secret reaches the model, the person, the report or the preview") {
  Secret secret("sk-very-secret-key");
  Fixture f;
  std::string preview;
  f.hooks.on_text = [&](std::string_view piece) { preview += piece; };
  f.tool([](json::object arguments, Deadline) -> Task<Result<tool::ToolOutput>> {
    if (arguments.contains("fail")) co_return fail(ErrorKind::io, "cannot send sk-very-secret-key");
    co_return tool::ToolOutput{"key=sk-very-secret-key"};
  });
  f.model.then(FakeProvider::calls({{"c1", "look", R"({"k":"sk-very-secret-key"})"}, {"c2", "look", R"({"fail":1})"}},
                                   "sk-very-secret-key"));
  f.model.then([](const provider::TextSink& sink) -> Task<Result<provider::Completion>> {
    for (const char* piece : {"the key is sk-very", "-secret", "-key, ", "schön"}) sink(piece);
    co_return FakeProvider::text("the key is sk-very-secret-key, schön");
  });
  Result<agent::TurnResult> result = f.run();
  REQUIRE(result);
  CHECK(result->text == "the key is [redacted], schön");
  CHECK(preview.ends_with("the key is [redacted], schön"));
  std::string everything = preview;
  for (const Message& message : f.history) {
    everything += message.text;
    for (const ToolCall& call : message.tool_calls) everything += call.arguments;
  }
  for (const agent::ToolCallReport& report : f.reports) everything += report.arguments + report.detail;
  for (const std::string& arguments : f.record.arguments) everything += arguments;
  CHECK(everything.find("very-secret") == std::string::npos);
}

TEST_CASE("a tool that throws is an error for the model, without its words") {
  Fixture f;
  f.tool([](json::object, Deadline) -> Task<Result<tool::ToolOutput>> {
    throw std::runtime_error("/srv/private/path");
    co_return tool::ToolOutput{};
  });
  f.calls({{"c1", "look", "{}"}});
  Result<agent::TurnResult> result = f.run();
  REQUIRE(result);
  CHECK(result->text == "done");
  CHECK(f.history[3].text == "error: the tool failed; this is not your fault");
  CHECK_FALSE(f.reports[0].denied);
}

TEST_CASE("a tool that hangs is ended by its deadline") {
  Fixture f;
  f.limits.call_timeout = 20ms;
  f.tool([](json::object, Deadline) -> Task<Result<tool::ToolOutput>> {
    asio::steady_timer never(co_await asio::this_coro::executor, 1h);
    co_await never.async_wait(asio::use_awaitable);
    co_return tool::ToolOutput{"late"};
  });
  f.calls({{"c1", "look", "{}"}});
  Result<agent::TurnResult> result = f.run();
  REQUIRE(result);
  CHECK(f.history[3].text.starts_with("error: "));
  CHECK(f.reports[0].detail != "");
}

TEST_CASE("a tool with a time limit of its own has that, within the turn's deadline") {
  for (const std::chrono::milliseconds turn : {1h + 0ms, 20ms + 0ms}) {
    Fixture f;
    f.limits.call_timeout = 1ms;
    f.limits.turn_deadline = Deadline::in(turn);
    Deadline given = Deadline::in(0s);
    auto slow = std::make_unique<FakeTool>("look", f.record,
                                           [&given](json::object, Deadline deadline) -> Task<Result<tool::ToolOutput>> {
                                             given = deadline;
                                             co_return tool::ToolOutput{"done at last"};
                                           });
    slow->changeable_spec().time_limit = 10min;
    f.tools.clear();
    f.tools.push_back(std::move(slow));
    f.calls({{"c1", "look", "{}"}});
    REQUIRE(f.run());
    CHECK(f.history[3].text == "done at last");
    if (turn > 10min) {
      CHECK(given.remaining() > 9min);
      CHECK(given.remaining() <= 10min);
    } else {
      CHECK(given.time() == f.limits.turn_deadline.time());
    }
  }
}

TEST_CASE("a denial or a limit of the gate is told and reported as such") {
  for (ErrorKind kind : {ErrorKind::denied, ErrorKind::limit}) {
    Fixture f;
    f.tool([kind](json::object, Deadline) -> Task<Result<tool::ToolOutput>> {
      co_return fail(ErrorKind(kind), "no: 12 s left");
    });
    f.calls({{"c1", "look", "{}"}});
    REQUIRE(f.run());
    CHECK(f.history[3].text == "error: no: 12 s left");
    CHECK(f.reports[0].denied);
    CHECK(f.reports[0].detail == "no: 12 s left");
  }
}

TEST_CASE("an empty answer is asked once more, then it is a protocol error") {
  Fixture f;
  f.limits.max_iterations = 1;
  f.model.then(FakeProvider::text(" \n"));
  f.model.then(FakeProvider::text("second try"));
  Result<agent::TurnResult> result = f.run();
  REQUIRE(result);
  CHECK(result->text == "second try");

  Fixture g;
  g.model.otherwise = FakeProvider::text("");
  g.model.otherwise->finish_reason = provider::FinishReason::length;
  Result<agent::TurnResult> failed = g.run();
  REQUIRE_FALSE(failed);
  CHECK(failed.error().kind == ErrorKind::protocol);
  CHECK(g.model.requests.size() == 2);
}

TEST_CASE("a filtered answer is still an answer") {
  Fixture f;
  f.model.otherwise = FakeProvider::text("");
  f.model.otherwise->finish_reason = provider::FinishReason::content_filter;
  Result<agent::TurnResult> result = f.run();
  REQUIRE(result);
  CHECK_FALSE(result->text.empty());
  CHECK(f.model.requests.size() == 1);
}

TEST_CASE("an endless answer is cut") {
  Fixture f;
  f.model.then(FakeProvider::text(std::string(1u << 20, 'x')));
  Result<agent::TurnResult> result = f.run();
  REQUIRE(result);
  CHECK(result->text.size() < (65u << 10));
}

TEST_CASE("a provider's error ends the turn and leaves what was done") {
  Fixture f;
  f.calls({{"c1", "look", "{}"}});
  f.model.then(fail(Error{ErrorKind::limit, "cost_daily_limit_usd of role buyer is used up", 3h}));
  Result<agent::TurnResult> failed = f.run();
  REQUIRE_FALSE(failed);
  CHECK(failed.error().kind == ErrorKind::limit);
  CHECK(failed.error().retry_after == 3h);
  CHECK(f.history.size() == 4);
}

TEST_CASE("cancelling between two calls ends the turn with every call answered") {
  Fixture f;
  f.hooks.is_cancelled = [&] { return f.record.arguments.size() == 1; };
  f.calls({{"c1", "look", R"({"a":1})"}, {"c2", "look", R"({"a":2})"}, {"c3", "look", R"({"a":3})"}});
  Result<agent::TurnResult> cancelled = f.run();
  REQUIRE_FALSE(cancelled);
  CHECK(cancelled.error().kind == ErrorKind::cancelled);
  CHECK(f.record.arguments.size() == 1);
  REQUIRE(f.history.size() == 6);
  CHECK(f.history[3].text == "ok");
  CHECK(f.history[4].text.starts_with("not run"));
}

TEST_CASE("the turn's deadline ends the turn and bounds every call in it") {
  Fixture f;
  f.limits.turn_deadline = Deadline::in(-1s);
  Result<agent::TurnResult> late = f.run();
  REQUIRE_FALSE(late);
  CHECK(late.error().kind == ErrorKind::timeout);
  CHECK(f.model.requests.empty());

  Fixture g;
  Deadline seen = Deadline::in(1h);
  g.limits.turn_deadline = Deadline::in(10s);
  g.tool([&](json::object, Deadline deadline) {
    seen = deadline;
    return FakeTool::say("ok");
  });
  g.calls({{"c1", "look", "{}"}});
  REQUIRE(g.run());
  CHECK(seen.time() <= g.limits.turn_deadline.time());
  CHECK(g.model.requests[0].deadline.time() == g.limits.turn_deadline.time());
}

TEST_CASE("hooks see every completion and carry the role they were given") {
  Fixture f;
  int completions = 0;
  f.hooks.on_completion = [&](const provider::Completion&) { ++completions; };
  f.calls({{"c1", "look", "{}"}});
  REQUIRE(f.run());
  CHECK(completions == 2);
  agent::Hooks plain;
  CHECK(plain.with_role_context(nullptr).role_context == nullptr);
}

}  // namespace
