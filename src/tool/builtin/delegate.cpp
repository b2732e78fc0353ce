// delegate: hands a task to a subagent, whose answer is the output. Bound only where the seat can run one.

#include "base/text.h"
#include "tool/builtin/parts.h"

namespace usher::tool {
namespace {

constexpr const char* kAction = "agent:delegate:task";

Result<Delegation> delegation_of(const json::object& arguments) {
  Delegation delegation{.task = text_argument(arguments, "task")};
  if (trim(delegation.task).empty()) return fail(ErrorKind::invalid, "'task' must say what is to be done");
  if (const json::value* tools = arguments.if_contains("tools")) {
    delegation.tools.emplace();
    for (const json::value& tool : tools->as_array()) {
      const json::string& name = tool.as_string();
      delegation.tools->emplace_back(name.data(), name.size());
    }
  }
  if (const json::value* policy = arguments.if_contains("policy")) {
    Result<policy::PolicyDocument> document = policy::parse_policy(json::serialize(*policy));
    if (!document) return fail(ErrorKind::invalid, "policy: " + document.error().message);
    delegation.policy = std::move(*document);
  }
  return delegation;
}

class DelegateTask final : public SeatedTool {
 public:
  using SeatedTool::SeatedTool;
  Access access(const json::object&) const override { return {kAction, "", 0}; }

  Task<Result<ToolOutput>> call(const json::object& arguments, Deadline deadline) override {
    Result<Delegation> delegation = delegation_of(arguments);
    if (!delegation) co_return fail(std::move(delegation.error()));
    Result<std::string> answer = co_await seat().delegate(std::move(*delegation), deadline);
    if (!answer) co_return fail(std::move(answer.error()));
    co_return ToolOutput{std::move(*answer)};
  }
};

std::unique_ptr<Tool> make_delegate(const ToolSpec& spec, const Seat& seat) {
  if (!seat.delegate) return nullptr;
  return std::make_unique<DelegateTask>(spec, seat);
}

}  // namespace

std::span<const Builtin> delegate_tools() {
  static const Builtin tools[] = {
      {{.name = "delegate",
        .description =
            "Hand a self-contained task to a subagent. It has at most your own tools and rights, knows nothing "
            "but what you write, and its answer comes back to you alone.",
        .effect = Effect::read,  // whatever the subagent does is gated by its own tools
        .parameters = schema_of(R"json({"type":"object","properties":{
          "task":{"type":"string","minLength":1,"maxLength":8000,"description":"all that must be known to do it"},
          "tools":{"type":"array","maxItems":32,"items":{"type":"string","minLength":1,"maxLength":200},
            "description":"names or globs of those of your tools that it may use; absent: all of them"},
          "policy":{"type":"object","properties":{
            "allowed_actions":{"type":"array","items":{"type":"string"}},
            "denied_actions":{"type":"array","items":{"type":"string"}},
            "allowed_resources":{"type":"array","items":{"type":"string"}},
            "denied_resources":{"type":"array","items":{"type":"string"}},
            "max_sensitivity_level":{"type":"integer","minimum":0,"maximum":4}},
            "additionalProperties":false,
            "description":"globs of what it may do at most; must be within your own policy"}},
          "required":["task"],"additionalProperties":false})json"),
        .actions = {kAction},
        .time_limit = std::chrono::hours(24)},  // the turn's deadline is what ends it
       make_delegate},
  };
  return tools;
}

}  // namespace usher::tool
