// Which turn runs when: one at a time within a conversation, in the order in which its messages came, fair across all
// conversations. A /stop overtakes its conversation and ends the turn that runs. What a turn answers goes to Replies,
// before the next turn of its conversation begins. Event-loop thread. What it is given outlives it and all its turns.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>

#include "base/async.h"
#include "channel/channel.h"
#include "gateway/delivery/replies.h"
#include "gateway/journal.h"
#include "gateway/turn/turn.h"

namespace usher::gateway {

class Dispatcher {
 public:
  // `on_ended` is told after each turn, when another may have begun in its place.
  Dispatcher(asio::any_io_executor loop, Journal& journal, Turns& turns, Replies& replies, std::size_t max_running,
             std::function<void()> on_ended);
  ~Dispatcher();
  Dispatcher(const Dispatcher&) = delete;
  Dispatcher& operator=(const Dispatcher&) = delete;

  // A committed message without a reply, which came from `channel`.
  void enqueue(Accepted accepted, channel::Channel& channel);

  // Turns that run.
  std::size_t size() const;
  // No turn begins any more; those that run go on.
  void close();
  // Whether no turn runs and, until close(), none waits.
  bool is_resting() const;
  // After close(): ends the turns that run; the next start runs them again.
  void abandon();

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace usher::gateway
