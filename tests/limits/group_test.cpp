#include <doctest/doctest.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <optional>

#include "limits/budget.h"
#include "limits/rate.h"
#include "store/sqlite.h"
#include "support/manual_clock.h"
#include "support/run_task.h"
#include "support/temp_dir.h"

using namespace usher;
using limits::BudgetScope;
using limits::RateKey;

namespace {

// Counters that commit once a turn of the loop, which runs only when a test says so.
struct Gateway {
  testing::TempDir dir;
  testing::ManualClock clock;
  asio::io_context loop{1};
  std::unique_ptr<limits::Counters> counters =
      std::move(limits::open_counters(dir / "l.db", loop.get_executor()).value());
  std::unique_ptr<limits::RateWindows> windows = std::move(limits::make_rate_windows(*counters, clock).value());
  std::unique_ptr<limits::Budgets> budgets =
      std::move(limits::make_budgets(*counters, clock, limits::Calendar::open("UTC").value()).value());
  // Another process's view: what is stored.
  store::Database other = std::move(store::Database::open(dir / "l.db", {.sharing = store::Sharing::shared}).value());

  std::int64_t stored(const char* sql) {
    std::int64_t value = -1;
    REQUIRE(other.query(sql, {}, [&](const store::Row& row) { value = row.integer(0); }));
    return value;
  }
  std::int64_t stored_admissions() { return stored("SELECT count(*) FROM admissions"); }
  std::int64_t stored_reservations() { return stored("SELECT ifnull(sum(reserved), 0) FROM spending"); }

  // Takes part in the next turn; its outcome appears when it has ended.
  template <class T>
  std::shared_ptr<std::optional<T>> start(Task<T> task) {
    auto outcome = std::make_shared<std::optional<T>>();
    asio::co_spawn(loop, std::move(task), [outcome](std::exception_ptr error, T value) {
      if (!error) outcome->emplace(std::move(value));
    });
    return outcome;
  }
  // Runs `check` when all that was started has done its part and nothing is committed yet; then to the end.
  void turn(std::function<void()> check = [] {}) {
    asio::post(loop, std::move(check));
    loop.restart();
    loop.poll();
  }
};

const RateKey key{limits::rate_key("model", "default", "buyer", ""), 3, "rate_limit_per_minute of role buyer"};
const BudgetScope scope{"default", "buyer", "telegram:1", MicroUsd{100}, "cost_daily_limit_usd of role buyer"};

}  // namespace

TEST_CASE("nobody goes on before what they wrote is stored, and all of one turn is stored together") {
  Gateway gateway;
  const auto admit = [](Gateway& self) -> Task<std::int64_t> {
    Result<void> admitted = co_await self.windows->admit({&key, 1});
    co_return admitted ? self.stored_admissions() : -1;
  };
  const auto reserve = [](Gateway& self) -> Task<std::int64_t> {
    Result<limits::Reservation> reserved = co_await self.budgets->reserve({&scope, 1}, MicroUsd{60});
    co_return reserved ? self.stored_reservations() : -1;
  };
  const auto admitted = gateway.start(admit(gateway));
  const auto reserved = gateway.start(reserve(gateway));
  gateway.turn([&] {
    CHECK(gateway.stored_admissions() == 0);
    CHECK(gateway.stored_reservations() == 0);
  });
  CHECK(*admitted == 1);
  CHECK(*reserved == 60);
}

TEST_CASE("calls of one turn count against each other") {
  Gateway gateway;
  std::vector<std::shared_ptr<std::optional<Result<void>>>> admitted;
  for (int i = 0; i < 5; ++i) admitted.push_back(gateway.start(gateway.windows->admit({&key, 1})));
  const auto first = gateway.start(gateway.budgets->reserve({&scope, 1}, MicroUsd{60}));
  const auto second = gateway.start(gateway.budgets->reserve({&scope, 1}, MicroUsd{60}));
  gateway.turn();
  for (int i = 0; i < 5; ++i) CHECK(admitted[static_cast<std::size_t>(i)]->value().has_value() == (i < 3));
  CHECK(first->value());
  CHECK_FALSE(second->value());
  CHECK(gateway.stored_admissions() == 3);
  CHECK(gateway.stored_reservations() == 60);
}

