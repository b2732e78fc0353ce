// The two directories that file tools may touch, and the names a model gives to places in them: "workspace/…" (the
// role's, read-only) and "files/…" (the sender's own). Everything here blocks: call it on the pool. Private to
// src/tool.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/beneath.h"
#include "base/result.h"
#include "rbac/role.h"

namespace usher::tool {

enum class Root { workspace, files };

// A place beneath a root; what the policy judges is what is opened, so there is one way to write each place.
struct Place {
  Root root = Root::files;
  std::string path;  // "" = the root itself
};

// Pure. invalid with a sentence for the model. One trailing '/' is forgiven.
Result<Place> parse_place(std::string_view text);
// "files/notes.txt"
std::string to_string(const Place& place);

// Opens a root; nullopt when it is the sender's own and does not exist yet.
Result<std::optional<Beneath>> open_root(const rbac::Workspace& workspace, Root root);

// A text file whole: not_found, denied, limit (too large) or invalid (not text), each with a sentence for the model.
Result<std::string> read_text(const rbac::Workspace& workspace, const Place& place);
// Replaces or makes a file in the sender's own root, which is made with 0700 when missing; denied in the workspace,
// limit when the sender keeps too many files or bytes.
Result<void> write_text(const rbac::Workspace& workspace, const Place& place, std::string_view text);

// An error of Beneath as a sentence for the model.
Error told(const Error& error, const Place& place);

}  // namespace usher::tool
