#include "base/async.h"

#include <doctest/doctest.h>

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/thread_pool.hpp>
#include <memory>
#include <stdexcept>
#include <string>
#include <thread>

#include "support/run_task.h"

namespace usher {
namespace {

using testing::run_task;
using namespace std::chrono_literals;

// Set when the coroutine that holds it is gone.
struct Flag {
  bool& is_set;
  ~Flag() { is_set = true; }
};

Task<Result<int>> answer(int value) { co_return value; }

Task<Result<int>> wait_forever(bool& ended) {
  Flag flag{ended};
  bool waited = co_await sleep_for(1h);
  co_return waited ? 1 : 2;
}

Task<Result<int>> wait_and_then_throw() {
  co_await sleep_for(0ms);
  throw std::runtime_error("broken");
}

Task<Result<int>> deadline_of(Task<Result<int>> work, Deadline deadline) {
  return with_deadline(std::move(work), deadline);
}

// Starts `task`, cancels it once the loop has nothing left to do but wait, and gives its exception.
template <class T>
std::exception_ptr cancel(Task<T> task, asio::io_context& loop) {
  asio::cancellation_signal signal;
  std::exception_ptr error;
  bool has_ended = false;
  asio::co_spawn(loop, std::move(task), asio::bind_cancellation_slot(signal.slot(), [&](std::exception_ptr e, T) {
                   error = e;
                   has_ended = true;
                 }));
  while (loop.poll_one() > 0) {
  }
  REQUIRE_FALSE(has_ended);
  signal.emit(asio::cancellation_type::terminal);
  loop.run_for(10s);
  CHECK(has_ended);
  return error;
}

TEST_CASE("a deadline's remaining time is never negative, and capping only shortens") {
  CHECK(Deadline::in(-1h).remaining() == 0ms);
  CHECK(Deadline::in(-1h).has_passed());
  Deadline far = Deadline::in(1h);
  CHECK_FALSE(far.has_passed());
  CHECK(far.remaining() > 59min);
  CHECK(far.remaining() <= 1h);
  CHECK(far.capped(1min).time() < far.time());
  CHECK(far.capped(2h).time() == far.time());
}

TEST_CASE("work that ends in time gives its own result") {
  CHECK(run_task(with_deadline(answer(7), Deadline::in(1h))).value() == 7);
  auto failing = []() -> Task<Result<int>> { co_return fail(ErrorKind::busy, "later"); };
  CHECK(run_task(with_deadline(failing(), Deadline::in(1h))).error().kind == ErrorKind::busy);
}

TEST_CASE("at the deadline the work is cancelled and gone before the caller goes on") {
  bool ended = false;
  Result<int> result = run_task(with_deadline(wait_forever(ended), Deadline::in(20ms)));
  REQUIRE_FALSE(result.has_value());
  CHECK(result.error().kind == ErrorKind::timeout);
  CHECK(ended);
}

TEST_CASE("work that does not notice its cancellation is waited for and still timed out") {
  asio::io_context loop(1);
  asio::thread_pool pool(1);
  bool ended = false;
  auto stubborn = [](asio::any_io_executor on, bool& flag) -> Task<Result<int>> {
    int value = co_await run_on(on, [] {
      std::this_thread::sleep_for(60ms);
      return 5;
    });
    flag = true;
    co_return value;
  };
  Result<int> result = run_task(loop, with_deadline(stubborn(pool.get_executor(), ended), Deadline::in(5ms)));
  CHECK(ended);
  CHECK(result.error().kind == ErrorKind::timeout);
}

TEST_CASE("an exception comes at once, not when the deadline passes") {
  auto before = std::chrono::steady_clock::now();
  CHECK_THROWS_WITH_AS(run_task(with_deadline(wait_and_then_throw(), Deadline::in(1h))), "broken", std::runtime_error);
  CHECK(std::chrono::steady_clock::now() - before < 10s);
}

TEST_CASE("work is not begun after its deadline") {
  bool begun = false;
  auto work = [](bool& flag) -> Task<Result<int>> {
    flag = true;
    co_return 1;
  };
  CHECK(run_task(with_deadline(work(begun), Deadline::in(-1ms))).error().kind == ErrorKind::timeout);
  CHECK_FALSE(begun);
}

TEST_CASE("values need no default, and there may be none") {
  struct NoDefault {
    explicit NoDefault(int v) : value(v) {}
    int value;
  };
  auto body = []() -> Task<bool> {
    auto make = []() -> Task<Result<NoDefault>> { co_return NoDefault(3); };
    Result<NoDefault> made = co_await with_deadline(make(), Deadline::in(1h));
    auto nothing = []() -> Task<Result<void>> { co_return Result<void>{}; };
    Result<void> done = co_await with_deadline(nothing(), Deadline::in(1h));
    auto owner = []() -> Task<Result<std::unique_ptr<int>>> { co_return std::make_unique<int>(4); };
    Result<std::unique_ptr<int>> owned = co_await with_deadline(owner(), Deadline::in(1h));
    co_return made->value == 3 && done.has_value() && **owned == 4;
  };
  CHECK(run_task(body()));
}

TEST_CASE("of two nested deadlines the earlier one counts, and the caller goes on unharmed") {
  auto body = [](bool& ended) -> Task<Result<std::string>> {
    Result<int> inner = co_await with_deadline(wait_forever(ended), Deadline::in(10ms));
    bool waited = co_await sleep_for(1ms);
    co_return inner.has_value() || !waited ? "wrong" : "went on";
  };
  bool ended = false;
  CHECK(run_task(with_deadline(body(ended), Deadline::in(1h))).value() == "went on");
  bool outer_ended = false;
  Task<Result<int>> nested = deadline_of(wait_forever(outer_ended), Deadline::in(1h));
  CHECK(run_task(with_deadline(std::move(nested), Deadline::in(10ms))).error().kind == ErrorKind::timeout);
  CHECK(outer_ended);
}

TEST_CASE("cancelling the caller ends the work at once") {
  asio::io_context loop(1);
  bool ended = false;
  auto caller = [](bool& flag) -> Task<int> {
    Result<int> result = co_await with_deadline(wait_forever(flag), Deadline::in(1h));
    co_await sleep_for(0ms);  // throws: this coroutine was cancelled
    co_return result.value_or(0);
  };
  std::exception_ptr error = cancel(caller(ended), loop);
  CHECK(ended);
  CHECK(error);
}

TEST_CASE("a sleep says whether it slept its time") {
  CHECK(run_task(sleep_for(1ms)));
  asio::io_context loop(1);
  bool slept = true;
  auto sleeper = [](bool& flag) -> Task<int> {
    flag = co_await sleep_for(1h);
    co_return 0;
  };
  std::exception_ptr error = cancel(sleeper(slept), loop);
  CHECK_FALSE(error);
  CHECK_FALSE(slept);
}

TEST_CASE("blocking work runs on the pool and comes back to the loop's thread") {
  asio::io_context loop(1);
  asio::thread_pool pool(2);
  auto body = [](asio::any_io_executor on) -> Task<bool> {
    std::thread::id here = std::this_thread::get_id();
    std::thread::id there = co_await run_on(on, [] { return std::this_thread::get_id(); });
    bool is_elsewhere = there != here;
    bool is_back = std::this_thread::get_id() == here;
    auto owner = std::make_unique<int>(5);
    std::unique_ptr<int> returned =
        co_await run_on(on, [owned = std::move(owner)]() mutable { return std::move(owned); });
    int effect = 0;
    co_await run_on(on, [&effect] { effect = 9; });
    co_return is_elsewhere&& is_back && *returned == 5 && effect == 9;
  };
  CHECK(run_task(loop, body(pool.get_executor())));
}

TEST_CASE("an exception of pool work reaches the caller") {
  asio::io_context loop(1);
  asio::thread_pool pool(1);
  auto work = []() -> int { throw std::runtime_error("on the pool"); };
  CHECK_THROWS_WITH_AS(run_task(loop, run_on(pool.get_executor(), work)), "on the pool", std::runtime_error);
}

TEST_CASE("many hops to the pool at once all come back") {
  asio::io_context loop(1);
  asio::thread_pool pool(4);
  int done = 0;
  auto hop = [](asio::any_io_executor on, int i, int& count) -> Task<void> {
    int value = co_await run_on(on, [i] { return i * 2; });
    if (value == i * 2) ++count;
  };
  for (int i = 0; i < 500; ++i) {
    asio::co_spawn(loop, hop(pool.get_executor(), i, done), [](std::exception_ptr) {});
  }
  loop.run();
  CHECK(done == 500);
}

}  // namespace
}  // namespace usher
