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
  const std::string owner = context.memory_isolation ? sender_digest(context.keeper) : "shared";
  const std::string data = fmt::format("{}/{}", config_->gateway.data_dir.native(), context.sender.tenant);
  return {.name = context.workspace,
          .root = found->second.path.native(),
          .files = fmt::format("{}/files/{}/{}", data, context.workspace, owner),
          .memory_db = fmt::format("{}/memory/{}/{}.db", data, context.workspace, owner),
          .index_db = fmt::format("{}/index/{}.db", data, context.workspace),
          .knowledge_root = config_->gateway.workspaces_dir.native() + "/knowledge",
          .knowledge_index_dir = data + "/index/knowledge"};
}

}  // namespace usher::rbac
