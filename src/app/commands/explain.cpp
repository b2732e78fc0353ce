// `usher explain` and `usher memory path`: who a sender is to the gateway, and what it would say to one action or call.
#include <fmt/format.h>

#include "app/commands/inspect.h"
#include "app/commands/look_up.h"
#include "app/exit_status.h"
#include "base/json.h"
#include "base/text.h"
#include "policy/policy.h"
#include "rbac/role.h"
#include "tool/builtin.h"
#include "tool/gate.h"
#include "tool/plain_json.h"

namespace usher::app {
namespace {

void print_json(const json::value& value) { fmt::print("{}\n", tool::plain_json(value)); }

json::value limit_value(const std::optional<std::int64_t>& limit) {
  return limit ? json::value(*limit) : json::value(nullptr);
}
json::value limit_value(const std::optional<MicroUsd>& limit) {
  return limit ? json::value(static_cast<double>(limit->value) / 1e6) : json::value(nullptr);
}

json::object limits_json(const config::Limits& limits) {
  return {{"rate_limit_per_minute", limit_value(limits.per_minute)},
          {"rate_limit_per_minute_total", limit_value(limits.per_minute_total)},
          {"cost_daily_limit_usd", limit_value(limits.daily_cost)},
          {"cost_daily_limit_usd_total", limit_value(limits.daily_cost_total)}};
}

std::vector<std::string> offered_tools(const rbac::RoleContext& context) {
  std::vector<std::string> tools;
  for (const tool::ToolSpec& spec : tool::builtin_specs()) {
    if (tool::may_offer(context, spec).allowed) tools.push_back(spec.name);
  }
  return tools;
}

json::array policies_json(const rbac::RoleContext& context) {
  json::array layers;
  for (const rbac::PolicyLayer& layer : context.policies) {
    layers.push_back(
        json::object{{"role", layer.role}, {"policy", json::parse(policy::to_json(layer.policy->document()))}});
  }
  return layers;
}

json::object matched_json(const rbac::Matched& matched) {
  json::object out{{"rule", matched.rule}, {"file", matched.source.file}, {"line", matched.source.line}};
  if (matched.through) out["through"] = to_string(*matched.through);
  return out;
}

json::object context_json(const config::Config& config, const rbac::RoleContext& context,
                          const rbac::Workspace& workspace) {
  const auto model = config.models.find(context.model_hint);
  const std::vector<std::string> tools = offered_tools(context);
  json::object out{{"tenant", context.sender.tenant},
                   {"sender", to_string(context.sender)},
                   {"role", context.role},
                   {"matched", matched_json(context.matched)},
                   {"workspace", context.workspace},
                   {"memory_db", workspace.memory_db},
                   {"autonomy", config::to_string(context.autonomy)},
                   {"model", model == config.models.end() ? "" : model->second.model},
                   {"tools", json::array(tools.begin(), tools.end())},
                   {"limits", limits_json(context.limits)},
                   {"policies", policies_json(context)}};
  if (context.ceiling) out["ceiling"] = *context.ceiling;
  return out;
}

// Indented "name: value" lines for people; nested values as JSON.
void print_lines(const json::object& object) {
  for (const auto& [key, value] : object) {
    const std::string text = value.is_string() ? std::string(value.get_string()) : tool::plain_json(value);
    fmt::print("{:10} {}\n", std::string_view(key), text);
  }
}

// A role that a sender is asked about, whose room is known.
struct Located {
  std::shared_ptr<const rbac::RoleContext> context;
  rbac::Workspace workspace;
};

// What cannot be asked; "" when it can.
std::string mistake_in(const ExplainRequest& request) {
  if (!request.action.empty() && !request.tool.empty()) return "--action and --tool are two questions: ask one of them";
  if (request.action.empty() && !request.resource.empty()) return "--resource goes with --action";
  if (request.action.empty() && request.sensitivity != 0) return "--sensitivity goes with --action";
  if (request.tool.empty() && !request.arguments.empty()) return "--args goes with --tool";
  if (!request.action.empty() && !policy::is_action(request.action)) {
    return fmt::format(
        "'{}' is not an action: write domain:operation:resource, like product:read:catalog (a-z 0-9 _, each part "
        "begins with a letter, dots in the last one)",
        printable(request.action));
  }
  if (!is_valid_utf8(request.resource)) return "--resource is not valid UTF-8";
  if (request.sensitivity < 0 || request.sensitivity > policy::kMaxSensitivity) {
    return fmt::format("--sensitivity is a whole number from 0 to {}", policy::kMaxSensitivity);
  }
  return "";
}

// What the policies say to one action, whatever tool would do it.
json::object decide_action(const rbac::RoleContext& context, const ExplainRequest& request) {
  const policy::Request asked{request.action, request.resource, request.sensitivity};
  const rbac::PolicyLayer* layer = context.deciding_layer(asked);
  if (!layer) {
    return {{"allowed", true},
            {"detail", fmt::format("role '{}' has no policy: no action is denied to it", context.role)},
            {"rule", nullptr},
            {"pattern", nullptr},
            {"role", context.role}};
  }
  const policy::Decision decision = layer->policy->decide(asked);
  return {{"allowed", decision.allowed},
          {"detail", decision.detail},
          {"rule", policy::to_string(decision.rule)},
          {"pattern", decision.pattern},
          {"role", layer->role}};
}

// Whether a tool may be called at all.
json::object decide_tool(const rbac::RoleContext& context, const std::string& name) {
  for (const tool::ToolSpec& spec : tool::builtin_specs()) {
    if (spec.name != name) continue;
    const rbac::ToolDecision decision = tool::may_call(context, spec);
    return {{"allowed", decision.allowed}, {"detail", decision.detail}};
  }
  return {{"allowed", false}, {"detail", fmt::format("there is no tool '{}'", printable(name))}};
}

// What the gate says to one call: the same function that a turn asks, so that both agree.
json::object decide_call(const Located& located, const std::string& name, const json::object& arguments) {
  tool::Seat seat;
  seat.context = located.context;
  seat.workspace = std::make_shared<const rbac::Workspace>(located.workspace);
  // So that every tool finds its place; nothing is called here.
  seat.delegate = [](tool::Delegation, Deadline) -> Task<Result<std::string>> {
    co_return fail(ErrorKind::unavailable, "nothing runs here");
  };
  const std::unique_ptr<tool::Tool> made = tool::make_builtin(name, seat);
  if (!made) return decide_tool(*located.context, name);
  const tool::Admission admission = tool::judge_call(*located.context, *made, arguments);
  json::object out{{"allowed", admission.allowed}, {"detail", admission.detail}};
  if (admission.decision) {
    out["rule"] = policy::to_string(admission.decision->rule);
    out["pattern"] = admission.decision->pattern;
    out["role"] = *admission.layer;
  }
  if (admission.access) {
    out["access"] = {{"action", admission.access->action},
                     {"resource", admission.access->resource},
                     {"sensitivity", admission.access->sensitivity}};
  }
  return out;
}

// Adds the answer to what was asked, if anything.
Result<void> add_decision(const Located& located, const ExplainRequest& request, json::object& out) {
  if (!request.action.empty()) {
    out["decision"] = decide_action(*located.context, request);
  } else if (!request.arguments.empty()) {
    const Result<json::value> arguments = parse_json(request.arguments);
    if (!arguments || !arguments->is_object() || has_repeated_member(request.arguments)) {
      return fail(ErrorKind::invalid,
                  "--args is not a JSON object with each member once; write one like '{\"path\":\"files/notes.txt\"}'");
    }
    out["decision"] = decide_call(located, request.tool, arguments->get_object());
  } else if (!request.tool.empty()) {
    out["decision"] = decide_tool(*located.context, request.tool);
  }
  return {};
}

json::object turned_away(const Sender& sender, const std::string& why) {
  return {{"tenant", sender.tenant},
          {"sender", to_string(sender)},
          {"role", nullptr},
          {"decision", {{"allowed", false}, {"detail", why}}}};
}

Result<json::object> explained(const std::shared_ptr<const config::Config>& config, const ExplainRequest& request) {
  const std::string mistake = mistake_in(request);
  if (!mistake.empty()) return fail(ErrorKind::invalid, mistake);
  Result<FoundSender> found = look_up(config, request.sender, request.where);
  if (!found) return fail(std::move(found.error()));
  json::object out = turned_away(request.sender, found->why);
  std::optional<Located> located;
  if (found->context) {
    located = {found->context, rbac::WorkspaceSelector(config).select(*found->context)};
    out = context_json(*config, *located->context, located->workspace);
  }
  if (!found->joined.empty()) out["joined"] = found->joined;
  if (found->has_unasked_roles) out["note"] = kUnaskedRoles;
  if (!located) return out;
  Result<void> decided = add_decision(*located, request, out);
  if (!decided) return fail(std::move(decided.error()));
  return out;
}

}  // namespace

int explain(std::shared_ptr<const config::Config> config, const ExplainRequest& request, bool as_json) {
  const Result<json::object> out = explained(config, request);
  if (!out) {
    fmt::print(stderr, "usher: {}\n", out.error().message);
    return kError;
  }
  if (as_json) {
    print_json(*out);
  } else {
    print_lines(*out);
  }
  return kFine;
}

int memory_path(std::shared_ptr<const config::Config> config, const Sender& sender, const Whereabouts& where,
                bool as_json) {
  const Result<FoundSender> found = look_up(config, sender, where);
  if (!found || !found->context) {
    fmt::print(stderr, "usher: {}\n", found ? found->why : found.error().message);
  }
  // Whoever removes a memory must not remove another in its place.
  if (found && found->has_unasked_roles) fmt::print(stderr, "usher: {}\n", kUnaskedRoles);
  if (!found || !found->context) return kError;
  const std::string path = rbac::WorkspaceSelector(config).select(*found->context).memory_db;
  if (as_json) {
    print_json(json::object{{"sender", to_string(sender)}, {"memory_db", path}});
  } else {
    fmt::print("{}\n", path);
  }
  return kFine;
}

}  // namespace usher::app
