#include "tool/call_records.h"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include "tool/gate.h"

namespace usher::tool {
namespace {

audit::Record about(const rbac::RoleContext& context, const ToolSpec& spec) {
  return {.tenant = context.sender.tenant,
          .who = to_string(context.sender),
          .role = role_of(context),
          .source = context.depth == 0 ? "" : fmt::format("/subagent {}", context.depth),
          .action = "tool:call:" + spec.name};
}

// What decided: the pattern that matched, else the rule that nothing matched.
std::string rule_of(const Admission& admission) {
  if (!admission.decision) return admission.kind == ErrorKind::invalid && !admission.allowed ? "arguments" : "role";
  return admission.decision->pattern.empty() ? policy::to_string(admission.decision->rule)
                                             : admission.decision->pattern;
}

}  // namespace

std::string role_of(const rbac::RoleContext& context) {
  return context.ceiling ? context.role + "/" + *context.ceiling : context.role;
}

Task<Result<void>> CallRecords::write(audit::Record record) const {
  record.source.insert(0, source);
  Result<void> written = fail(ErrorKind::internal, "there is no ledger");
  if (ledger) written = co_await ledger->append(std::move(record));
  if (written) co_return written;
  spdlog::error("a tool call was not made, as it could not be recorded: {}", written.error().message);
  co_return fail(ErrorKind::unavailable, "the call was not made: it cannot be recorded now; try again later");
}

audit::Record decision_record(const rbac::RoleContext& context, const ToolSpec& spec, const Admission& admission) {
  audit::Record record = about(context, spec);
  record.kind = audit::Kind::decision;
  record.outcome = admission.allowed ? audit::Outcome::allowed : audit::Outcome::denied;
  // What a policy judges; a tool that does not say it well is recorded by its name.
  if (admission.access && policy::is_action(admission.access->action)) {
    record.action = admission.access->action;
    record.resource = admission.access->resource;
    record.sensitivity = admission.access->sensitivity;
  }
  record.rule = rule_of(admission);
  record.detail = fmt::format("{}: {}", spec.name, admission.detail);
  record.policy_hash = admission.policy_hash;
  return record;
}

audit::Record limit_record(const rbac::RoleContext& context, const ToolSpec& spec, const Error& refusal) {
  audit::Record record = about(context, spec);
  record.kind = audit::Kind::limit;
  record.outcome = audit::Outcome::denied;
  record.rule = "rate_limit_per_minute";
  record.detail = fmt::format("{}: {}", spec.name, refusal.message);
  return record;
}

}  // namespace usher::tool
