#include "tool/gate.h"

#include <doctest/doctest.h>

#include <algorithm>

#include "support/fake_tool.h"
#include "tool/seat_fixture.h"

namespace {

using namespace usher;
using namespace std::chrono_literals;
using testing::FakeTool;
using testing::SeatFixture;
using testing::ToolRecord;

// A fake tool behind the whole chain, with real windows on a real file.
struct Fixture : SeatFixture {
  ToolRecord record;
  std::unique_ptr<limits::Counters> counters = std::move(limits::open_counters(dir / "limits.db").value());
  std::unique_ptr<limits::RateWindows> windows = std::move(limits::make_rate_windows(*counters, clock).value());

  std::vector<limits::RateKey> keys(std::int64_t limit) const {
    return {{limits::rate_key("tool", "default", "buyer", "x"), limit, "rate_limit_per_minute of role buyer"}};
  }
  // How many of the built-in tools have a place in this seat.
  std::size_t placed() const {
    return static_cast<std::size_t>(std::ranges::count_if(tool::builtin_specs(), [&](const tool::ToolSpec& spec) {
      return tool::make_builtin(spec.name, seat) != nullptr;
    }));
  }
  std::unique_ptr<tool::Tool> limited(std::int64_t limit, tool::Effect effect = tool::Effect::read) {
    auto fake = std::make_unique<FakeTool>("thing", record, FakeTool::Body(), effect);
    fake->changeable_spec().parameters =
        json::parse(R"({"type":"object","properties":{"n":{"type":"integer"}},"required":["n"]})").as_object();
    return std::make_unique<tool::RateLimitedTool>(std::move(fake), *windows, keys(limit), context, seat.records);
  }
  std::unique_ptr<tool::Tool> chain(std::int64_t limit, tool::Effect effect = tool::Effect::read) {
    return std::make_unique<tool::GatedTool>(limited(limit, effect), context, seat.records);
  }
  static Result<tool::ToolOutput> run(tool::Tool& tool, const json::object& arguments = {{"n", 1}}) {
    return testing::run_task(tool.call(arguments, Deadline::in(1min)));
  }
};

TEST_CASE("never more than N tool calls in any 60 seconds") {
  Fixture f;
  std::unique_ptr<tool::Tool> limited = f.limited(4);
  std::vector<MonotonicTime> admitted;
  for (int i = 0; i < 300; ++i) {
    if (Fixture::run(*limited)) admitted.push_back(f.clock.monotonic());
    f.clock.advance(1100ms);
  }
  CHECK(admitted.size() >= 20);
  for (std::size_t i = 4; i < admitted.size(); ++i) CHECK(admitted[i] - admitted[i - 4] >= 60s);
  CHECK(f.record.arguments.size() == admitted.size());
}

TEST_CASE("a refused tool call carries the seconds left, never reaches the tool and does not count") {
  Fixture f;
  std::unique_ptr<tool::Tool> limited = f.limited(1);
  REQUIRE(Fixture::run(*limited));
  for (int i = 0; i < 30; ++i) {
    f.clock.advance(1s);
    Result<tool::ToolOutput> refused = Fixture::run(*limited);
    REQUIRE_FALSE(refused);
    CHECK(refused.error().kind == ErrorKind::limit);
    REQUIRE(refused.error().retry_after);
    CHECK(*refused.error().retry_after > 28s);
    CHECK(*refused.error().retry_after <= 60s);
  }
  CHECK(f.record.arguments.size() == 1);
  f.clock.advance(31s);
  CHECK(Fixture::run(*limited));
}

TEST_CASE("malformed and denied calls do not count against the window") {
  Fixture f;
  std::unique_ptr<tool::Tool> chain = f.chain(1);
  for (int i = 0; i < 5; ++i) {
    Result<tool::ToolOutput> malformed = Fixture::run(*chain, {{"n", "one"}});
    REQUIRE_FALSE(malformed);
    CHECK(malformed.error().kind == ErrorKind::invalid);
  }
  f.context->tool_filters.push_back({"ceiling", policy::GlobSet(), policy::GlobSet()});
  CHECK(Fixture::run(*chain).error().kind == ErrorKind::denied);
  f.context->tool_filters.pop_back();
  CHECK(f.record.arguments.empty());
  CHECK(Fixture::run(*chain));
  CHECK(Fixture::run(*chain).error().kind == ErrorKind::limit);
}

TEST_CASE("a tool outside the role is neither offered nor run") {
  Fixture f;
  f.context->tool_filters = {{"buyer", policy::GlobSet({"product_*", "file_*"}), policy::GlobSet({"file_write"})}};
  std::vector<std::string> names;
  for (const auto& tool : tool::make_tools(f.seat, *f.windows, f.keys(5))) names.push_back(tool->spec().name);
  CHECK(names == std::vector<std::string>{"product_search", "product_info", "file_list", "file_read", "file_edit"});

  Result<tool::ToolOutput> denied = f.call("file_write", R"({"path":"files/a","content":"x"})");
  REQUIRE_FALSE(denied);
  CHECK(denied.error().kind == ErrorKind::denied);
  CHECK_FALSE(std::filesystem::exists(f.files));
}

TEST_CASE("a denied tool does not explain its schema") {
  Fixture f;
  f.context->tool_filters.clear();
  CHECK(f.say("file_write", R"({"oops":1})").starts_with("denied: "));
}

TEST_CASE("readonly sees only tools that read, and runs no other") {
  Fixture f;
  f.context->autonomy = config::Autonomy::readonly;
  for (const auto& tool : tool::make_tools(f.seat, *f.windows, f.keys(5))) {
    CAPTURE(tool->spec().name);
    CHECK(tool->spec().effect == tool::Effect::read);
  }
  for (tool::Effect effect : {tool::Effect::write, tool::Effect::execute}) {
    std::unique_ptr<tool::Tool> chain = f.chain(5, effect);
    Result<tool::ToolOutput> denied = Fixture::run(*chain);
    REQUIRE_FALSE(denied);
    CHECK(denied.error().kind == ErrorKind::denied);
  }
  CHECK(f.record.arguments.empty());
}

TEST_CASE("supervised is offered writing tools, and told that approvals are not available") {
  Fixture f;
  f.context->autonomy = config::Autonomy::supervised;
  CHECK(tool::make_tools(f.seat, *f.windows, f.keys(5)).size() == f.placed());
  std::unique_ptr<tool::Tool> writer = f.chain(5, tool::Effect::write);
  Result<tool::ToolOutput> denied = Fixture::run(*writer);
  REQUIRE_FALSE(denied);
  CHECK(denied.error().kind == ErrorKind::denied);
  CHECK(denied.error().message.find("approvals are not available in this version") != std::string::npos);
  CHECK(f.record.arguments.empty());
  std::unique_ptr<tool::Tool> reader = f.chain(5);
  CHECK(Fixture::run(*reader));
}

TEST_CASE("full runs everything its role names") {
  Fixture f;
  for (tool::Effect effect : {tool::Effect::read, tool::Effect::write, tool::Effect::execute}) {
    std::unique_ptr<tool::Tool> chain = f.chain(5, effect);
    CHECK(Fixture::run(*chain));
  }
}

TEST_CASE("without keys tools are not limited") {
  Fixture f;
  tool::ToolSet tools = tool::make_tools(f.seat, *f.windows, {});
  REQUIRE(tools.size() == f.placed());
  CHECK(f.windows->window_count() == 0);
}

}  // namespace
