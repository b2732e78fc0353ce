// Runs one coroutine to its end on an event loop of its own and hands out its value.
#pragma once

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/use_future.hpp>
#include <exception>
#include <optional>

#include "base/async.h"

namespace usher::testing {

// Runs `task` on `loop` until it has ended; other work on the loop goes on meanwhile.
template <class T>
T run_task(asio::io_context& loop, Task<T> task) {
  std::optional<T> value;
  std::exception_ptr error;
  asio::co_spawn(loop, std::move(task), [&](std::exception_ptr e, T result) {
    error = e;
    if (!e) value.emplace(std::move(result));
    loop.stop();
  });
  loop.restart();
  loop.run();
  if (error) std::rethrow_exception(error);
  return std::move(value.value());
}

template <class T>
T run_task(Task<T> task) {
  asio::io_context loop(1);
  return run_task(loop, std::move(task));
}

}  // namespace usher::testing
