// The ledger: who was allowed what, and why; a row is on disk before its effect happens, and where it cannot be written
// the action does not happen. Rows are canonical bytes, each chained to the one before and a leaf of an RFC 6962 tree
// (audit/tree.h). Event-loop thread; one thread of its own writes, in group commits (synchronous=FULL).
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/async.h"
#include "base/result.h"

namespace usher::audit {

enum class Kind {
  resolution,  // a sender was given a role, or turned away
  decision,    // an action was judged: a tool call, an event of an outside agent
  limit,       // a rate window or budget refused
  approval,
  token,            // made, narrowed, revoked
  operator_action,  // a command or API call of the operator that changes something
  process,          // the gateway started, stopped, recovered
};
const char* to_string(Kind kind);

enum class Outcome { allowed, denied };
const char* to_string(Outcome outcome);

// What happened. Every text is UTF-8; longer than 4 KiB it is cut (repaired and marked), never refused.
struct Record {
  Kind kind = Kind::decision;
  Outcome outcome = Outcome::denied;
  std::string tenant;    // "" = concerns the whole gateway
  std::string who;       // "telegram:123", "tok_…", "legacy:<name>", "operator"
  std::string role;      // "buyer"; "owner/buyer" under a group's ceiling; "" = none
  std::string source;    // what it belongs to: "main/812345" (channel and event), "api", "shell"
  std::string action;    // "product:read:catalog", "role:resolve:sender", "tool:call:file_write", …
  std::string resource;  // "" = none
  int sensitivity = 0;
  std::string rule;         // what decided: a pattern, "default_role", "assignment config.toml:40", a limit's name
  std::string detail;       // the sentence, word for word
  std::string policy_hash;  // 64 hex digits: SHA-256 of the policy that decided; "" = none did

  friend bool operator==(const Record&, const Record&) = default;
};

class Ledger {
 public:
  virtual ~Ledger() = default;

  // Resolves when the row is on disk. On an error it is not there and the action must not happen. Rows of calls that
  // were begun in order are stored in order.
  virtual Task<Result<void>> append(Record record) = 0;
  // All of them or none, one after the other.
  virtual Task<Result<void>> append_all(std::vector<Record> records) = 0;
};

}  // namespace usher::audit
