// Policies at the gate: what they deny is not offered where that is certain, and is never run.
#include <doctest/doctest.h>

#include "policy/policy.h"
#include "support/fake_tool.h"
#include "tool/seat_fixture.h"

namespace {

using namespace usher;
using testing::FakeTool;
using testing::SeatFixture;
using testing::ToolRecord;

struct Fixture : SeatFixture {
  ToolRecord record;
  std::unique_ptr<limits::Counters> counters = std::move(limits::open_counters(dir / "limits.db").value());
  std::unique_ptr<limits::RateWindows> windows = std::move(limits::make_rate_windows(*counters, clock).value());

  void bind(policy::PolicyDocument document, const std::string& role = "buyer") const {
    context->policies.push_back({role, policy::Policy::compile(std::move(document)).value()});
  }
  std::vector<std::string> offered() {
    std::vector<std::string> names;
    for (const auto& tool : tool::make_tools(seat, *windows, {})) names.push_back(tool->spec().name);
    return names;
  }
  std::string offer(const std::string& name) const {
    for (const tool::ToolSpec& spec : tool::builtin_specs()) {
      if (spec.name == name) return tool::may_offer(*context, spec).detail;
    }
    return "no such tool";
  }
};

// Names what a test says, whatever it is.
class NamingTool final : public tool::ToolWrapper {
 public:
  NamingTool(std::unique_ptr<tool::Tool> inner, tool::Access access)
      : ToolWrapper(std::move(inner)), access_(std::move(access)) {}
  tool::Access access(const json::object&) const override { return access_; }

