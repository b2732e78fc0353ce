// How a waiting call is given up when its owner is stopped: the owner keeps a timer that never expires, and cancels it.
#pragma once

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/deferred.hpp>
#include <boost/asio/experimental/parallel_group.hpp>
#include <boost/asio/steady_timer.hpp>
#include <exception>
#include <optional>
#include <utility>

#include "base/async.h"

namespace usher {

// Waits for `work`, or until `stopping` is cancelled (before that it must not be: a timer remembers nothing). Then the
// work is cancelled and waited for, and the result is ErrorKind::cancelled unless the work was done all the same.
// Exceptions of the work come through, but for its cancellation. `stopping` must outlive the call.
template <class T>
Task<Result<T>> unless_stopped(Task<Result<T>> work, asio::steady_timer& stopping) {
  const asio::any_io_executor executor = co_await asio::this_coro::executor;
  std::optional<Result<T>> result;
  auto group = asio::experimental::make_parallel_group(
      asio::co_spawn(executor, detail::store_result(std::move(work), result), asio::deferred),
      stopping.async_wait(asio::deferred));
  auto [order, error, ignored] = co_await group.async_wait(asio::experimental::wait_for_one(), asio::use_awaitable);
  const bool is_stopped = order[0] == 1;
  if (error && !(is_stopped && detail::is_cancellation(error))) std::rethrow_exception(error);
  if (!result) co_return fail(ErrorKind::cancelled, "stopped");
  co_return std::move(*result);
}

}  // namespace usher
