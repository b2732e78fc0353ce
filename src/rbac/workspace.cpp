#include <fmt/format.h>

#include <stdexcept>

#include "rbac/role.h"

namespace usher::rbac {

WorkspaceSelector::WorkspaceSelector(std::shared_ptr<const config::Config> config) : config_(std::move(config)) {}

Workspace WorkspaceSelector::select(const RoleContext& context) const {
  const auto tenant = config_->tenants.find(context.sender.tenant);
  if (tenant == config_->tenants.end()) throw std::logic_error("a role context of no tenant");
  const auto found = tenant->second.workspaces.find(context.workspace);
  if (found == tenant->second.workspaces.end()) throw std::logic_error("a role context without a workspace");
  // Built as text: each `/` of a path takes all its components apart once more, and this runs for every message.
  const std::string data = (config_->gateway.data_dir / context.sender.tenant).native();
  const std::string owner = context.memory_isolation ? sender_digest(context.keeper) : "shared";
  Workspace workspace;
  workspace.name = context.workspace;
  workspace.root = found->second.path;
  workspace.files = data + "/files/" + context.workspace + "/" + owner;
  workspace.memory_db = data + "/memory/" + context.workspace + "/" + owner + ".db";
  workspace.index_db = data + "/index/" + context.workspace + ".db";
  workspace.knowledge_root = config_->gateway.workspaces_dir / "knowledge";
  workspace.knowledge_index_dir = data + "/index/knowledge";
  return workspace;
}

}  // namespace usher::rbac
