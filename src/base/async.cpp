#include "base/async.h"

#include <algorithm>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>

namespace usher {

std::chrono::milliseconds Deadline::remaining() const {
  auto left = time_ - std::chrono::steady_clock::now();
  return std::max(std::chrono::ceil<std::chrono::milliseconds>(left), std::chrono::milliseconds(0));
}

Deadline Deadline::capped(std::chrono::steady_clock::duration duration) const {
  return Deadline(std::min(time_, std::chrono::steady_clock::now() + duration));
}

Task<bool> sleep_for(std::chrono::steady_clock::duration duration) {
  asio::any_io_executor executor = co_await asio::this_coro::executor;
  asio::steady_timer timer(executor, duration);
  auto [error] = co_await timer.async_wait(asio::as_tuple(asio::use_awaitable));
  co_return !error;
}

namespace detail {

bool is_cancellation(const std::exception_ptr& error) {
  try {
    std::rethrow_exception(error);
  } catch (const boost::system::system_error& e) {
    return e.code() == asio::error::operation_aborted;
  } catch (...) {
    return false;
  }
}

}  // namespace detail

}  // namespace usher
