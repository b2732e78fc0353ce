// Implementation of the templates in base/async.h; include that one.
#pragma once

#include <boost/asio/associated_executor.hpp>
#include <boost/asio/async_result.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/deferred.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/experimental/parallel_group.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/system/system_error.hpp>
#include <exception>
#include <optional>
#include <type_traits>
#include <utility>
#include <variant>

namespace usher {

namespace detail {

// What a function returned, as a value that can be moved between threads (monostate stands for void).
template <class T>
using Carried = std::conditional_t<std::is_void_v<T>, std::monostate, T>;

template <class F>
auto call_and_carry(F& work) -> Carried<decltype(work())> {
  if constexpr (std::is_void_v<decltype(work())>) {
    work();
    return {};
  } else {
    return work();
  }
}

// Starts `work` on `pool` and completes `handler` on its own executor. Not co_spawn: its cancellation would reach
// into a frame that another pool thread is just destroying.
struct StartOnPool {
  template <class Handler, class F>
  void operator()(Handler handler, asio::any_io_executor pool, F work) const {
    using Value = std::optional<Carried<decltype(work())>>;
    auto home = asio::make_work_guard(asio::get_associated_executor(handler));
    asio::post(pool, [handler = std::move(handler), home = std::move(home), work = std::move(work)]() mutable {
      std::exception_ptr error;
      Value value;
      try {
        F task = std::move(work);  // gone, with all it holds, before the caller goes on
        value.emplace(call_and_carry(task));
      } catch (...) {
        error = std::current_exception();
      }
      // The guard travels along: nothing here may touch the caller's loop once the caller has been told.
      auto executor = home.get_executor();
      asio::post(executor, [handler = std::move(handler), home = std::move(home), error = std::move(error),
                            value = std::move(value)]() mutable { handler(error, std::move(value)); });
    });
  }
};

template <class T>
Task<void> store_result(Task<Result<T>> work, std::optional<Result<T>>& result) {
  Result<T> value = co_await std::move(work);
  result.emplace(std::move(value));
}

// True for the exception that asio throws into a cancelled coroutine.
bool is_cancellation(const std::exception_ptr& error);

}  // namespace detail

template <class F>
auto run_on(asio::any_io_executor pool, F work) -> Task<decltype(work())> {
  using Value = std::optional<detail::Carried<decltype(work())>>;
  Value value = co_await asio::async_initiate<const asio::use_awaitable_t<>, void(std::exception_ptr, Value)>(
      detail::StartOnPool{}, asio::use_awaitable, std::move(pool), std::move(work));
  if constexpr (!std::is_void_v<decltype(work())>) co_return std::move(*value);
}

template <class T>
Task<Result<T>> with_deadline(Task<Result<T>> work, Deadline deadline) {
  if (deadline.has_passed()) co_return fail(ErrorKind::timeout, "the deadline has passed");
  asio::any_io_executor executor = co_await asio::this_coro::executor;
  asio::steady_timer timer(executor, deadline.time());
  std::optional<Result<T>> result;
  auto group = asio::experimental::make_parallel_group(
      asio::co_spawn(executor, detail::store_result(std::move(work), result), asio::deferred),
      timer.async_wait(asio::deferred));
  auto [order, work_error, timer_error] =
      co_await group.async_wait(asio::experimental::wait_for_one(), asio::use_awaitable);
  bool timed_out = order[0] == 1 && !timer_error;
  if (work_error && !(timed_out && detail::is_cancellation(work_error))) std::rethrow_exception(work_error);
  if (timed_out) co_return fail(ErrorKind::timeout, "no answer before the deadline");
  co_return std::move(*result);
}

}  // namespace usher
