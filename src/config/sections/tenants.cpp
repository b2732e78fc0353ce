// The tenants: plain [rbac] is "default", [tenants.<name>.rbac] a further one, and without [rbac] the default tenant
// has the one implicit role of [agent].
#include <fmt/format.h>

#include <algorithm>

#include "config/sections/sections.h"

namespace usher::config {
namespace {

constexpr const char* kDefaultTenant = "default";
constexpr const char* kImplicitRole = "agent";

// The keys of [agent] that build the implicit role.
constexpr std::string_view kRoleKeysOfAgent[] = {"senders",
                                                 "autonomy",
                                                 "allowed_tools",
                                                 "denied_tools",
                                                 "workspace",
                                                 "memory_isolation",
                                                 "model_hint",
                                                 "rag_access",
                                                 "rate_limit_per_minute",
                                                 "rate_limit_per_minute_total",
                                                 "cost_daily_limit_usd",
                                                 "cost_daily_limit_usd_total"};

void read_senders(Loading& loading, const TableReader& agent, Tenant& tenant) {
  const std::vector<Text> senders = agent.texts("senders");
  for (const Text& text : senders) {
    if (text.value == "*") {
      tenant.default_role = kImplicitRole;
      if (senders.size() > 1)
        loading.problems.error(text.source, "\"*\" in 'senders' stands alone: it lets everybody in");
      continue;
    }
    const std::optional<Sender> sender = read_sender(loading.problems, text, tenant.name);
    if (sender && std::ranges::find(tenant.assignments, *sender, &Assignment::sender) == tenant.assignments.end()) {
      tenant.assignments.push_back({*sender, kImplicitRole, text.source});
    }
  }
}

// A workspace is called by its path, so that adding [rbac] with the same name finds the same memory.
std::string workspace_name(std::string_view path) {
  std::string name;
  for (const char c : path) name += std::isalnum(static_cast<unsigned char>(c)) || c == '_' || c == '-' ? c : '-';
  return name;
}

void read_implicit_workspace(Loading& loading, const TableReader& agent, Tenant& tenant, Role& role) {
  const Text path = agent.text("workspace").value_or(Text{"shared", "shared", agent.source_of("workspace")});
  role.workspace = workspace_name(path.value);
  Workspace& workspace = tenant.workspaces[role.workspace];
  workspace.name = role.workspace;
  workspace.source = path.source;
  // Where nobody may write, nobody is seated: a missing folder does no harm.
  const bool is_used = tenant.default_role || !tenant.assignments.empty();
  const bool checks_files = std::exchange(loading.checks_files, loading.checks_files && is_used);
  workspace.path = read_workspace_path(loading, path).value_or("");
  loading.checks_files = checks_files;
}

void warn_of_unused(const TableReader& agent) {
  for (const std::string_view key : kRoleKeysOfAgent) {
    if (!agent.has(key)) continue;
    agent.problems().warning(agent.source_of(key), fmt::format("'{}' in [agent] is not used while [rbac] exists", key));
  }
}

void read_named_tenant(Loading& loading, const TableReader::Named& named) {
  if (named.name == kDefaultTenant) {
    loading.problems.error(named.source, "the tenant 'default' is plain [rbac]; write its roles there");
    return;
  }
  Tenant& tenant = loading.config.tenants[named.name];
  tenant.name = named.name;
  tenant.source = named.reader.source();
  const std::optional<TableReader> rbac = named.reader.table("rbac", kRbac);
  if (rbac) return read_rbac(loading, *rbac, tenant);
  if (!named.reader.has("rbac"))
    loading.problems.error(named.source, fmt::format("tenant '{0}' needs [tenants.{0}.rbac]", named.name));
}

}  // namespace

void read_implicit_tenant(Loading& loading, const TableReader& root) {
  Value nothing;
  nothing.source.file = loading.shown_file;
  Tenant& tenant = loading.config.tenants[kDefaultTenant];
  tenant.is_implicit = true;
  const TableReader agent =
      root.table("agent", kAgent).value_or(TableReader(nothing, kAgent, "agent", false, loading.problems));
  tenant.source = agent.source();
  Role& role = tenant.roles[kImplicitRole];
  role.name = kImplicitRole;
  read_role_keys(loading, agent, role);
  read_senders(loading, agent, tenant);
  read_implicit_workspace(loading, agent, tenant, role);
}

void read_tenants(Loading& loading, const TableReader& root) {
  Tenant& tenant = loading.config.tenants[kDefaultTenant];
  tenant.name = kDefaultTenant;
  if (root.has("rbac")) {
    const std::optional<TableReader> rbac = root.table("rbac", kRbac);
    if (rbac) {
      tenant.source = rbac->source();
      read_rbac(loading, *rbac, tenant);
    }
    if (const std::optional<TableReader> agent = root.table("agent", kAgent)) warn_of_unused(*agent);
  } else {
    read_implicit_tenant(loading, root);
  }
  for (const TableReader::Named& named : root.named_tables("tenants", kTenant)) read_named_tenant(loading, named);
  check_rooms(loading);
}

}  // namespace usher::config
