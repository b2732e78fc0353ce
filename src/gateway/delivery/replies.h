// Replies between their turn and the outbox: each is committed, then what it says is remembered, then it leaves. So a
// reply that anybody may have seen is in the journal, and one that is in the journal is remembered, if only by the next
// start. Event-loop thread. What it is given outlives it.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "base/async.h"
#include "channel/channel.h"
#include "gateway/delivery/outbox.h"
#include "gateway/services.h"
#include "gateway/turn/turn.h"

namespace usher::gateway {

class Replies {
 public:
  // `on_done` is told of each message that is done without the outbox.
  Replies(const Services& services, Outbox& outbox, std::function<void(const channel::Channel&)> on_done);

  // Stores the reply, remembers it, sees it off. False when the process ends before the reply could be stored; until
  // then a disk that takes nothing is tried again.
  Task<bool> answer(const std::string& lane, const Accepted& accepted, channel::Channel& channel, TurnOutcome outcome);
  // The message is done without one.
  void leave_unanswered(const Accepted& accepted, const channel::Channel& channel);
  // Whether an answer of that lane is still to be sent.
  bool is_owing(const std::string& lane, const channel::Channel& channel) const;
  // Goes on with a reply that an earlier process stored (`ready` or `sending`).
  Task<void> resume(Accepted accepted, channel::Channel& channel);
  // What cannot be stored is not tried again.
  void close() { is_closing_ = true; }

 private:
  Task<std::optional<bool>> keep_reply(const std::string& lane, const Accepted& accepted, channel::Channel& channel,
                                       const Reply& reply);
  Task<void> remember_again(const Accepted& accepted);
  Leaving leaving_of(std::string lane, const Accepted& accepted, channel::Channel& channel, Reply reply) const;

  Services services_;
  Outbox& outbox_;
  std::function<void(const channel::Channel&)> on_done_;
  bool is_closing_ = false;
};

}  // namespace usher::gateway
