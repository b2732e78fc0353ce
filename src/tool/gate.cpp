#include "tool/gate.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "tool/schema.h"

namespace usher::tool {
namespace {

// Why a layer lets no call of the tool through, whatever its arguments; "" when some may pass.
std::string refusal_of(const rbac::PolicyLayer& layer, const ToolSpec& spec) {
  const int most = layer.policy->document().max_sensitivity_level;
  if (spec.least_sensitivity > most) {
    return fmt::format("tool '{}' is denied by the policy of role '{}': sensitivity {} exceeds maximum {}", spec.name,
                       layer.role, spec.least_sensitivity, most);
  }
  const auto may_pass = [&](const std::string& action) {
    return layer.policy->may_allow(action, spec.least_sensitivity);
  };
  if (std::ranges::any_of(spec.actions, may_pass)) return "";
  return fmt::format("tool '{}' is denied by the policy of role '{}': none of its actions ({}) is allowed", spec.name,
                     layer.role, fmt::join(spec.actions, ", "));
}

}  // namespace

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
                                 std::vector<limits::RateKey> keys, std::shared_ptr<const rbac::RoleContext> context,
                                 CallRecords records)
    : ToolWrapper(std::move(inner)),
      windows_(windows),
      keys_(std::move(keys)),
      context_(std::move(context)),
      records_(std::move(records)) {}

Task<Result<ToolOutput>> RateLimitedTool::call(const json::object& arguments, Deadline deadline) {
  if (!keys_.empty()) {
    Result<void> admitted = co_await windows_.admit(keys_);
    if (!admitted && admitted.error().kind == ErrorKind::limit) {
      // Refused all the same where it cannot be written.
      co_await records_.write(limit_record(*context_, spec(), admitted.error()));
    }
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
  for (const rbac::PolicyLayer& layer : context.policies) {
    std::string refusal = refusal_of(layer, spec);
    if (!refusal.empty()) return {false, std::move(refusal)};
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

Admission judge_call(const rbac::RoleContext& context, const Tool& tool, const json::object& arguments) {
  const ToolSpec& spec = tool.spec();
  rbac::ToolDecision decision = may_call(context, spec);
  if (!decision.allowed) return {false, ErrorKind::denied, std::move(decision.detail)};
  Result<void> fits = validate(spec.parameters, arguments);
  if (!fits) return {false, fits.error().kind, std::move(fits.error().message)};
  Admission admission = judge_access(context, spec, tool.access(arguments));
  if (!admission.decision && admission.allowed) admission.detail = std::move(decision.detail);
  return admission;
}

Admission judge_access(const rbac::RoleContext& context, const ToolSpec& spec, Access named) {
  Admission admission{true, ErrorKind::denied, "no policy narrows it", std::move(named)};
  const Access& access = *admission.access;
  if (!policy::is_action(access.action) || access.sensitivity < 0 || access.sensitivity > policy::kMaxSensitivity) {
    admission.allowed = false;
    admission.detail = fmt::format("tool '{}' is denied: it does not say well what this call would do", spec.name);
    return admission;
  }
  const policy::Request request{access.action, access.resource, access.sensitivity};
  const rbac::PolicyLayer* layer = context.deciding_layer(request);
  if (!layer) return admission;
  admission.layer = layer->role;
  admission.policy_hash = layer->policy->hash();
  admission.decision = layer->policy->decide(request);
  admission.allowed = admission.decision->allowed;
  admission.detail = admission.decision->detail;
  return admission;
}

GatedTool::GatedTool(std::unique_ptr<Tool> inner, std::shared_ptr<const rbac::RoleContext> context, CallRecords records)
    : ToolWrapper(std::move(inner)), context_(std::move(context)), records_(std::move(records)) {}

Task<Result<ToolOutput>> GatedTool::call(const json::object& arguments, Deadline deadline) {
  Admission admission = judge_call(*context_, inner(), arguments);
  Result<void> written = co_await records_.write(decision_record(*context_, spec(), admission));
  if (!admission.allowed) co_return fail(admission.kind, std::move(admission.detail));
  if (!written) co_return fail(std::move(written.error()));
  Result<ToolOutput> output = co_await inner().call(arguments, deadline);
  co_return output;
}

ToolSet make_tools(const Seat& seat, limits::RateWindows& windows, const std::vector<limits::RateKey>& keys) {
  ToolSet tools;
  for (const ToolSpec& spec : builtin_specs()) {
    if (!seat.context->allows_tool(spec.name)) continue;  // most of them, and nobody reads why
    rbac::ToolDecision offered = may_offer(*seat.context, spec);
    if (!offered.allowed) continue;
    std::unique_ptr<Tool> tool = make_builtin(spec.name, seat);
    if (!tool) continue;  // this seat has no place for it
    if (!keys.empty())
      tool = std::make_unique<RateLimitedTool>(std::move(tool), windows, keys, seat.context, seat.records);
    tools.push_back(std::make_unique<GatedTool>(std::move(tool), seat.context, seat.records));
  }
  return tools;
}

}  // namespace usher::tool
