// Who may do what: RoleResolver finds the role of a sender, RoleContext is the immutable answer, WorkspaceSelector the
// room it is seated in. Pure: no I/O, no clock. All values may be shared between threads; the resolver keeps its Config
// alive and is cheap to copy.
#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/sender.h"
#include "config/config.h"
#include "policy/glob.h"
#include "policy/policy.h"

namespace usher::rbac {

// Where a message came from, as far as rights are concerned.
struct Place {
  std::string kind;       // channel kind: "telegram"
  std::string chat;       // platform chat id
  bool is_group = false;  // more people than the sender read along
  std::string parent;     // the chat that this one is a thread of, where the platform gives it an id of its own
};

// The platform roles that the platform itself vouches for in this event (Discord member.roles).
struct PlatformRoles {
  std::string guild;
  std::vector<std::string> roles;
};

// How a role was found: "assignment" (config.toml:40), "discord_role", "default_role" or "agent".
struct Matched {
  std::string rule;
  config::Source source;
  std::optional<Sender> through{};  // an assignment of somebody whom the sender is joined with
};

// One role's word on tools; a group ceiling adds a second one (after the sender's own) and both must agree.
struct ToolFilter {
  std::string role;
  policy::GlobSet allowed;
  policy::GlobSet denied;
};

// One role's policy; a group ceiling and each subagent adds one, and all must agree.
struct PolicyLayer {
  std::string role;
  std::shared_ptr<const policy::Policy> policy;
};

// Why a tool is or is not offered. `detail` is a sentence for people.
struct ToolDecision {
  bool allowed = false;
  std::string detail;
};

// Everything a role means for one sender in one place. Immutable after make.
class RoleContext {
 public:
  Sender sender;
  Sender keeper;  // whose memory, files, limits and budget these are: the sender's own, or of whom they are joined to
  std::string role;                    // the sender's own role
  std::optional<std::string> ceiling;  // the group's ceiling role when it applied
  Matched matched;
  config::Autonomy autonomy = config::Autonomy::readonly;
  std::vector<ToolFilter> tool_filters;              // every one must allow; none = nothing is allowed
  std::vector<PolicyLayer> policies;                 // every one must allow; none = nothing is narrowed
  std::vector<std::vector<std::string>> rag_access;  // every list must hold the collection or "*"; none = none
  std::string workspace;                             // the ceiling's where one applied
  std::string model_hint;
  bool memory_isolation = true;
  config::Limits limits;  // the smaller of the two
  std::string approval;
  int depth = 0;  // 0 = the sender's own turn; of a subagent one more than its parent's

  // Named in allowed_tools and not in denied_tools, at every layer.
  bool allows_tool(std::string_view tool) const;
  // The same, and says which pattern decided.
  ToolDecision permits_tool(std::string_view tool) const;
  // The first layer that denies, or the last that allows; nullptr when there is none: then nothing is narrowed.
  const PolicyLayer* deciding_layer(const policy::Request& request) const;
  // That layer's decision, its sentence word for word; nullopt when there is none.
  std::optional<policy::Decision> decide(const policy::Request& request) const;
  bool permits_collection(std::string_view collection) const;
};

// What a role means for anybody who holds it: a context without sender, matched rule and ceiling.
std::shared_ptr<const RoleContext> context_of(const config::Role& role);

class RoleResolver {
 public:
  explicit RoleResolver(std::shared_ptr<const config::Config> config);

  // denied when the sender is turned away (default_role = "deny", the tenant is unknown). Never another tenant's role.
  // Order: exact sender, then whom they are joined with; platform role in file order; default_role; then the ceilings
  // of place.parent and place.chat. `joined_to`: whom the sender has joined by a code; of no effect on whom, and where
  // [[identities]] knows the sender.
  Result<std::shared_ptr<const RoleContext>> resolve(const Sender& sender, const Place& place,
                                                     std::span<const PlatformRoles> platform_roles = {},
                                                     const std::optional<Sender>& joined_to = std::nullopt) const;
  // Whether platform roles could matter to that sender: some have a meaning, and no assignment comes before them.
  bool asks_platform(const Sender& sender, const std::optional<Sender>& joined_to = std::nullopt) const;

  // Whether it matters there of which chat another is a thread: some chats of that kind have a ceiling.
  bool asks_parent(const std::string& tenant, const std::string& kind) const;

  // What [[identities]] says of a sender; nullptr when they are in none.
  const config::Identity* identity_of(const Sender& sender) const;
  // Whose memory and budget a sender's are.
  Sender keeper_of(const Sender& sender, const std::optional<Sender>& joined_to = std::nullopt) const;

  // The policy of a role, the one that its holders are bound by; nullptr where it has none. not_found for no such role.
  Result<std::shared_ptr<const policy::Policy>> policy_of(const std::string& tenant, const std::string& role) const;

 private:
  struct Index;  // everything that resolve looks up, prepared once
  std::shared_ptr<const Index> index_;
};

// The room: paths only, nothing is created here. They are text, as std::filesystem takes each path apart and a room is
// found for every message.
struct Workspace {
  std::string name;
  std::string root;                 // role workspace, read-only
  std::string files;                // <data_dir>/<tenant>/files/<workspace>/<digest or "shared">, writable
  std::string memory_db;            // <data_dir>/<tenant>/memory/<workspace>/<digest>.db or shared.db
  std::string index_db;             // <data_dir>/<tenant>/index/<workspace>.db: over the workspace's catalogue
  std::string knowledge_root;       // <workspaces_dir>/knowledge
  std::string knowledge_index_dir;  // <data_dir>/<tenant>/index/knowledge
};

class WorkspaceSelector {
 public:
  explicit WorkspaceSelector(std::shared_ptr<const config::Config> config);
  // `context` comes from a resolver of the same Config; throws std::logic_error when its workspace does not exist
  // there.
  Workspace select(const RoleContext& context) const;

 private:
  std::shared_ptr<const config::Config> config_;
};

}  // namespace usher::rbac
