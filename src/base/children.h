// Coroutines that run beside their owner, and are cancelled and awaited when it ends. Event-loop thread only. May be
// destroyed while some still run (they go on by themselves), so whoever lends them something joins first.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <cstddef>
#include <memory>

#include "base/async.h"

namespace usher {

class Children {
 public:
  Children();
  ~Children();

  std::size_t running() const;
  // Starts `child` after the caller has next yielded; its exceptions are dropped.
  void spawn(asio::any_io_executor executor, Task<void> child);
  // Waits until the last has ended by itself, or the deadline passes. Not beside another wait or join.
  Task<void> wait(Deadline deadline);
  // Cancels all of them and waits until the last has ended.
  Task<void> join();

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace usher
