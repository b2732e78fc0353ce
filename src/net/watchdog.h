// Calls back when a moment has passed. One timer that is armed lazily: a later moment than the armed one costs nothing,
// the timer looks at the stored moment when it fires. Event-loop thread; nothing is called once it is destroyed.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <chrono>
#include <functional>
#include <memory>

#include "base/async.h"

namespace usher::net {

class Watchdog {
 public:
  using Time = std::chrono::steady_clock::time_point;

  Watchdog(const asio::any_io_executor& executor, std::function<void()> on_expiry);
  ~Watchdog();
  Watchdog(const Watchdog&) = delete;
  Watchdog& operator=(const Watchdog&) = delete;

  // Replaces the moment; Time::max() = none.
  void give_until(Time due);
  // Forgets the moment and the timer, so that a loop that has nothing else to do may end.
  void stop();

 private:
  struct Core;
  std::shared_ptr<Core> core_;  // the timer's handler may run after us
};

}  // namespace usher::net
