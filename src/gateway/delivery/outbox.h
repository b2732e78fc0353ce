// Replies on their way to their platforms: one at a time within a conversation, in the order in which they were
// written, fair across all conversations. Whether a part leaves is on disk before it leaves (channel::Passage over the
// journal), so that a reply is sent twice only where that is harmless or wished for. What cannot be sent now is tried
// again, ever more rarely, and stays in the journal when the process ends. Event-loop thread.
#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "base/async.h"
#include "channel/channel.h"
#include "gateway/journal.h"

namespace usher::gateway {

// A reply that is in the journal, as `ready`, or `sending` when it leaves at once.
struct Leaving {
  MessageId id = 0;
  std::string lane;  // its conversation's
  channel::Channel* channel = nullptr;
  channel::Outgoing outgoing;
  std::size_t parts_arrived = 0;
  bool is_leaving = false;  // the journal says `sending` for the next part, and it has surely not left yet
  std::optional<std::chrono::milliseconds> away{};  // how long ago the next part left, if it may have
};

class Outbox {
 public:
  // `on_done` is told of each reply that is off our hands. `journal` outlives the outbox.
  Outbox(asio::any_io_executor loop, Journal& journal, std::size_t max_sending,
         std::function<void(const channel::Channel&)> on_done);
  ~Outbox();
  Outbox(const Outbox&) = delete;
  Outbox& operator=(const Outbox&) = delete;

  // Whether a reply of that conversation would leave at once: then it may be stored as leaving.
  bool would_send_now(const std::string& lane, const channel::Channel& channel, const std::string& chat) const;
  // Whether a reply of that lane has not gone yet.
  bool holds_any(const std::string& lane, const channel::Channel& channel) const;
  void push(Leaving leaving);

  // Replies that are neither arrived nor given up.
  std::size_t size() const;
  // No new attempt begins after one that failed; what waits to be tried again is parked at once.
  void close();
  // After close(): whether nothing is being sent any more.
  bool is_resting() const;
  // Ends what is being sent; it becomes unknown at the next start where it may have arrived.
  void abandon();

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace usher::gateway
