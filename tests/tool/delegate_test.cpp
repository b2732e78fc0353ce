// The tool's own part: what it makes of its arguments, and where it exists.
#include <doctest/doctest.h>

#include <algorithm>

#include "limits/counters.h"
#include "seat_fixture.h"

namespace {

using namespace usher;

struct Fixture : testing::SeatFixture {
  std::vector<tool::Delegation> asked;
  Result<std::string> answer = "42 mugs";

  Fixture() {
    seat.delegate = [this](tool::Delegation delegation, Deadline) { return record(std::move(delegation)); };
  }
  Task<Result<std::string>> record(tool::Delegation delegation) {
    asked.push_back(std::move(delegation));
    co_return answer;
  }
};

bool is_among(const tool::ToolSet& tools, std::string_view name) {
  return std::ranges::any_of(tools, [&](const auto& tool) { return tool->spec().name == name; });
}

TEST_CASE("the subagent's answer is the output; what is not asked for stays absent") {
  Fixture f;
  CHECK(f.say("delegate", R"({"task":"count the mugs"})") == "42 mugs");
  REQUIRE(f.asked.size() == 1);
  CHECK(f.asked[0].task == "count the mugs");
  CHECK_FALSE(f.asked[0].tools);
  CHECK_FALSE(f.asked[0].policy);
}

TEST_CASE("tools and policy are handed on as they were asked, an empty list as an empty one") {
  Fixture f;
  f.say("delegate", R"({"task":"t","tools":["file_*","product_info"],
        "policy":{"allowed_actions":["file:read:*"],"denied_actions":[],"max_sensitivity_level":1}})");
  f.say("delegate", R"({"task":"t","tools":[],"policy":{}})");
  REQUIRE(f.asked.size() == 2);
  CHECK(f.asked[0].tools == std::vector<std::string>{"file_*", "product_info"});
  CHECK(f.asked[0].policy ==
        policy::PolicyDocument{.allowed_actions = {"file:read:*"}, .denied_actions = {}, .max_sensitivity_level = 1});
  REQUIRE(f.asked[1].tools);
  CHECK(f.asked[1].tools->empty());
  CHECK(f.asked[1].policy == policy::PolicyDocument{});
}

TEST_CASE("arguments that do not fit start no subagent") {
  Fixture f;
  for (const std::string& arguments :
       {std::string("{}"), std::string(R"({"task":""})"), std::string(R"({"task":" \n "})"),
        R"({"task":")" + std::string(8001, 'x') + R"("})", std::string(R"({"task":"t","tools":"file_read"})"),
        std::string(R"({"task":"t","tools":[""]})"), std::string(R"({"task":"t","tools":null})"),
        R"({"task":"t","tools":)" + json::serialize(json::array(33, "x")) + "}",
        std::string(R"({"task":"t","policy":[]})"), std::string(R"({"task":"t","policy":{"allow":["*"]}})"),
        std::string(R"({"task":"t","policy":{"max_sensitivity_level":5}})"),
        std::string(R"({"task":"t","policy":{"denied_actions":["a\nb"]}})"),
        R"({"task":"t","policy":{"denied_actions":[")" + std::string(2000, 'x') + R"("]}})"}) {
    CAPTURE(arguments);
    CHECK(f.say("delegate", arguments).starts_with("invalid: "));
  }
  CHECK(f.asked.empty());
  CHECK(f.say("delegate", R"({"task":"t","policy":{"denied_actions":["a\nb"]}})").find("denied_actions") !=
        std::string::npos);
}

TEST_CASE("a subagent's failure is the tool's, with its kind and its sentence") {
  Fixture f;
  f.answer = fail(ErrorKind::limit, "the subagent was stopped by a limit");
  CHECK(f.say("delegate", R"({"task":"t"})") == "limit: the subagent was stopped by a limit");
}

TEST_CASE("it names one action, without a resource, whatever the arguments") {
  Fixture f;
  const auto tool = tool::make_builtin("delegate", f.seat);
  REQUIRE(tool);
  const tool::Access access = tool->access({{"task", "agent:other:task"}, {"tools", json::array{"x"}}});
  CHECK(access.action == "agent:delegate:task");
  CHECK(access.resource.empty());
  CHECK(access.sensitivity == 0);
  CHECK(tool->spec().actions == std::vector<std::string>{"agent:delegate:task"});
  CHECK(tool->spec().effect == tool::Effect::read);
}

TEST_CASE("where the seat runs no subagents it is known but neither made nor offered") {
  testing::SeatFixture f;
  CHECK(std::ranges::any_of(tool::builtin_specs(), [](const auto& spec) { return spec.name == "delegate"; }));
  CHECK(tool::make_builtin("delegate", f.seat) == nullptr);
  auto counters = limits::open_counters(f.dir / "limits.db");
  REQUIRE(counters);
  auto windows = limits::make_rate_windows(**counters, f.clock);
  REQUIRE(windows);
  const tool::ToolSet without = tool::make_tools(f.seat, **windows, {});
  CHECK(without.size() == tool::builtin_specs().size() - 1);
  CHECK_FALSE(is_among(without, "delegate"));
  f.seat.delegate = [](tool::Delegation, Deadline) -> Task<Result<std::string>> { co_return std::string("x"); };
  CHECK(is_among(tool::make_tools(f.seat, **windows, {}), "delegate"));
}

}  // namespace
