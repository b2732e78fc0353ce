#include "tool/gate.h"

#include <fmt/format.h>

#include "tool/schema.h"

namespace usher::tool {

const char* to_string(Effect effect) {
  switch (effect) {
    case Effect::read:
      return "read";
    case Effect::write:
      return "write";
    case Effect::execute:
      return "execute";
  }
  return "execute";
}

RateLimitedTool::RateLimitedTool(std::unique_ptr<Tool> inner, limits::RateWindows& windows,
                                 std::vector<limits::RateKey> keys)
    : ToolWrapper(std::move(inner)), windows_(windows), keys_(std::move(keys)) {}

Task<Result<ToolOutput>> RateLimitedTool::call(const json::object& arguments, Deadline deadline) {
  if (!keys_.empty()) {
    Result<void> admitted = windows_.admit(keys_);
    if (!admitted) co_return fail(std::move(admitted.error()));
  }
  Result<ToolOutput> output = co_await inner().call(arguments, deadline);
  co_return output;
}

rbac::ToolDecision may_offer(const rbac::RoleContext& context, const ToolSpec& spec) {
  rbac::ToolDecision decision = context.permits_tool(spec.name);
  if (!decision.allowed) return decision;
  if (context.autonomy == config::Autonomy::readonly && spec.effect != Effect::read) {
    return {false, fmt::format("tool '{}' can {}, and role '{}' is readonly", spec.name, to_string(spec.effect),
                               context.role)};
  }
  return decision;
}

rbac::ToolDecision may_call(const rbac::RoleContext& context, const ToolSpec& spec) {
  rbac::ToolDecision decision = may_offer(context, spec);
  if (!decision.allowed) return decision;
  if (context.autonomy == config::Autonomy::supervised && spec.effect != Effect::read) {
    return {false,
            fmt::format("tool '{}' needs an approval under role '{}' (supervised), and approvals are not available "
                        "in this version",
                        spec.name, context.role)};
  }
  return decision;
}

GatedTool::GatedTool(std::unique_ptr<Tool> inner, std::shared_ptr<const rbac::RoleContext> context)
    : ToolWrapper(std::move(inner)), context_(std::move(context)) {}

Task<Result<ToolOutput>> GatedTool::call(const json::object& arguments, Deadline deadline) {
  rbac::ToolDecision decision = may_call(*context_, spec());
  if (!decision.allowed) co_return fail(ErrorKind::denied, std::move(decision.detail));
  Result<void> fits = validate(spec().parameters, arguments);
  if (!fits) co_return fail(std::move(fits.error()));
  Result<ToolOutput> output = co_await inner().call(arguments, deadline);
  co_return output;
}

ToolSet make_tools(const Seat& seat, limits::RateWindows& windows, const std::vector<limits::RateKey>& keys) {
  ToolSet tools;
  for (const ToolSpec& spec : builtin_specs()) {
    rbac::ToolDecision offered = may_offer(*seat.context, spec);
    if (!offered.allowed) continue;
    std::unique_ptr<Tool> tool = make_builtin(spec.name, seat);
    if (!keys.empty()) tool = std::make_unique<RateLimitedTool>(std::move(tool), windows, keys);
    tools.push_back(std::make_unique<GatedTool>(std::move(tool), seat.context));
  }
  return tools;
}

}  // namespace usher::tool
