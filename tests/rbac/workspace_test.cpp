// The room of a role context: which folder, whose files, which memory.
#include <doctest/doctest.h>

#include "config_of.h"
#include "rbac/role.h"

namespace usher::rbac {
namespace {

using testing::config_of;

std::shared_ptr<const config::Config> two_tenants() {
  constexpr std::string_view kText = R"([gateway]
data_dir = "/data"
workspaces_dir = "/rooms"
[rbac]
default_role = "buyer"
[rbac.roles.buyer]
workspace = "shop"
[rbac.roles.clerk]
workspace = "desk"
memory_isolation = false
[rbac.workspaces.shop]
path = "front/shop"
[rbac.workspaces.desk]
path = "desk"
[[rbac.assignments]]
sender = "telegram:7"
role = "clerk"
[tenants.acme.rbac]
default_role = "buyer"
[tenants.acme.rbac.roles.buyer]
workspace = "shop"
[tenants.acme.rbac.workspaces.shop]
path = "front/shop"
)";
  return config_of(kText);
}

Workspace room_of(const Sender& sender) {
  const auto config = two_tenants();
  const Result<std::shared_ptr<const RoleContext>> context =
      RoleResolver(config).resolve(sender, {sender.kind, sender.id, false});
  REQUIRE(context);
  return WorkspaceSelector(config).select(**context);
}

}  // namespace

TEST_CASE("an isolated sender has a memory and files named by the digest of tenant, kind and id") {
  const Sender sender{"default", "telegram", "123"};
  const Workspace room = room_of(sender);
  // printf '\0\0\0\0\0\0\0\7default\0\0\0\0\0\0\0\10telegram\0\0\0\0\0\0\0\003123' | sha256sum
  const std::string digest = "f91a442462076677ae40bb72be03ca4ef802bb546bf3e1d27115d02b90e2d8de";
  CHECK(room.name == "shop");
  CHECK(room.root == "/rooms/front/shop");
  CHECK(room.memory_db == "/data/default/memory/shop/" + digest + ".db");
  CHECK(room.files == "/data/default/files/shop/" + digest);
  CHECK(room.index_db == "/data/default/index/shop.db");
  CHECK(room.knowledge_root == "/rooms/knowledge");
  CHECK(room.knowledge_index_dir == "/data/default/index/knowledge");
}

TEST_CASE("without memory_isolation the workspace has one memory and one files folder") {
  const Workspace room = room_of({"default", "telegram", "7"});
  CHECK(room.memory_db == "/data/default/memory/desk/shared.db");
  CHECK(room.files == "/data/default/files/desk/shared");
}

TEST_CASE("the same id in another tenant or on another channel is somebody else") {
  const Workspace here = room_of({"default", "telegram", "123"});
  const Workspace other_tenant = room_of({"acme", "telegram", "123"});
  const Workspace other_kind = room_of({"default", "discord", "123"});
  CHECK(here.memory_db != other_kind.memory_db);
  CHECK(std::filesystem::path(here.memory_db).filename() != std::filesystem::path(other_tenant.memory_db).filename());
  CHECK(other_tenant.memory_db.starts_with("/data/acme/memory/shop/"));
}

TEST_CASE("a context of another config is a broken invariant, not a default room") {
  RoleContext context;
  context.sender = {"globex", "telegram", "1"};
  CHECK_THROWS(WorkspaceSelector(two_tenants()).select(context));
  context.sender.tenant = "default";
  context.workspace = "elsewhere";
  CHECK_THROWS(WorkspaceSelector(two_tenants()).select(context));
}

}  // namespace usher::rbac