 private:
  tool::Access access_;
};

TEST_CASE("a denied action never reaches the tool, and the model gets the policy's own sentence") {
  Fixture f;
  f.put(f.files / "notes.txt", "mine");
  f.put(f.root / "README.md", "ours");
  f.bind({.allowed_actions = {"file:*"}, .denied_resources = {"*secret*"}, .max_sensitivity_level = 1});
  CHECK(f.say("file_read", R"({"path":"workspace/README.md"})") == "ours");
  CHECK(f.say("file_read", R"({"path":"workspace/secret.md"})") ==
        "denied: Action 'file:read:workspace' denied: resource 'workspace/secret.md' matched deny pattern '*secret*'");
  CHECK(f.say("file_read", R"({"path":"files/notes.txt"})") ==
        "denied: Action 'file:read:files' denied: sensitivity 2 exceeds maximum 1");
  CHECK(f.say("file_list", R"({})") == "denied: Action 'file:read:all' denied: sensitivity 2 exceeds maximum 1");
}

TEST_CASE("every layer must allow, and the first that does not has the word") {
  Fixture f;
  f.put(f.root / "README.md", "ours");
  f.bind({.denied_actions = {"file:read:files"}});
  f.bind({.denied_actions = {"file:*:files"}, .denied_resources = {"*/private*"}}, "guest");
  CHECK(f.say("file_read", R"({"path":"files/a"})") ==
        "denied: Action 'file:read:files' denied: matched deny pattern 'file:read:files'");
  CHECK(f.say("file_read", R"({"path":"workspace/private"})") ==
        "denied: Action 'file:read:workspace' denied: resource 'workspace/private' matched deny pattern '*/private*'");
  CHECK(f.say("file_read", R"({"path":"workspace/README.md"})") == "ours");
}

TEST_CASE("a tool is not offered when a policy grants none of its actions, and says why") {
  Fixture f;
  f.bind({.allowed_actions = {"product:read:*", "knowledge:read:public", "file:read:*", "memory:*"},
          .denied_actions = {"memory:write:*"},
          .max_sensitivity_level = 2});
  CHECK(f.offered() == std::vector<std::string>{"product_search", "product_info", "knowledge_search", "memory_recall",
                                                "file_list", "file_read"});
  CHECK(f.offer("memory_store") ==
        "tool 'memory_store' is denied by the policy of role 'buyer': none of its actions (memory:write:facts) is "
        "allowed");
  f.bind({.max_sensitivity_level = 1}, "guest");
  CHECK(f.offered() ==
        std::vector<std::string>{"product_search", "product_info", "knowledge_search", "file_list", "file_read"});
  CHECK(f.offer("memory_recall") ==
        "tool 'memory_recall' is denied by the policy of role 'guest': sensitivity 2 exceeds maximum 1");
}

TEST_CASE("an empty allow list leaves no tool") {
  for (policy::PolicyDocument nothing :
       {policy::PolicyDocument{.allowed_actions = {}}, policy::PolicyDocument{.allowed_resources = {}},
        policy::PolicyDocument{.denied_actions = {"*"}}}) {
    Fixture f;
    f.bind(nothing);
    CHECK(f.offered().empty());
    CHECK(f.say("product_search", R"({"query":"mug"})").starts_with("denied: tool 'product_search' is denied by the "));
  }
}

TEST_CASE("what is not offered is not run when the model calls it anyway, and its schema is not explained") {
  Fixture f;
  f.bind({.allowed_actions = {"product:*"}});
  const std::string refusal = f.say("file_write", R"({"oops":1})");
  CHECK(refusal.starts_with("denied: tool 'file_write' is denied by the policy of role 'buyer'"));
  CHECK_FALSE(refusal.contains("oops"));
  CHECK(f.say("file_write", R"({"path":"files/a","content":"x"})") == refusal);
  CHECK_FALSE(std::filesystem::exists(f.files));
}

TEST_CASE("arguments that do not fit are malformed before a policy is asked") {
  Fixture f;
  f.bind({.denied_resources = {"secret"}});
  CHECK(f.say("product_search", R"({"query":5})").starts_with("invalid: "));
  CHECK(f.say("product_search", R"({"query":"secret"})").starts_with("denied: "));
}

TEST_CASE("a denied call does not count against the window") {
  Fixture f;
  f.bind({.denied_resources = {"secret"}});
  const limits::RateKey key{limits::rate_key("tool", "default", "buyer", "x"), 1, "rate_limit_per_minute"};
  const tool::ToolSet tools = tool::make_tools(f.seat, *f.windows, {key});
  REQUIRE(tools.front()->spec().name == "product_search");
  const auto search = [&](const char* query) {
    return testing::run_task(f.loop, tools.front()->call({{"query", query}}, Deadline::in(std::chrono::minutes(1))));
  };
  for (int i = 0; i < 5; ++i) CHECK(search("secret").error().kind == ErrorKind::denied);
  CHECK(search("mug").error().kind == ErrorKind::not_found);  // admitted: there is no catalogue here
  CHECK(search("mug").error().kind == ErrorKind::limit);
}

TEST_CASE("a tool that names no well-formed access is denied, with a policy and without one") {
  for (const bool has_policy : {false, true}) {
    for (const tool::Access& access :
         {tool::Access{"", "", 0}, tool::Access{"test:read", "", 0}, tool::Access{"Test:read:thing", "", 0},
          tool::Access{"test:read:thing\n", "", 0}, tool::Access{"*:*:*", "", 0},
          tool::Access{"test:read:thing", "", -1}, tool::Access{"test:read:thing", "", 5}}) {
      Fixture f;
      CAPTURE(access.action);
      auto fake = std::make_unique<FakeTool>("thing", f.record);
      fake->changeable_spec().actions = {"*"};
      if (has_policy) f.bind({.allowed_actions = {"*"}});
      tool::GatedTool gated(std::make_unique<NamingTool>(std::move(fake), access), f.context, f.seat.records);
      Result<tool::ToolOutput> output =
          testing::run_task(f.loop, gated.call({}, Deadline::in(std::chrono::minutes(1))));
      REQUIRE_FALSE(output);
      CHECK(output.error().kind == ErrorKind::denied);
      CHECK(f.record.arguments.empty());
    }
  }
}

TEST_CASE("a tool that announces no action is not run under a policy") {
  Fixture f;
  tool::GatedTool free(std::make_unique<FakeTool>("thing", f.record), f.context, f.seat.records);
  CHECK(testing::run_task(f.loop, free.call({}, Deadline::in(std::chrono::minutes(1)))));
  f.bind({});
  tool::GatedTool bound(std::make_unique<FakeTool>("thing", f.record), f.context, f.seat.records);
  CHECK(testing::run_task(f.loop, bound.call({}, Deadline::in(std::chrono::minutes(1)))).error().kind ==
        ErrorKind::denied);
  CHECK(f.record.arguments.size() == 1);
}

TEST_CASE("an access alone is judged like a call's: well formed, and allowed by every policy") {
  Fixture f;
  const tool::ToolSpec& spec = tool::builtin_specs().front();
  CHECK(tool::judge_access(*f.context, spec, {"test:read:thing", "x", 4}).allowed);
  CHECK_FALSE(tool::judge_access(*f.context, spec, {"Test:read:thing", "x", 0}).allowed);
  CHECK_FALSE(tool::judge_access(*f.context, spec, {"test:read:thing", "x", 5}).allowed);
  f.bind({});
  f.bind({.denied_resources = {"x"}}, "guest");
  CHECK(tool::judge_access(*f.context, spec, {"test:read:thing", "y", 0}).allowed);
  const tool::Admission denied = tool::judge_access(*f.context, spec, {"test:read:thing", "x", 0});
  CHECK_FALSE(denied.allowed);
  CHECK(denied.kind == ErrorKind::denied);
  CHECK(denied.layer == "guest");
}

TEST_CASE("the verdict on a call tells access, layer and rule") {
  Fixture f;
  f.bind({.allowed_actions = {"product:*"}, .denied_resources = {"secret"}}, "guest");
  const std::unique_ptr<tool::Tool> tool = tool::make_builtin("product_search", f.seat);
  const tool::Admission denied = tool::judge_call(*f.context, *tool, {{"query", "secret"}});
  CHECK_FALSE(denied.allowed);
  CHECK(denied.access->resource == "secret");
  CHECK(denied.layer == "guest");
  CHECK(denied.decision->rule == policy::Rule::denied_resources);
  CHECK(denied.decision->pattern == "secret");
  const tool::Admission allowed = tool::judge_call(*f.context, *tool, {{"query", "mug"}});
  CHECK(allowed.allowed);
  CHECK(allowed.decision->pattern == "product:*");
  const tool::Admission malformed = tool::judge_call(*f.context, *tool, {});
  CHECK(malformed.kind == ErrorKind::invalid);
  CHECK_FALSE(malformed.access);
}

}  // namespace
