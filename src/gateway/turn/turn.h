// One person's message becomes an answer: which room they sit in, what they may use, the agent loop, and the sentence
// they get when any of it fails, or when they are turned away. Event-loop thread; one Turns serves all turns at once.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "agent/history.h"
#include "agent/loop.h"
#include "base/async.h"
#include "channel/channel.h"
#include "gateway/journal.h"
#include "gateway/links/joining.h"
#include "gateway/room/room.h"
#include "gateway/services.h"
#include "gateway/turn/admission.h"
#include "memory/memory.h"
#include "rbac/role.h"

namespace usher::gateway {

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
  // `admission` outlives it.
  Turns(const Services& services, Admission& admission);

  // Never fails: every trouble becomes a sentence for the person and a log line for the operator. Goes on from the
  // steps of an interrupted turn. Cancelling the coroutine ends it at the next wait with `was_cancelled`.
  Task<TurnOutcome> run(const Accepted& accepted, channel::Channel& channel, TurnHooks hooks);

  // usher's own sentences as the sender's workspace words them; for whoever is turned away, and so has no workspace, as
  // <workspaces_dir>/messages.toml does.
  Texts texts_for(const channel::Incoming& incoming, const std::string& tenant);

 private:
  struct Seated;
  Task<std::optional<std::string>> answer_joining(const channel::Incoming& incoming, const Sender& sender,
                                                  const rbac::RoleContext* role);
  Task<std::optional<std::string>> answer_command(const channel::Incoming& incoming, const Seated& seated);
  Task<Result<void>> furnish(Seated& seated);
  Task<TurnOutcome> converse(const Accepted& accepted, channel::Channel& channel, Seated& seated, TurnHooks hooks);
  Task<Result<agent::TurnResult>> answer(const Accepted& accepted, channel::Channel& channel, const Seated& seated,
                                         const std::string& said, std::vector<provider::Image> images,
                                         Deadline deadline, TurnHooks hooks);
  agent::TurnFacts facts_of(const channel::Incoming& incoming, const rbac::RoleContext& context) const;
  Result<std::vector<provider::Message>> recall_history(const channel::Incoming& incoming, const Seated& seated,
                                                        agent::TurnFacts facts, const std::string& said,
                                                        std::vector<provider::Image> images);
  static std::string explain(const Error& error, const Texts& texts, const Seated& seated);

  Services services_;
  Admission& admission_;
  Rooms rooms_;
  Joining joining_;
};

}  // namespace usher::gateway
