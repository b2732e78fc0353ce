// One person's message becomes an answer: who they are, which room they sit in, what they may use, the agent loop, and
// the sentence they get when any of it fails. Event-loop thread; one Turns serves all turns at once.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "agent/history.h"
#include "agent/loop.h"
#include "audit/ledger.h"
#include "base/async.h"
#include "base/clock.h"
#include "channel/channel.h"
#include "config/config.h"
#include "gateway/journal.h"
#include "gateway/links/joining.h"
#include "gateway/models.h"
#include "gateway/room.h"
#include "limits/budget.h"
#include "limits/rate.h"
#include "memory/memory.h"
#include "rbac/role.h"

namespace usher::gateway {

// What every turn is made of. All references outlive the gateway.
struct Services {
  std::shared_ptr<const config::Config> config;
  const Clock& clock;
  Journal& journal;
  audit::Ledger& ledger;
  const rbac::RoleResolver& roles;
  const rbac::WorkspaceSelector& workspaces;
  Links& links;
  memory::MemoryStores& memories;
  limits::RateWindows& windows;
  limits::Budgets& budgets;
  const Models& models;
  asio::any_io_executor pool;  // blocking work
};

struct TurnOutcome {
  Reply reply;
  // Of reply.remembrance; what it names is appended once the reply is safe in the journal.
  std::shared_ptr<memory::MemoryStore> memory;
  bool was_cancelled = false;
};

// What a turn asks of whoever runs it.
struct TurnHooks {
  std::function<bool()> is_cancelled;  // between its steps
  std::function<bool()> may_show;      // whether its answer may be shown while it grows
};

class Turns {
 public:
  explicit Turns(const Services& services);

  // Begins the row of who the sender is, so that it is written while the message is; nullptr where only the turn can
  // find out.
  std::shared_ptr<EarlyRow> begin_resolution(const channel::Incoming& incoming, const std::string& tenant,
                                             const asio::any_io_executor& loop) const;
  // Never fails: every trouble becomes a sentence for the person and a log line for the operator. Goes on from the
  // steps of an interrupted turn. Cancelling the coroutine ends it at the next wait with `was_cancelled`.
  Task<TurnOutcome> run(const Accepted& accepted, channel::Channel& channel, TurnHooks hooks);

  // usher's own sentences as the sender's workspace words them; for whoever is turned away, and so has no workspace, as
  // <workspaces_dir>/messages.toml does.
  Texts texts_for(const channel::Incoming& incoming, const std::string& tenant);
  // The conversation of a message; its key is the lane.
  static Conversation conversation_of(const channel::Incoming& incoming, const std::string& tenant);

 private:
  struct Seated;
  // By what the message itself says.
  Result<std::shared_ptr<const rbac::RoleContext>> resolve(const channel::Incoming& incoming, const Sender& sender,
                                                           std::span<const rbac::PlatformRoles> platform_roles,
                                                           std::string parent = "") const;
  bool asks_parent(const channel::Incoming& incoming, const Sender& sender) const;
  // Asks the platform where that matters; unavailable when it must be known and is not.
  Task<Result<std::shared_ptr<const rbac::RoleContext>>> find_role(const channel::Incoming& incoming,
                                                                   const Sender& sender, channel::Channel& channel);
  // With the row that was begun when the message came, where it says the same.
  Task<Result<void>> record(const Accepted& accepted, audit::Record row);
  Task<std::optional<std::string>> answer_joining(const channel::Incoming& incoming, const Sender& sender,
                                                  const rbac::RoleContext* role);
  Task<std::optional<std::string>> answer_command(const channel::Incoming& incoming, const Seated& seated);
  Task<Result<void>> furnish(Seated& seated);
  Task<TurnOutcome> converse(const Accepted& accepted, channel::Channel& channel, Seated& seated, TurnHooks hooks);
  // Appends a note about each attachment to `said`.
  Task<Result<std::vector<provider::Image>>> fetch_images(const Accepted& accepted, channel::Channel& channel,
                                                          const Seated& seated, Deadline deadline, std::string& said);
  Task<Result<agent::TurnResult>> answer(const Accepted& accepted, channel::Channel& channel, const Seated& seated,
                                         const std::string& said, std::vector<provider::Image> images,
                                         Deadline deadline, TurnHooks hooks);
  agent::TurnFacts facts_of(const channel::Incoming& incoming, const rbac::RoleContext& context) const;
  Result<std::vector<provider::Message>> recall_history(const channel::Incoming& incoming, const Seated& seated,
                                                        agent::TurnFacts facts, const std::string& said,
                                                        std::vector<provider::Image> images);
  static std::string explain(const Error& error, const Texts& texts, const Seated& seated);

  Services services_;
  Rooms rooms_;
  Joining joining_;
};

}  // namespace usher::gateway
