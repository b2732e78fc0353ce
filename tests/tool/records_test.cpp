// What the ledger gets to know of tool calls, and when.
#include <doctest/doctest.h>

#include "support/fakes/fake_tool.h"
#include "tool/seat_fixture.h"

namespace {

using namespace usher;
using namespace std::chrono_literals;
using audit::Kind;
using audit::Outcome;
using testing::FakeTool;

struct Fixture : testing::SeatFixture {
  testing::ToolRecord record;
  std::unique_ptr<limits::Counters> counters = std::move(limits::open_counters(dir / "limits.db").value());
  std::unique_ptr<limits::RateWindows> windows = std::move(limits::make_rate_windows(*counters, clock).value());
  std::size_t rows_when_run = 0;

  Fixture() {
    context->sender = {.tenant = "acme", .kind = "telegram", .id = "123"};
    seat.records = {&ledger, "main/812345"};
  }
  void bind(policy::PolicyDocument document) {
    context->policies.push_back({"buyer", policy::Policy::compile(std::move(document)).value()});
  }
  std::unique_ptr<tool::Tool> chain(std::int64_t limit = 100, tool::Effect effect = tool::Effect::read) {
    const std::vector<limits::RateKey> keys = {
        {limits::rate_key("tool", "acme", "buyer", "x"), limit, "rate_limit_per_minute of role buyer"}};
    auto fake = std::make_unique<FakeTool>(
        "thing", record,
        [this](json::object, Deadline) -> Task<Result<tool::ToolOutput>> {
          rows_when_run = ledger.records.size();
          co_return tool::ToolOutput{"done"};
        },
        effect);
    fake->changeable_spec().parameters =
        json::parse(R"({"type":"object","properties":{"n":{"type":"integer"}},"required":["n"]})").as_object();
    fake->changeable_spec().actions = {"test:read:thing"};
    auto limited = std::make_unique<tool::RateLimitedTool>(std::move(fake), *windows, keys, context, seat.records);
    return std::make_unique<tool::GatedTool>(std::move(limited), context, seat.records);
  }
  Result<tool::ToolOutput> run(tool::Tool& tool, const json::object& arguments = {{"n", 1}}) {
    return testing::run_task(loop, tool.call(arguments, Deadline::in(1min)));
  }
};

TEST_CASE("an allowed call is a row before the tool runs") {
  Fixture f;
  f.bind({.allowed_actions = {"test:*:*"}});
  const auto tool = f.chain();
  REQUIRE(f.run(*tool));
  CHECK(f.rows_when_run == 1);
  REQUIRE(f.ledger.records.size() == 1);
  const audit::Record& row = f.ledger.records[0];
  CHECK(row.kind == Kind::decision);
  CHECK(row.outcome == Outcome::allowed);
  CHECK(row.tenant == "acme");
  CHECK(row.who == "telegram:123");
  CHECK(row.role == "buyer");
  CHECK(row.source == "main/812345");
  CHECK(row.action == "test:read:thing");
  CHECK(row.rule == "test:*:*");
  CHECK(row.detail == "thing: Action 'test:read:thing' allowed: matched allow pattern 'test:*:*'");
  CHECK(row.policy_hash == to_hex(policy::digest_of(f.context->policies[0].policy->document())));
}

TEST_CASE("a denied call is a row, whoever denied it: role, arguments or policy") {
  Fixture f;
  std::string rule = "role";
  json::object arguments{{"n", 1}};
  tool::Effect effect = tool::Effect::read;
  SUBCASE("the autonomy") {
    f.context->autonomy = config::Autonomy::readonly;
    effect = tool::Effect::write;
  }
  SUBCASE("the tool's name") { f.context->tool_filters[0].denied = policy::GlobSet({"thing"}); }
  SUBCASE("the arguments") {
    arguments = {{"m", 1}};
    rule = "arguments";
  }
  SUBCASE("the policy") {
    // Of two layers each would let some call through.
    f.bind({.denied_resources = {""}});
    rule = "";
  }
  const auto tool = f.chain(100, effect);
  REQUIRE_FALSE(f.run(*tool, arguments));
  CHECK(f.record.arguments.empty());
  REQUIRE(f.ledger.records.size() == 1);
  CHECK(f.ledger.records[0].kind == Kind::decision);
  CHECK(f.ledger.records[0].outcome == Outcome::denied);
  if (!rule.empty()) CHECK(f.ledger.records[0].rule == rule);
}

TEST_CASE("a call whose decision cannot be written is not made, and the model is told so") {
  Fixture f;
  const auto tool = f.chain(1);
  f.ledger.failure = Error{ErrorKind::io, "ledger.db: disk full"};
  const Result<tool::ToolOutput> output = f.run(*tool);
  REQUIRE_FALSE(output);
  CHECK(output.error().kind == ErrorKind::unavailable);
  CHECK(output.error().message.contains("not made"));
  CHECK_FALSE(output.error().message.contains("ledger.db"));
  CHECK(f.record.arguments.empty());
  // It did not count either, and works again by itself.
  f.ledger.failure.reset();
  CHECK(f.run(*tool));
}

TEST_CASE("without a ledger nothing runs") {
  Fixture f;
  f.seat.records.ledger = nullptr;
  const auto tool = f.chain();
  CHECK_FALSE(f.run(*tool));
  CHECK(f.record.arguments.empty());
}

TEST_CASE("a call that a limit refuses is a row of its own, and refused even where that cannot be written") {
  Fixture f;
  const auto tool = f.chain(1);
  REQUIRE(f.run(*tool));
  REQUIRE(f.run(*tool).error().kind == ErrorKind::limit);
  REQUIRE(f.ledger.records.size() == 3);
  const audit::Record& row = f.ledger.records[2];
  CHECK(row.kind == Kind::limit);
  CHECK(row.outcome == Outcome::denied);
  CHECK(row.action == "tool:call:thing");
  CHECK(row.detail.contains("rate_limit_per_minute of role buyer"));
}

TEST_CASE("a ceiling and a subagent are told apart from the sender's own turn") {
  Fixture f;
  f.context->ceiling = "guest";
  f.context->depth = 2;
  REQUIRE(f.run(*f.chain()));
  CHECK(f.ledger.records[0].role == "buyer/guest");
  CHECK(f.ledger.records[0].source == "main/812345/subagent 2");
}

}  // namespace
