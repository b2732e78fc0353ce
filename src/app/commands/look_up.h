// What config.toml and the joined accounts say of a sender, somewhere: what explain and memory path both begin with.
// Blocking; any thread.
#pragma once

#include <memory>
#include <string>

#include "app/commands/inspect.h"
#include "base/json.h"
#include "base/result.h"
#include "rbac/role.h"

namespace usher::app {

// For whoever was found with roles unasked.
inline constexpr const char* kUnaskedRoles =
    "roles of the platform are not looked at here; --discord-role says which they hold";

struct FoundSender {
  std::shared_ptr<const rbac::RoleContext> context;  // nullptr: turned away
  std::string why;                                   // … and why
  json::object joined;             // whom the sender is one person with, and who says so; empty for nobody
  bool has_unasked_roles = false;  // roles of the platform might make a difference, and none were given
};

// invalid for a place or roles that nobody can have written from.
Result<FoundSender> look_up(const std::shared_ptr<const config::Config>& config, const Sender& sender,
                            const Whereabouts& where);

}  // namespace usher::app
