// The agents of one turn: the one that answers the sender, and the subagents that it, or one of them, hands a task to.
// All run behind the same decorators and are charged to the sender: one set of rate windows, budgets and approvals. A
// subagent has at most what its caller has (rbac/subagent.h), no history, and nothing of what it says is kept or shown.
// Event-loop thread. Lives in the turn's frame and outlives every agent of it.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "agent/history.h"
#include "agent/loop.h"
#include "base/async.h"
#include "base/result.h"
#include "gateway/models.h"
#include "gateway/record/turn_record.h"
#include "gateway/services.h"
#include "rbac/role.h"
#include "tool/builtin.h"

namespace usher::gateway {

constexpr int kMaxDelegations = 8;  // in one turn, at all depths together, refused ones included

// What all agents of a turn have in common.
struct TurnSetting {
  const Model& model;
  std::string system_prompt;  // the room's
  tool::Seat seat;            // the sender's; `delegate` is bound for each agent
  agent::TurnFacts facts;     // of the sender and the moment
  agent::LoopLimits limits;   // for each agent
  agent::Hooks hooks;         // on_text hears the sender's own agent only; on_tool_call is set here
};

class TurnAgents {
 public:
  // `record` outlives the agents.
  TurnAgents(const Services& services, TurnSetting setting, TurnRecord& record);
  TurnAgents(const TurnAgents&) = delete;
  TurnAgents& operator=(const TurnAgents&) = delete;

  // The sender's own agent; errors and `history` as of agent::run_tool_call_loop.
  Task<Result<agent::TurnResult>> answer(std::vector<provider::Message>& history);

 private:
  using Context = std::shared_ptr<const rbac::RoleContext>;
  // `agent`: its name in the record.
  Task<Result<agent::TurnResult>> run_loop(Context context, std::string agent, std::vector<provider::Message>& history,
                                           Deadline deadline);
  // Empty for an agent as deep as there may be. `record` lives as long as the agent's tools.
  tool::Delegate delegate_of(const Context& context, const AgentRecord& record);
  Task<Result<std::string>> run_subagent(Context caller, std::string agent, tool::Delegation asked, Deadline deadline);

  const Services& services_;
  TurnSetting setting_;
  TurnRecord& record_;
  int delegations_ = 0;
};

}  // namespace usher::gateway