TEST_CASE("when one cannot be stored, nobody of that turn goes on, and later turns are not harmed") {
  Gateway gateway;
  REQUIRE(gateway.other.script("CREATE TRIGGER t BEFORE INSERT ON spending BEGIN SELECT RAISE(ABORT, 'disk'); END"));
  const auto admitted = gateway.start(gateway.windows->admit({&key, 1}));
  const auto reserved = gateway.start(gateway.budgets->reserve({&scope, 1}, MicroUsd{60}));
  gateway.turn();
  CHECK(admitted->value().error().kind == ErrorKind::io);
  CHECK(reserved->value().error().kind == ErrorKind::io);
  CHECK(gateway.stored_admissions() == 0);
  REQUIRE(gateway.other.script("DROP TRIGGER t"));
  const auto again = gateway.start(gateway.windows->admit({&key, 1}));
  gateway.turn();
  CHECK(again->value());
  CHECK(gateway.stored_admissions() == 1);
}

TEST_CASE("a commit that fails refuses all who waited for it") {
  Gateway gateway;
  // A row without its parent, which SQLite looks for only in COMMIT.
  REQUIRE(
      gateway.other.script("CREATE TABLE parent(id INTEGER PRIMARY KEY);"
                           "CREATE TABLE child(id INTEGER REFERENCES parent(id) DEFERRABLE INITIALLY DEFERRED);"
                           "CREATE TRIGGER t AFTER INSERT ON admissions BEGIN INSERT INTO child VALUES (1); END"));
  const auto admitted = gateway.start(gateway.windows->admit({&key, 1}));
  const auto reserved = gateway.start(gateway.budgets->reserve({&scope, 1}, MicroUsd{60}));
  gateway.turn();
  CHECK(admitted->value().error().kind == ErrorKind::io);
  CHECK(reserved->value().error().kind == ErrorKind::io);
  CHECK(gateway.stored_admissions() == 0);
  CHECK(gateway.stored_reservations() == 0);
}

TEST_CASE("what another process has admitted meanwhile counts once, also after a turn that failed") {
  Gateway gateway;
  auto others = std::move(limits::open_counters(gateway.dir / "l.db").value());
  auto their_windows = std::move(limits::make_rate_windows(*others, gateway.clock).value());
  REQUIRE(testing::run_task(their_windows->admit({&key, 1})));
  REQUIRE(gateway.other.script("CREATE TRIGGER t BEFORE INSERT ON spending BEGIN SELECT RAISE(ABORT, 'disk'); END"));
  const auto failed = gateway.start(gateway.windows->admit({&key, 1}));
  const auto broken = gateway.start(gateway.budgets->reserve({&scope, 1}, MicroUsd{60}));
  gateway.turn();
  CHECK_FALSE(failed->value());
  CHECK_FALSE(broken->value());
  REQUIRE(gateway.other.script("DROP TRIGGER t"));
  REQUIRE(testing::run_task(their_windows->admit({&key, 1})));
  const auto admitted = gateway.start(gateway.windows->admit({&key, 1}));
  gateway.turn();
  CHECK(admitted->value());  // two of theirs are counted, and the one that failed is not
  CHECK(gateway.windows->state(key).used == 3);
}

TEST_CASE("a settlement is stored with its turn, or at the latest when the counters end") {
  Gateway gateway;
  const auto reserved = gateway.start(gateway.budgets->reserve({&scope, 1}, MicroUsd{60}));
  gateway.turn();
  REQUIRE(gateway.budgets->settle(*reserved->value(), MicroUsd{10}));
  CHECK(gateway.budgets->spent_today(scope)->settled.value == 10);
  CHECK(gateway.stored_reservations() == 60);
  gateway.budgets.reset();
  gateway.windows.reset();
  gateway.counters.reset();
  CHECK(gateway.stored_reservations() == 0);
}
