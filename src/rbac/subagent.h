// The role of a subagent: its caller's, narrowed. Pure; any thread. Comparing policies may take tens of milliseconds,
// so a server asks on its pool.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "policy/policy.h"
#include "rbac/role.h"

namespace usher::rbac {

// What a caller wants its subagent to be held to. Absent = nothing beyond what holds the caller.
struct SubagentLimits {
  std::optional<std::vector<std::string>> tools;  // names or globs; an empty list = no tools
  std::optional<policy::PolicyDocument> policy;
  int max_depth = 0;  // the deepest subagent there may be
};

// One layer more than `parent` has, in tools and in policies, and depth + 1; all else stays the sender's: name, role,
// limits, approvals, autonomy, collections, room. As every layer must allow, it permits nothing that `parent` does not.
// denied beyond max_depth, and with every violation in the sentence when a plain tool name is not permitted to `parent`
// or the policy is not (strictly) within each of its layers; invalid when the policy is malformed or too intricate.
Result<std::shared_ptr<const RoleContext>> narrowed(const RoleContext& parent, const SubagentLimits& limits);

}  // namespace usher::rbac
