#include "limits/budget.h"

#include <doctest/doctest.h>
#include <rapidcheck.h>

#include <random>
#include <thread>

#include "store/sqlite.h"
#include "support/manual_clock.h"
#include "support/process/child_process.h"
#include "support/run_task.h"
#include "support/temp_dir.h"

using namespace usher;
using namespace std::chrono_literals;
using limits::Budgets;
using limits::BudgetScope;
using limits::Counters;
using limits::Reservation;

namespace {

struct Gateway {
  std::unique_ptr<Counters> counters;
  std::unique_ptr<Budgets> budgets;

  Gateway(const std::filesystem::path& file, const Clock& clock, const std::string& zone = "UTC") {
    Result<std::unique_ptr<Counters>> opened = limits::open_counters(file);
    REQUIRE_MESSAGE(opened, opened.error().message);
    counters = std::move(*opened);
    Result<limits::Calendar> calendar = limits::Calendar::open(zone);
    REQUIRE(calendar);
    Result<std::unique_ptr<Budgets>> made = limits::make_budgets(*counters, clock, *calendar);
    REQUIRE_MESSAGE(made, made.error().message);
    budgets = std::move(*made);
  }
  Result<Reservation> reserve(const BudgetScope& scope, std::int64_t amount) {
    return testing::run_task(budgets->reserve({&scope, 1}, MicroUsd{amount}));
  }
  Budgets::Spent spent(const BudgetScope& scope) {
    Result<Budgets::Spent> spent = budgets->spent_today(scope);
    REQUIRE(spent);
    return *spent;
  }
};

BudgetScope sender(std::optional<std::int64_t> limit, const std::string& id = "telegram:1") {
  BudgetScope scope{"default", "buyer", id, std::nullopt, "cost_daily_limit_usd of role buyer"};
  if (limit) scope.limit = MicroUsd{*limit};
  return scope;
}

BudgetScope role(std::int64_t limit) {
  return {"default", "buyer", "", MicroUsd{limit}, "cost_daily_limit_usd_total of role buyer"};
}

// Reserves and settles at random until the budget has refused often; true when nothing went wrong.
bool spend(const std::filesystem::path& file, const Clock& clock, unsigned seed, std::int64_t limit) {
  Result<std::unique_ptr<Counters>> counters = limits::open_counters(file);
  if (!counters) return false;
  Result<std::unique_ptr<Budgets>> budgets = limits::make_budgets(**counters, clock, *limits::Calendar::open("UTC"));
  if (!budgets) return false;
  std::mt19937 random(seed);
  const BudgetScope scopes[] = {sender(limit / 2, "telegram:" + std::to_string(seed)), role(limit)};
  std::vector<std::pair<Reservation, std::int64_t>> open;
  const auto settle_newest = [&] {
    const auto [reservation, amount] = open.back();
    open.pop_back();
    return (*budgets)->settle(reservation,
                              MicroUsd{static_cast<std::int64_t>(random() % static_cast<unsigned>(amount + 1))});
  };
  int refusals = 0;
  for (int i = 0; i < 150 && refusals < 10; ++i) {
    const auto amount = static_cast<std::int64_t>(1 + random() % 100);
    Result<Reservation> reservation = testing::run_task((*budgets)->reserve(scopes, MicroUsd{amount}));
    if (reservation) {
      open.emplace_back(*reservation, amount);
    } else if (reservation.error().kind == ErrorKind::limit) {
      ++refusals;
    } else {
      return false;
    }
    if (!open.empty() && random() % 2 && !settle_newest()) return false;
  }
  while (!open.empty()) {
    if (!settle_newest()) return false;
  }
  return true;
}

}  // namespace

