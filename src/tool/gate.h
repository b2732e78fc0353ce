// The one gate every tool call passes, and the chain around a tool, outermost first:
//
//   GatedTool (role → autonomy → arguments fit the schema → every policy → the ledger) → RateLimitedTool → the tool
//
// A denied or malformed call never reaches the window, so it does not count. What a role may not use is neither offered
// nor executed, and its schema is not explained. The policies judge what the arguments mean, so they come after the
// schema: the tool names its access for arguments that fit, and for no others. Every decision is in the ledger before
// the tool runs; where it cannot be written there, the tool does not run.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "limits/rate.h"
#include "rbac/role.h"
#include "tool/builtin.h"
#include "tool/tool.h"

namespace usher::tool {

// Admits a call only when every window has room; a refusal is ErrorKind::limit with retry_after, and a row of the
// ledger. `windows` must outlive it.
class RateLimitedTool final : public ToolWrapper {
 public:
  RateLimitedTool(std::unique_ptr<Tool> inner, limits::RateWindows& windows, std::vector<limits::RateKey> keys,
                  std::shared_ptr<const rbac::RoleContext> context, CallRecords records);
  Task<Result<ToolOutput>> call(const json::object& arguments, Deadline deadline) override;

 private:
  limits::RateWindows& windows_;
  std::vector<limits::RateKey> keys_;
  std::shared_ptr<const rbac::RoleContext> context_;
  CallRecords records_;
};

// Whether a role is offered a tool, and why not: its name is not allowed, its effect is beyond the autonomy ("readonly"
// sees only read tools), or a policy grants none of its actions. One policy, one question: a tool may be offered of
// which two policies together let no call through.
rbac::ToolDecision may_offer(const rbac::RoleContext& context, const ToolSpec& spec);

// Whether one call may run now: may_offer, and under `supervised` a write or execute is denied with a sentence saying
// that approvals are not available yet.
rbac::ToolDecision may_call(const rbac::RoleContext& context, const ToolSpec& spec);

// What the gate says to one call.
struct Admission {
  bool allowed = false;
  ErrorKind kind = ErrorKind::denied;           // when not allowed: denied, or invalid where the arguments do not fit
  std::string detail;                           // why, or why not; of a policy its own sentence, word for word
  std::optional<Access> access = std::nullopt;  // once the arguments fit
  // The role whose policy decided, and how; absent when none was asked.
  std::optional<std::string> layer = std::nullopt;
  std::optional<policy::Decision> decision = std::nullopt;
  std::string policy_hash = "";
};

// Every policy on what a call would touch; without any it is allowed. An access that is not well formed is denied.
Admission judge_access(const rbac::RoleContext& context, const ToolSpec& spec, Access access);

// may_call, then the arguments, then judge_access on the tool's access.
Admission judge_call(const rbac::RoleContext& context, const Tool& tool, const json::object& arguments);

// Asks judge_call before every call and writes down what it says; what it does not allow, or what cannot be written,
// never reaches the inner tool.
class GatedTool final : public ToolWrapper {
 public:
  GatedTool(std::unique_ptr<Tool> inner, std::shared_ptr<const rbac::RoleContext> context, CallRecords records);
  Task<Result<ToolOutput>> call(const json::object& arguments, Deadline deadline) override;

 private:
  std::shared_ptr<const rbac::RoleContext> context_;
  CallRecords records_;
};

// The tools this seat's role is offered, each wrapped in the whole chain, in builtin_specs() order. `seat` and
// `windows` must outlive them. Without keys nothing is rate-limited.
ToolSet make_tools(const Seat& seat, limits::RateWindows& windows, const std::vector<limits::RateKey>& keys);

}  // namespace usher::tool
