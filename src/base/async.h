// Coroutines and deadlines. All coroutines of usher run on one event-loop thread.
//
// House rule: one `co_await` per statement, initialising a named local; none in a condition, ternary or brace list.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <chrono>
#include <functional>

#include "base/result.h"

namespace usher {

namespace asio = boost::asio;

template <class T>
using Task = asio::awaitable<T>;

// The moment by which a waiting call must have ended. Cheap to copy; compare, shorten, pass on.
class Deadline {
 public:
  using Time = std::chrono::steady_clock::time_point;

  static Deadline in(std::chrono::steady_clock::duration duration) {
    return Deadline(std::chrono::steady_clock::now() + duration);
  }
  static Deadline at(Time time) { return Deadline(time); }

  Time time() const { return time_; }
  bool has_passed() const { return std::chrono::steady_clock::now() >= time_; }
  // Never negative.
  std::chrono::milliseconds remaining() const;
  // The earlier of the two.
  Deadline capped(std::chrono::steady_clock::duration duration) const;

 private:
  explicit Deadline(Time time) : time_(time) {}
  Time time_;
};

// Waits; returns false when it was cancelled while waiting. As everywhere in asio, a cancelled coroutine's next
// co_await of anything throws boost::system::system_error(operation_aborted).
Task<bool> sleep_for(std::chrono::steady_clock::duration duration);

// Runs `work` on `pool` and comes back to the calling executor with its value (exceptions come along). Cancelling the
// caller does not stop the work: it is waited for, so what it refers to may live in the caller's frame. The pool must
// be joined before the caller's event loop is destroyed.
template <class F>
auto run_on(asio::any_io_executor pool, F work) -> Task<decltype(work())>;

// Waits for `work` until `deadline`. At the deadline the work is cancelled and waited for, and the result is
// ErrorKind::timeout whatever the work then made of it; an exception other than cancellation still comes through. A
// deadline that has passed already does not start the work. Cancelling the caller cancels the work; the result is the
// work's own (operation_aborted is thrown unless the work turned it into a value).
template <class T>
Task<Result<T>> with_deadline(Task<Result<T>> work, Deadline deadline);

}  // namespace usher

#include "base/async_impl.h"