TEST_CASE("a reservation is replaced by what the call cost") {
  testing::TempDir dir;
  testing::ManualClock clock;
  Gateway gateway(dir / "l.db", clock);
  const BudgetScope scope = sender(1000);
  Result<Reservation> reservation = gateway.reserve(scope, 600);
  REQUIRE(reservation);
  CHECK(gateway.spent(scope).reserved.value == 600);
  CHECK(gateway.spent(scope).settled.value == 0);
  REQUIRE(gateway.budgets->settle(*reservation, MicroUsd{250}));
  CHECK(gateway.spent(scope).reserved.value == 0);
  CHECK(gateway.spent(scope).settled.value == 250);
  CHECK(gateway.reserve(scope, 750));
  CHECK_FALSE(gateway.reserve(scope, 1));
}

TEST_CASE("a reservation is settled once") {
  testing::TempDir dir;
  testing::ManualClock clock;
  Gateway gateway(dir / "l.db", clock);
  Result<Reservation> reservation = gateway.reserve(sender(1000), 600);
  REQUIRE(reservation);
  REQUIRE(gateway.budgets->settle(*reservation, MicroUsd{600}));
  Result<void> again = gateway.budgets->settle(*reservation, MicroUsd{600});
  REQUIRE_FALSE(again);
  CHECK(again.error().kind == ErrorKind::not_found);
  CHECK(gateway.spent(sender(1000)).settled.value == 600);
}

