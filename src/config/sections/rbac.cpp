// [rbac]: roles and workspaces. Who holds them: assignments.cpp.
#include <fmt/format.h>

#include "config/sections/sections.h"

namespace usher::config {
namespace {

constexpr std::string_view kDeny = "deny";  // the default_role that is no role

void read_approval(const TableReader& table, const Tenant& tenant, Role& role) {
  const std::optional<Text> approval = table.text("approval");
  if (!approval) return;
  constexpr std::string_view kPrefix = "role:";
  role.approval = approval->value;
  if (approval->value == "self") return;
  if (!approval->value.starts_with(kPrefix)) {
    table.problems().error(approval->source,
                           fmt::format("unknown approval {}; it is 'self' or 'role:<name>'", quote(approval->written)));
    return;
  }
  Text name = *approval;
  name.value = approval->value.substr(kPrefix.size());
  if (name.written.starts_with(kPrefix)) name.written = name.written.substr(kPrefix.size());
  if (!tenant.roles.contains(name.value)) {
    table.problems().error(approval->source, unknown_name("role", name, names_of(tenant.roles)));
  }
}

void read_role(Loading& loading, const TableReader& table, const Tenant& tenant, Role& role) {
  read_role_keys(loading, table, role);
  read_role_policy(table, role);
  read_approval(table, tenant, role);
  const std::optional<Text> workspace = table.required_text("workspace");
  if (!workspace) return;
  role.workspace = workspace->value;
  if (!tenant.workspaces.contains(workspace->value)) {
    table.problems().error(workspace->source, unknown_name("workspace", *workspace, names_of(tenant.workspaces)));
  }
}

void read_workspaces(Loading& loading, const TableReader& rbac, Tenant& tenant) {
  for (const TableReader::Named& named : rbac.named_tables("workspaces", kWorkspace)) {
    Workspace& workspace = tenant.workspaces[named.name];
    workspace.name = named.name;
    workspace.source = named.reader.source_of("path");
    const std::optional<Text> path = named.reader.required_text("path");
    if (path) workspace.path = read_workspace_path(loading, *path).value_or("");
  }
}

void read_roles(Loading& loading, const TableReader& rbac, Tenant& tenant) {
  const std::vector<TableReader::Named> tables = rbac.named_tables("roles", kRole);
  for (const TableReader::Named& named : tables) {
    tenant.roles[named.name].name = named.name;  // first all names: roles may name each other
    if (named.name == kDeny)
      rbac.problems().error(named.source, "a role cannot be called 'deny': default_role = \"deny\" means no role");
  }
  for (const TableReader::Named& named : tables) read_role(loading, named.reader, tenant, tenant.roles[named.name]);
}

void read_default_role(const TableReader& rbac, Tenant& tenant) {
  if (!rbac.has("default_role")) {
    rbac.problems().error(
        rbac.source(),
        fmt::format("{} needs 'default_role': a role, or \"deny\" to turn unknown senders away", rbac.title()));
  }
  const std::optional<Text> role = rbac.text("default_role");
  if (!role || role->value == kDeny) return;
  tenant.default_role = role->value;
  std::vector<std::string> known = names_of(tenant.roles);
  known.emplace_back(kDeny);
  if (!tenant.roles.contains(role->value)) rbac.problems().error(role->source, unknown_name("role", *role, known));
}

}  // namespace

void read_rbac(Loading& loading, const TableReader& rbac, Tenant& tenant) {
  read_workspaces(loading, rbac, tenant);
  read_roles(loading, rbac, tenant);
  read_default_role(rbac, tenant);
  read_assignments(loading, rbac, tenant);
  read_group_ceilings(loading, rbac, tenant);
}

}  // namespace usher::config
