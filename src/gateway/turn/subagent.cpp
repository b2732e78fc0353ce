#include "gateway/turn/subagent.h"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <utility>

#include "base/secret.h"
#include "base/text.h"
#include "gateway/entitlement.h"
#include "gateway/ledger/rows.h"
#include "rbac/subagent.h"
#include "tool/gate.h"

namespace usher::gateway {
namespace {

// "telegram:123", or "telegram:123 (subagent 2)" two levels down.
std::string who_is(const rbac::RoleContext& context) {
  const std::string sender = to_string(context.sender);
  return context.depth == 0 ? sender : fmt::format("{} (subagent {})", sender, context.depth);
}

std::function<void(const agent::ToolCallReport&)> log_calls_of(const rbac::RoleContext& context) {
  return [who = who_is(context)](const agent::ToolCallReport& report) {
    const char* outcome = report.succeeded ? "ran" : (report.denied ? "denied" : "failed");
    spdlog::info("{}: tool {} {} in {} µs{}{}", who, printable(report.name), outcome, report.duration.count(),
                 report.detail.empty() ? "" : ": ", printable(report.detail));
  };
}

// What the caller's model is told when its subagent fails: the reason where it can do something about it.
Error for_caller(const Error& error, const std::string& who) {
  if (error.kind == ErrorKind::limit) {
    return {error.kind, "the subagent was stopped by a limit: " + error.message, error.retry_after};
  }
  if (error.kind == ErrorKind::timeout) return {error.kind, "the subagent did not finish in time"};
  if (error.kind == ErrorKind::cancelled) return {error.kind, "the subagent was stopped"};
  spdlog::warn("{} failed: {}: {}", who, to_string(error.kind), printable(redact(error.message), 400));
  const bool is_outage =
      error.kind == ErrorKind::busy || error.kind == ErrorKind::unavailable || error.kind == ErrorKind::protocol;
  if (is_outage) return {error.kind, "the subagent could not reach its model"};
  return {error.kind, "the subagent failed; this is not your fault"};
}

Result<std::string> answer_of(agent::TurnResult result, int max_iterations) {
  if (result.ending == agent::Ending::answered) return std::move(result.text);
  std::string sentence = result.ending == agent::Ending::iterations_exhausted
                             ? fmt::format("the subagent used up its {} model calls without an answer", max_iterations)
                             : "the subagent ended without an answer: it made the same call again and again";
  if (!result.text.empty()) sentence += "; its last words: " + result.text;
  return fail(ErrorKind::limit, std::move(sentence));
}

}  // namespace

TurnAgents::TurnAgents(const Services& services, TurnSetting setting, TurnRecord& record)
    : services_(services), setting_(std::move(setting)), record_(record) {}

Task<Result<agent::TurnResult>> TurnAgents::answer(std::vector<provider::Message>& history) {
  Result<agent::TurnResult> result =
      co_await run_loop(setting_.seat.context, "", history, setting_.limits.turn_deadline);
  co_return result;
}

// The loop behind the role's decorators. What it refers to lives in this frame until it has ended.
Task<Result<agent::TurnResult>> TurnAgents::run_loop(Context context, std::string agent,
                                                     std::vector<provider::Message>& history, Deadline deadline) {
  AgentRecord record{.turn = record_, .agent = std::move(agent)};
  tool::Seat seat = setting_.seat;
  seat.context = context;
  seat.delegate = delegate_of(context, record);
  agent::LoopLimits limits = setting_.limits;
  limits.turn_deadline = deadline;
  agent::Hooks hooks = setting_.hooks.with_role_context(context);
  hooks.on_tool_call = log_calls_of(*context);
  if (context->depth > 0) hooks.on_text = nullptr;

  const Model& model = setting_.model;
  provider::RateLimitedProvider limited(*model.provider, services_.windows,
                                        rate_keys(*context, seat.sender_digest, Metered::model_calls));
  provider::BudgetedProvider budgeted(limited, services_.budgets, budget_scopes(*context), model.price, model.name);
  LedgeredProvider ledgered(budgeted, services_.ledger, context, seat.records.source, model.name);
  RecordedProvider recorded_model(ledgered, record);
  const tool::ToolSet tools = recorded(
      tool::make_tools(seat, services_.windows, rate_keys(*context, seat.sender_digest, Metered::tool_calls)), record);
  Result<agent::TurnResult> result = co_await agent::run_tool_call_loop(recorded_model, tools, history, limits, hooks);
  co_return result;
}

tool::Delegate TurnAgents::delegate_of(const Context& context, const AgentRecord& record) {
  if (context->depth >= tool::kMaxDepth) return nullptr;
  return [this, context, &record](tool::Delegation asked, Deadline deadline) {
    return run_subagent(context, record.child(), std::move(asked), deadline);
  };
}

Task<Result<std::string>> TurnAgents::run_subagent(Context caller, std::string agent, tool::Delegation asked,
                                                   Deadline deadline) {
  // Refused ones count: comparing policies is work too.
  if (++delegations_ > kMaxDelegations) {
    co_return fail(ErrorKind::limit,
                   fmt::format("all {} delegations of this turn are used up; go on without", kMaxDelegations));
  }
  const rbac::SubagentLimits asked_limits{
      .tools = std::move(asked.tools), .policy = std::move(asked.policy), .max_depth = tool::kMaxDepth};
  Result<Context> context =
      co_await run_on(services_.pool, [&caller, &asked_limits] { return rbac::narrowed(*caller, asked_limits); });
  if (!context) co_return fail(std::move(context.error()));

  agent::TurnFacts facts = setting_.facts;
  facts.remembered.clear();  // what was recalled for the sender's words, not for this task
  std::vector<provider::Message> history{
      {.author = provider::Author::system, .text = agent::subagent_prompt(setting_.system_prompt)},
      {.author = provider::Author::user, .text = agent::user_prompt(facts, asked.task)}};
  Result<agent::TurnResult> result = co_await run_loop(*context, std::move(agent), history, deadline);
  if (!result) co_return fail(for_caller(result.error(), who_is(**context)));
  co_return answer_of(std::move(*result), setting_.limits.max_iterations);
}

}  // namespace usher::gateway
