#include <doctest/doctest.h>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/steady_timer.hpp>

#include <limits>
#include <map>
#include <stdexcept>

#include "provider/chain.h"
#include "support/fakes/fake_provider.h"
#include "support/manual_clock.h"
#include "support/run_task.h"
#include "support/temp_dir.h"

namespace {

using namespace usher;
using namespace std::chrono_literals;
using provider::Price;
using testing::FakeProvider;

// Records what was reserved and settled.
class RecordingBudgets final : public limits::Budgets {
 public:
  Task<Result<limits::Reservation>> reserve(std::span<const limits::BudgetScope>, MicroUsd amount) override {
    if (refuses) co_return fail(ErrorKind::limit, "cost_daily_limit_usd of role buyer is used up");
    reserved.push_back(amount.value);
    co_return limits::Reservation{static_cast<std::int64_t>(reserved.size())};
  }
  Result<void> settle(limits::Reservation reservation, MicroUsd actual) override {
    if (is_broken) return fail(ErrorKind::io, "disk full");
    settled.emplace_back(reservation.id, actual.value);
    return {};
  }
  Result<Spent> spent_today(const limits::BudgetScope&) override { return Spent{}; }
  WallTime resets_at() const override { return {}; }

  std::vector<std::int64_t> reserved;
  std::vector<std::pair<std::int64_t, std::int64_t>> settled;
  bool refuses = false, is_broken = false;
};

// $2 and $10 a million tokens.
Price priced() {
  return {.input_per_mtok = MicroUsd{2'000'000}, .output_per_mtok = MicroUsd{10'000'000}, .max_output_tokens = 100};
}
limits::BudgetScope scope(std::optional<std::int64_t> limit = 1'000'000) {
  limits::BudgetScope scope{"default", "buyer", "telegram:1", std::nullopt, "cost_daily_limit_usd of role buyer"};
  if (limit) scope.limit = MicroUsd{*limit};
  return scope;
}

struct Fixture {
  FakeProvider model;
  RecordingBudgets budgets;
  std::vector<provider::Message> messages{{.author = provider::Author::user, .text = "hi"}};
  std::int64_t estimate() const { return 2 * provider::estimate_input_tokens({messages, {}}) + 1000; }
  Result<provider::Completion> ask(Price price = priced(), std::vector<limits::BudgetScope> scopes = {scope()}) {
    provider::BudgetedProvider budgeted(model, budgets, std::move(scopes), std::move(price), "gpt");
    return testing::run_task(budgeted.complete({messages, {}}, {}, Deadline::in(1min)));
  }
};

TEST_CASE("the dearest outcome is reserved before the call and the real one settled after it") {
  Fixture f;
  f.model.then([&](const provider::TextSink&) -> Task<Result<provider::Completion>> {
    CHECK(f.budgets.reserved == std::vector<std::int64_t>{f.estimate()});
    CHECK(f.budgets.settled.empty());
    co_return FakeProvider::text("hello");
  });
  REQUIRE(f.ask());
  REQUIRE(f.budgets.settled.size() == 1);
  CHECK(f.budgets.settled[0] == std::pair<std::int64_t, std::int64_t>{1, 10 * 2 + 5 * 10});
}

TEST_CASE("a refused reservation never reaches the model") {
  Fixture f;
  f.budgets.refuses = true;
  Result<provider::Completion> refused = f.ask();
  REQUIRE_FALSE(refused);
  CHECK(refused.error().kind == ErrorKind::limit);
  CHECK(f.model.requests.empty());
  CHECK(f.budgets.settled.empty());
}

TEST_CASE("a failed call costs nothing only when the vendor cannot have charged for it") {
  const std::map<ErrorKind, bool> is_charged = {
      {ErrorKind::invalid, false},     {ErrorKind::busy, false},     {ErrorKind::denied, false},
      {ErrorKind::unavailable, false}, {ErrorKind::limit, false},    {ErrorKind::timeout, true},
      {ErrorKind::protocol, true},     {ErrorKind::cancelled, true}, {ErrorKind::internal, true}};
  for (auto [kind, charged] : is_charged) {
    CAPTURE(to_string(kind));
    Fixture f;
    f.model.then(fail(ErrorKind(kind), "no"));
    Result<provider::Completion> failed = f.ask();
    REQUIRE_FALSE(failed);
    CHECK(failed.error().kind == kind);
    REQUIRE(f.budgets.settled.size() == 1);
    CHECK(f.budgets.settled[0].second == (charged ? f.estimate() : 0));
  }
}

TEST_CASE("a call that throws is charged its reservation") {
  Fixture f;
  f.model.then([](const provider::TextSink&) -> Task<Result<provider::Completion>> {
    throw std::runtime_error("broken");
    co_return FakeProvider::text("");
  });
  CHECK_THROWS(f.ask());
  REQUIRE(f.budgets.settled.size() == 1);
  CHECK(f.budgets.settled[0].second == f.estimate());
}

TEST_CASE("a coroutine destroyed in the middle of a call leaves its reservation charged") {
  Fixture f;
  f.model.then([](const provider::TextSink&) -> Task<Result<provider::Completion>> {
    asio::steady_timer never(co_await asio::this_coro::executor, 1h);
    co_await never.async_wait(asio::use_awaitable);
    co_return FakeProvider::text("");
  });
  provider::BudgetedProvider budgeted(f.model, f.budgets, {scope()}, priced(), "gpt");
  provider::Request request{f.messages, {}};
  provider::TextSink sink;
  {
    asio::io_context loop(1);
    asio::co_spawn(loop, budgeted.complete(request, sink, Deadline::in(1min)), asio::detached);
    loop.poll();
    REQUIRE(f.model.requests.size() == 1);
  }
  CHECK(f.budgets.reserved.size() == 1);
  CHECK(f.budgets.settled.empty());
}

TEST_CASE("a model without a price is refused under a limit unless it is free") {
  Fixture f;
  Price unpriced{.max_output_tokens = 100};
  Result<provider::Completion> refused = f.ask(unpriced);
  REQUIRE_FALSE(refused);
  CHECK(refused.error().kind == ErrorKind::denied);
  CHECK(refused.error().message.find("'gpt' has no price") != std::string::npos);
  CHECK(f.model.requests.empty());

  Price half = priced();
  half.output_per_mtok.reset();
  CHECK_FALSE(f.ask(half));
  CHECK_FALSE(f.ask(unpriced, {scope(std::nullopt), scope()}));
  CHECK(f.ask(unpriced, {scope(std::nullopt)}));
  CHECK(f.ask(unpriced, {}));
  unpriced.free = true;
  CHECK(f.ask(unpriced));
  CHECK(f.budgets.reserved == std::vector<std::int64_t>{0, 0});
}

TEST_CASE("a settlement that fails does not lose the answer") {
  Fixture f;
  f.budgets.is_broken = true;
  CHECK(f.ask());
}

TEST_CASE("costs are rounded up and never overflow") {
  Price price{.input_per_mtok = MicroUsd{1}, .output_per_mtok = MicroUsd{0}};
  CHECK(provider::cost_of(price, {.input_tokens = 1}).value == 1);
  CHECK(provider::cost_of(price, {.input_tokens = 1'000'000}).value == 1);
  CHECK(provider::cost_of(price, {.input_tokens = 1'000'001}).value == 2);
  CHECK(provider::cost_of(price, {}).value == 0);
  CHECK(provider::cost_of(price, {.input_tokens = -5, .output_tokens = -7}).value == 0);

  constexpr std::int64_t most = std::numeric_limits<std::int64_t>::max();
  Price dear{.input_per_mtok = MicroUsd{most}, .output_per_mtok = MicroUsd{most}};
  CHECK(provider::cost_of(dear, {.input_tokens = most, .cached_input_tokens = most / 2, .output_tokens = most}).value ==
        most);
}

TEST_CASE("cached input has its own price and is part of the input") {
  Price price{.input_per_mtok = MicroUsd{4'000'000},
              .output_per_mtok = MicroUsd{0},
              .cached_input_per_mtok = MicroUsd{1'000'000}};
  CHECK(provider::cost_of(price, {.input_tokens = 10, .cached_input_tokens = 6}).value == 4 * 4 + 6);
  CHECK(provider::cost_of(price, {.input_tokens = 10, .cached_input_tokens = 60}).value == 10);
  price.cached_input_per_mtok.reset();
  CHECK(provider::cost_of(price, {.input_tokens = 10, .cached_input_tokens = 6}).value == 40);
}

// A model call in its own time: K of them overlap on the loop.
Task<Result<provider::Completion>> slow_answer() {
  asio::steady_timer pause(co_await asio::this_coro::executor, 1ms);
  co_await pause.async_wait(asio::use_awaitable);
  provider::Completion completion = FakeProvider::text("ok");
  completion.usage = {.input_tokens = 1, .output_tokens = 100};
  co_return completion;
}

TEST_CASE("concurrent callers never overshoot a budget that reservations can hold") {
  testing::TempDir dir;
  testing::ManualClock clock;
  auto counters = std::move(limits::open_counters(dir / "limits.db").value());
  auto budgets = std::move(limits::make_budgets(*counters, clock, limits::Calendar::open("UTC").value()).value());
  limits::BudgetScope sender = scope(20'000), role = scope(15'000);
  role.sender = "";
  Fixture f;
  provider::BudgetedProvider budgeted(f.model, *budgets, {sender, role}, priced(), "gpt");
  provider::Request request{f.messages, {}};
  provider::TextSink sink;
  asio::io_context loop(1);
  int answered = 0, refused = 0;
  for (int i = 0; i < 64; ++i) {
    f.model.then([](const provider::TextSink&) { return slow_answer(); });
    asio::co_spawn(
        loop, budgeted.complete(request, sink, Deadline::in(1min)),
        [&](std::exception_ptr, Result<provider::Completion> completion) { ++(completion ? answered : refused); });
  }
  loop.run();
  CHECK(answered + refused == 64);
  CHECK(answered >= 10);
  CHECK(answered <= 15'000 / 1002);
  for (const limits::BudgetScope& one : {sender, role}) {
    Result<limits::Budgets::Spent> spent = budgets->spent_today(one);
    REQUIRE(spent);
    CHECK(spent->settled.value == answered * 1002);
    CHECK(spent->settled <= *one.limit);
    CHECK(spent->reserved.value == 0);
  }
}

}  // namespace
