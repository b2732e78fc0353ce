// `usher roles`: every tenant's roles and, tool by tool, what each is offered and why not.
#include <fmt/format.h>

#include "app/exit_status.h"
#include "app/inspect.h"
#include "base/json.h"
#include "rbac/role.h"
#include "tool/builtin.h"
#include "tool/gate.h"
#include "tool/plain_json.h"

namespace usher::app {
namespace {

json::object role_json(const config::Role& role) {
  const std::shared_ptr<const rbac::RoleContext> context = rbac::context_of(role);
  json::object tools;
  for (const tool::ToolSpec& spec : tool::builtin_specs()) {
    const rbac::ToolDecision decision = tool::may_call(*context, spec);
    tools[spec.name] = {{"offered", tool::may_offer(*context, spec).allowed},
                        {"allowed", decision.allowed},
                        {"detail", decision.detail}};
  }
  return {{"role", role.name},
          {"autonomy", config::to_string(role.autonomy)},
          {"workspace", role.workspace},
          {"model_hint", role.model_hint},
          {"memory_isolation", role.memory_isolation},
          {"rag_access", json::array(role.rag_access.begin(), role.rag_access.end())},
          {"tools", std::move(tools)}};
}

void print_role(const config::Role& role, bool is_default) {
  const std::shared_ptr<const rbac::RoleContext> context = rbac::context_of(role);
  fmt::print("  {}{}: {}, workspace {}, model {}\n", role.name, is_default ? " (default)" : "",
             config::to_string(role.autonomy), role.workspace, role.model_hint);
  for (const tool::ToolSpec& spec : tool::builtin_specs()) {
    const rbac::ToolDecision decision = tool::may_call(*context, spec);
    fmt::print("    {:3} {:18}{}\n", decision.allowed ? "yes" : "no", spec.name,
               decision.allowed ? "" : decision.detail);
  }
}

}  // namespace

int show_roles(std::shared_ptr<const config::Config> config, bool as_json) {
  json::array tenants;
  for (const auto& [name, tenant] : config->tenants) {
    if (as_json) {
      json::array roles;
      for (const auto& [role_name, role] : tenant.roles) roles.push_back(role_json(role));
      tenants.push_back(
          json::object{{"tenant", name},
                       {"default_role", tenant.default_role ? json::value(*tenant.default_role) : json::value(nullptr)},
                       {"roles", std::move(roles)}});
      continue;
    }
    fmt::print("tenant {}{}\n", name, tenant.default_role ? "" : ": unknown senders are turned away");
    for (const auto& [role_name, role] : tenant.roles) print_role(role, tenant.default_role == role_name);
  }
  if (as_json) fmt::print("{}\n", tool::plain_json(json::object{{"tenants", std::move(tenants)}}));
  return kFine;
}

}  // namespace usher::app
