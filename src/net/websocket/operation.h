// An operation that goes on by itself, and the one coroutine at most that waits for it: the waiter may give up, be
// cancelled or come back later, the operation and its outcome stay. Event-loop thread; must live until end() was
// called.
#pragma once

#include <boost/asio/steady_timer.hpp>
#include <boost/system/error_code.hpp>

#include "base/async.h"

namespace usher::net {

class Operation {
 public:
  using ErrorCode = boost::system::error_code;
  enum class Wait { ended, expired, cancelled };

  explicit Operation(const asio::any_io_executor& executor) : ended_(executor) {}

  void begin() { state_ = State::running; }
  void end(ErrorCode outcome);

  bool is_idle() const { return state_ == State::idle; }
  bool is_running() const { return state_ == State::running; }
  bool is_awaited() const { return is_awaited_; }
  // Of one that has ended; it is idle after that.
  ErrorCode take_outcome();

  // At once when it has ended already, whatever the deadline.
  Task<Wait> wait(Deadline deadline);

 private:
  enum class State { idle, running, ended };

  asio::steady_timer ended_;  // cancelled when it has
  State state_ = State::idle;
  bool is_awaited_ = false;
  ErrorCode outcome_;
};

}  // namespace usher::net
