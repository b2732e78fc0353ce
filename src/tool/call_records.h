// What is written to the ledger about tool calls: the decision before the tool runs, and a limit that refused.
// Event-loop thread.
#pragma once

#include <string>

#include "audit/ledger.h"
#include "base/async.h"
#include "rbac/role.h"
#include "tool/tool.h"

namespace usher::tool {

struct Admission;

// Whose ledger the calls of one turn go to, and what they belong to.
struct CallRecords {
  audit::Ledger* ledger = nullptr;  // without one no call is made; outlives the tools
  std::string source;               // "main/812345"

  // unavailable, in a sentence for the model, when the row is not on disk: then nothing may happen.
  Task<Result<void>> write(audit::Record record) const;
};

// The decision on one call. `source` names the subagent within the turn; write() puts the turn before it.
audit::Record decision_record(const rbac::RoleContext& context, const ToolSpec& spec, const Admission& admission);
// A rate window refused it.
audit::Record limit_record(const rbac::RoleContext& context, const ToolSpec& spec, const Error& refusal);

// "buyer", or "owner/buyer" under a group's ceiling.
std::string role_of(const rbac::RoleContext& context);

}  // namespace usher::tool
