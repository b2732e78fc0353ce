#include "rbac/subagent.h"

#include <fmt/format.h>

#include <utility>

#include "policy/narrowing.h"

namespace usher::rbac {
namespace {

bool is_plain_name(std::string_view tool) { return tool.find_first_of("*?[") == std::string_view::npos; }

// One sentence part for each thing that is asked and that the parent does not have.
std::vector<std::string> violations_of(const RoleContext& parent, const SubagentLimits& limits) {
  std::vector<std::string> violations;
  // A glob is simply intersected with what the parent has; a name that can only be in vain is a mistake.
  for (const std::string& tool : limits.tools.value_or(std::vector<std::string>())) {
    if (!is_plain_name(tool)) continue;
    ToolDecision decision = parent.permits_tool(tool);
    if (!decision.allowed) violations.push_back(std::move(decision.detail));
  }
  if (!limits.policy) return violations;
  for (const PolicyLayer& layer : parent.policies) {
    const policy::NarrowingResult result = policy::check_narrowing(layer.policy->document(), *limits.policy);
    if (!result.within) violations.push_back(fmt::format("policy of role '{}': {}", layer.role, describe(result)));
  }
  return violations;
}

}  // namespace

Result<std::shared_ptr<const RoleContext>> narrowed(const RoleContext& parent, const SubagentLimits& limits) {
  if (parent.depth >= limits.max_depth) {
    return fail(ErrorKind::denied, fmt::format("no subagent may be deeper than {}", limits.max_depth));
  }
  if (limits.policy) {
    Result<void> sound = policy::check(*limits.policy);
    if (!sound) return fail(std::move(sound.error()));
  }
  const std::vector<std::string> violations = violations_of(parent, limits);
  if (!violations.empty()) {
    return fail(ErrorKind::denied,
                fmt::format("more is asked for the subagent than its caller has: {}", fmt::join(violations, "; ")));
  }
  auto context = std::make_shared<RoleContext>(parent);
  context->depth = parent.depth + 1;
  const std::string layer = fmt::format("{} (subagent)", parent.role);
  // Without any layer nothing is allowed; a first one of the subagent's own would allow something.
  if (limits.tools && !parent.tool_filters.empty()) {
    context->tool_filters.push_back({layer, policy::GlobSet(*limits.tools), policy::GlobSet()});
  }
  if (limits.policy) {
    Result<std::shared_ptr<const policy::Policy>> compiled = policy::Policy::compile_bounded(*limits.policy);
    if (!compiled) return fail(std::move(compiled.error()));
    context->policies.push_back({layer, std::move(*compiled)});
  }
  return context;
}

}  // namespace usher::rbac