TEST_CASE(
    "a refusal names the scope, what is left and asked, and when the day ends, and takes nothing from any scope") {
  testing::TempDir dir;
  testing::ManualClock clock;
  clock.set_wall(std::chrono::sys_days(std::chrono::year(2026) / 11 / 21) + 23h);
  Gateway gateway(dir / "l.db", clock);
  const BudgetScope scopes[] = {sender(1'000'000), role(500'000)};
  REQUIRE(testing::run_task(gateway.budgets->reserve(scopes, MicroUsd{400'000})));
  Result<Reservation> refused = testing::run_task(gateway.budgets->reserve(scopes, MicroUsd{200'000}));
  REQUIRE_FALSE(refused);
  CHECK(refused.error().kind == ErrorKind::limit);
  CHECK(refused.error().retry_after == 1h);
  CHECK(refused.error().message.starts_with("cost_daily_limit_usd_total of role buyer: "));
  for (const std::int64_t amount : {100'000, 500'000, 200'000}) {
    CHECK(refused.error().message.find(to_string(MicroUsd{amount})) != std::string::npos);
  }
  CHECK(gateway.spent(scopes[0]).reserved.value == 400'000);
  CHECK(gateway.spent(scopes[1]).reserved.value == 400'000);
}

TEST_CASE("a limit of 0 blocks even calls that cost nothing; no limit only counts") {
  testing::TempDir dir;
  testing::ManualClock clock;
  Gateway gateway(dir / "l.db", clock);
  Result<Reservation> blocked = gateway.reserve(sender(0), 0);
  REQUIRE_FALSE(blocked);
  CHECK(blocked.error().kind == ErrorKind::limit);
  CHECK_FALSE(blocked.error().retry_after);
  CHECK(gateway.reserve(sender(std::nullopt), 1'000'000'000'000'000'000));
  CHECK(gateway.spent(sender(std::nullopt)).reserved.value == 1'000'000'000'000'000'000);
}

TEST_CASE("absurd amounts are refused or capped, never wrapped around") {
  testing::TempDir dir;
  testing::ManualClock clock;
  Gateway gateway(dir / "l.db", clock);
  CHECK(gateway.reserve(sender(std::nullopt), -1).error().kind == ErrorKind::invalid);
  CHECK(gateway.reserve(sender(std::nullopt), INT64_MAX).error().kind == ErrorKind::invalid);
  for (int i = 0; i < 4; ++i) {
    Result<Reservation> reservation = gateway.reserve(sender(std::nullopt), 4'000'000'000'000'000'000);
    REQUIRE(reservation);
    REQUIRE(gateway.budgets->settle(*reservation, MicroUsd{INT64_MAX}));
  }
  CHECK(gateway.spent(sender(std::nullopt)).settled.value == 4'000'000'000'000'000'000);
  CHECK_FALSE(gateway.reserve(sender(INT64_MAX), INT64_MAX / 2));
  CHECK_FALSE(gateway.reserve(sender(1000), 1));
}

TEST_CASE("a call that cost more than was reserved is charged in full, and the next is refused") {
  testing::TempDir dir;
  testing::ManualClock clock;
  Gateway gateway(dir / "l.db", clock);
  Result<Reservation> reservation = gateway.reserve(sender(1000), 900);
  REQUIRE(reservation);
  REQUIRE(gateway.budgets->settle(*reservation, MicroUsd{1200}));
  CHECK(gateway.spent(sender(1000)).settled.value == 1200);
  CHECK_FALSE(gateway.reserve(sender(1000), 0));
}

TEST_CASE("budgets of other senders, roles and tenants are apart") {
  testing::TempDir dir;
  testing::ManualClock clock;
  Gateway gateway(dir / "l.db", clock);
  REQUIRE(gateway.reserve(sender(100), 100));
  BudgetScope other_tenant = sender(100);
  other_tenant.tenant = "other";
  BudgetScope other_role = sender(100);
  other_role.role = "owner";
  CHECK(gateway.reserve(sender(100, "telegram:2"), 100));
  CHECK(gateway.reserve(other_tenant, 100));
  CHECK(gateway.reserve(other_role, 100));
  CHECK_FALSE(gateway.reserve(sender(100), 1));
}

TEST_CASE("the budget begins anew with the calendar date of the zone, and a call settles on the day it was reserved") {
  testing::TempDir dir;
  testing::ManualClock clock;
  clock.set_wall(std::chrono::sys_days(std::chrono::year(2026) / 7 / 1) + 21h + 59min);
  Gateway gateway(dir / "l.db", clock, "Europe/Berlin");
  Result<Reservation> late = gateway.reserve(sender(100), 100);
  REQUIRE(late);
  CHECK(gateway.budgets->resets_at() - clock.wall() == 1min);
  clock.advance(1min);
  CHECK(gateway.spent(sender(100)).reserved.value == 0);
  CHECK(gateway.reserve(sender(100), 100));
  REQUIRE(gateway.budgets->settle(*late, MicroUsd{70}));
  CHECK(gateway.spent(sender(100)).settled.value == 0);
  Result<std::vector<limits::UsageRow>> rows = gateway.counters->usage({.day = "2026-07-01"});
  REQUIRE(rows);
  REQUIRE(rows->size() == 1);
  CHECK((*rows)[0].settled.value == 70);
}

TEST_CASE("whatever the order of reservations and settlements, the sums are exact and within the limit") {
  CHECK(rc::check("sums", [] {
    testing::TempDir dir;
    testing::ManualClock clock;
    Gateway gateway(dir / "l.db", clock);
    const std::int64_t limit = *rc::gen::inRange<std::int64_t>(1, 400);
    const BudgetScope scopes[] = {sender(std::nullopt), role(limit)};
    std::vector<std::pair<Reservation, std::int64_t>> open;
    std::int64_t reserved = 0, settled = 0;
    const int steps = *rc::gen::inRange(1, 40);
    for (int i = 0; i < steps; ++i) {
      if (open.empty() || *rc::gen::arbitrary<bool>()) {
        const std::int64_t amount = *rc::gen::inRange<std::int64_t>(0, 100);
        Result<Reservation> reservation = testing::run_task(gateway.budgets->reserve(scopes, MicroUsd{amount}));
        RC_ASSERT(reservation.has_value() == (settled + reserved + amount <= limit));
        if (!reservation) continue;
        open.emplace_back(*reservation, amount);
        reserved += amount;
      } else {
        const auto index = static_cast<std::size_t>(*rc::gen::inRange<std::size_t>(0, open.size()));
        const std::int64_t actual = *rc::gen::inRange<std::int64_t>(0, open[index].second + 1);
        RC_ASSERT(gateway.budgets->settle(open[index].first, MicroUsd{actual}).has_value());
        reserved -= open[index].second;
        settled += actual;
        open.erase(open.begin() + static_cast<std::ptrdiff_t>(index));
      }
      for (const BudgetScope& scope : scopes) {
        RC_ASSERT(gateway.spent(scope).settled.value == settled);
        RC_ASSERT(gateway.spent(scope).reserved.value == reserved);
      }
    }
  }));
}

TEST_CASE("processes on one file cannot overshoot together") {
  testing::TempDir dir;
  testing::ManualClock clock;
  constexpr std::int64_t limit = 8000;
  {
    std::vector<std::unique_ptr<testing::ChildProcess>> children;
    for (unsigned i = 0; i < 5; ++i) {
      children.push_back(
          std::make_unique<testing::ChildProcess>([&, i] { return spend(dir / "l.db", clock, i, limit); }));
    }
    for (auto& child : children) CHECK(child->succeeded());
  }
  Gateway gateway(dir / "l.db", clock);
  CHECK(gateway.spent(role(limit)).settled.value <= limit);
  CHECK(gateway.spent(role(limit)).settled.value > limit / 2);
  CHECK(gateway.spent(role(limit)).reserved.value == 0);
  Result<std::vector<limits::UsageRow>> rows = gateway.counters->usage({});
  REQUIRE(rows);
  std::int64_t senders = 0;
  for (const limits::UsageRow& row : *rows) senders += row.sender.empty() ? 0 : row.settled.value;
  CHECK(senders == gateway.spent(role(limit)).settled.value);
}

TEST_CASE("threads with a connection each cannot overshoot together") {
  testing::TempDir dir;
  testing::ManualClock clock;
  constexpr std::int64_t limit = 8000;
  std::vector<std::thread> threads;
  std::vector<char> fine(5, 0);
  for (unsigned i = 0; i < fine.size(); ++i) {
    threads.emplace_back([&, i] { fine[i] = spend(dir / "l.db", clock, i, limit); });
  }
  for (std::thread& thread : threads) thread.join();
  CHECK(std::ranges::count(fine, 1) == 5);
  Gateway gateway(dir / "l.db", clock);
  CHECK(gateway.spent(role(limit)).settled.value <= limit);
  CHECK(gateway.spent(role(limit)).settled.value > limit / 2);
  CHECK(gateway.spent(role(limit)).reserved.value == 0);
}

TEST_CASE("a process killed between reserving and settling has charged its reservation, and later days settle it") {
  testing::TempDir dir;
  testing::ManualClock clock;
  testing::ChildProcess child(
      [&] {
        Result<std::unique_ptr<Counters>> counters = limits::open_counters(dir / "l.db");
        Result<std::unique_ptr<Budgets>> budgets =
            limits::make_budgets(**counters, clock, *limits::Calendar::open("UTC"));
        const BudgetScope scope = sender(100);
        const bool is_reserved = testing::run_task((*budgets)->reserve({&scope, 1}, MicroUsd{60})).has_value();
        (void)budgets->release();
        (void)counters->release();
        return is_reserved;
      },
      true);
  REQUIRE(child.succeeded());
  child.kill();
  {
    Gateway gateway(dir / "l.db", clock);
    CHECK(gateway.spent(sender(100)).reserved.value == 60);
    CHECK_FALSE(gateway.reserve(sender(100), 41));
    Result<Reservation> rest = gateway.reserve(sender(100), 40);
    REQUIRE(rest);
    REQUIRE(gateway.budgets->settle(*rest, MicroUsd{40}));
  }
  clock.advance(48h);
  Gateway gateway(dir / "l.db", clock);
  Result<std::vector<limits::UsageRow>> rows = gateway.counters->usage({.sender = "telegram:1"});
  REQUIRE(rows);
  REQUIRE(rows->size() == 1);
  CHECK((*rows)[0].settled.value == 100);
  CHECK((*rows)[0].reserved.value == 0);
  CHECK((*rows)[0].calls == 2);
}

TEST_CASE("a call still under way when another process closes its day is not charged twice") {
  testing::TempDir dir;
  testing::ManualClock clock;
  Gateway slow(dir / "l.db", clock);
  Result<Reservation> reservation = slow.reserve(sender(1000), 600);
  REQUIRE(reservation);
  clock.advance(72h);
  Gateway other(dir / "l.db", clock);
  REQUIRE(slow.budgets->settle(*reservation, MicroUsd{250}));
  Result<std::vector<limits::UsageRow>> rows = other.counters->usage({});
  REQUIRE(rows);
  REQUIRE(rows->size() == 1);
  CHECK((*rows)[0].settled.value == 250);
  CHECK((*rows)[0].reserved.value == 0);
}

TEST_CASE("an error while settling leaves the reservation charged and settling possible") {
  testing::TempDir dir;
  testing::ManualClock clock;
  Gateway gateway(dir / "l.db", clock);
  Result<Reservation> reservation = gateway.reserve(sender(100), 60);
  REQUIRE(reservation);
  Result<store::Database> other = store::Database::open(dir / "l.db", {.sharing = store::Sharing::shared});
  REQUIRE(other);
  REQUIRE(other->script("CREATE TRIGGER t BEFORE UPDATE ON spending BEGIN SELECT RAISE(ABORT, 'disk'); END"));
  CHECK(gateway.budgets->settle(*reservation, MicroUsd{10}).error().kind == ErrorKind::io);
  CHECK(gateway.spent(sender(100)).reserved.value == 60);
  REQUIRE(other->script("DROP TRIGGER t"));
  CHECK(gateway.budgets->settle(*reservation, MicroUsd{10}));
  CHECK(gateway.spent(sender(100)).settled.value == 10);
}

TEST_CASE("usage is read beside a running gateway, filtered and in order, and never creates a file") {
  testing::TempDir dir;
  testing::ManualClock clock;
  CHECK(limits::read_usage(dir / "l.db", {}).error().kind == ErrorKind::not_found);
  CHECK(std::filesystem::is_empty(dir.path()));
  {
    Gateway gateway(dir / "l.db", clock);
    const BudgetScope scopes[] = {sender(100), role(100)};
    Result<Reservation> reservation = testing::run_task(gateway.budgets->reserve(scopes, MicroUsd{60}));
    REQUIRE(reservation);
    Result<std::vector<limits::UsageRow>> rows = limits::read_usage(dir / "l.db", {});
    REQUIRE_MESSAGE(rows, rows.error().message);
    REQUIRE(rows->size() == 2);
    CHECK((*rows)[0].sender == "");
    CHECK((*rows)[1].sender == "telegram:1");
    CHECK((*rows)[1].reserved.value == 60);
    CHECK(limits::read_usage(dir / "l.db", {.tenant = "other"})->empty());
    CHECK(limits::read_usage(dir / "l.db", {.role = "buyer", .sender = "telegram:1"})->size() == 1);
    REQUIRE(gateway.budgets->settle(*reservation, MicroUsd{10}));
  }
  Result<std::vector<limits::UsageRow>> closed = limits::read_usage(dir / "l.db", {.sender = ""});
  REQUIRE_MESSAGE(closed, closed.error().message);
  REQUIRE(closed->size() == 1);
  CHECK((*closed)[0].settled.value == 10);
}

TEST_CASE("days long past are forgotten") {
  testing::TempDir dir;
  testing::ManualClock clock;
  {
    Gateway gateway(dir / "l.db", clock);
    REQUIRE(gateway.reserve(sender(100), 60));
  }
  clock.advance(24h * 402);
  Gateway gateway(dir / "l.db", clock);
  CHECK(gateway.counters->usage({})->empty());
}
