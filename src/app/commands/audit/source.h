// Which ledger, checkpoints and public key a command of `usher audit` is about: from config.toml, from the command
// line, or both.
#pragma once

#include <filesystem>
#include <memory>
#include <string>

#include "app/commands/audit/commands.h"
#include "audit/note/note.h"
#include "config/config.h"

namespace usher::app {

struct AuditSource {
  std::filesystem::path ledger;
  std::filesystem::path checkpoint_file;
  audit::VerifyKey key;
  std::string trust;  // why this key: "given", "pinned in config.toml", …
  bool is_pinned = true;
  std::string origin;  // "" = any
};

// Errors: invalid where config.toml is wrong (its problems were printed) or the key is none; not_found without a key,
// and where the command line names a ledger or checkpoints that are not there.
Result<AuditSource> find_audit_source(const AuditRequest& request);

}  // namespace usher::app
