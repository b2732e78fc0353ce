#include "base/stopping.h"

#include <doctest/doctest.h>

#include <boost/asio/io_context.hpp>
#include <stdexcept>

#include "support/run_task.h"

namespace usher {
namespace {

using testing::run_task;
using namespace std::chrono_literals;

struct Fixture {
  // Cancels the timer a little later, as a stopping owner does.
  void stop_soon() {
    soon.expires_after(5ms);
    soon.async_wait([this](boost::system::error_code) { stopping.cancel(); });
  }

  asio::io_context loop{1};
  asio::steady_timer stopping{loop, asio::steady_timer::time_point::max()}, soon{loop};
};

Task<Result<int>> answer() { co_return 42; }

Task<Result<int>> sleep_and_end(bool& has_ended) {
  const bool is_over = co_await sleep_for(1h);
  has_ended = true;
  co_return is_over ? 1 : 2;
}

Task<Result<int>> fail_loudly() {
  co_await sleep_for(0ms);
  throw std::runtime_error("broken");
}

TEST_CASE("work that nobody stops comes to its own end") {
  Fixture f;
  CHECK(run_task(f.loop, unless_stopped(answer(), f.stopping)).value() == 42);
  CHECK_THROWS_AS(run_task(f.loop, unless_stopped(fail_loudly(), f.stopping)), std::runtime_error);
}

TEST_CASE("stopping cancels the work and waits for its end") {
  Fixture f;
  bool has_ended = false;
  f.stop_soon();
  const Result<int> result = run_task(f.loop, unless_stopped(sleep_and_end(has_ended), f.stopping));
  CHECK(has_ended);
  CHECK(result.value() == 2);  // it made something of its cancellation
}

TEST_CASE("work that just ends when it is stopped is cancelled") {
  Fixture f;
  f.stop_soon();
  auto wait_twice = []() -> Task<Result<int>> {
    co_await sleep_for(1h);
    co_await sleep_for(1h);
    co_return 1;
  };
  CHECK(run_task(f.loop, unless_stopped(wait_twice(), f.stopping)).error().kind == ErrorKind::cancelled);
}

}  // namespace
}  // namespace usher
