// Limits on a disk that fails: what cannot be stored is neither admitted nor reserved, and nothing that was is lost.
#include <doctest/doctest.h>

#include "limits/budget.h"
#include "limits/rate.h"
#include "store/sqlite.h"
#include "support/disk/faulty_disk.h"
#include "support/manual_clock.h"
#include "support/run_task.h"
#include "support/temp_dir.h"

using namespace usher;
using limits::BudgetScope;
using limits::RateKey;
using testing::DiskFault;
using testing::DiskOperation;
using testing::DiskRule;
using testing::FaultyDisk;
using testing::run_task;

namespace {

namespace fs = std::filesystem;

constexpr std::int64_t attempts = 12;
const RateKey window{limits::rate_key("model", "default", "buyer", ""), 100, "rate_limit_per_minute of role buyer"};
const BudgetScope scope{"default", "buyer", "telegram:1", MicroUsd{1'000'000}, "cost_daily_limit_usd of role buyer"};

struct Limits {
  std::unique_ptr<limits::Counters> counters;
  std::unique_ptr<limits::RateWindows> windows;
  std::unique_ptr<limits::Budgets> budgets;

  Limits(const fs::path& file, const Clock& clock) {
    auto opened = limits::open_counters(file);
    REQUIRE_MESSAGE(opened, opened.error().message);
    counters = std::move(*opened);
    auto made_windows = limits::make_rate_windows(*counters, clock);
    REQUIRE_MESSAGE(made_windows, made_windows.error().message);
    windows = std::move(*made_windows);
    auto made_budgets = limits::make_budgets(*counters, clock, *limits::Calendar::open("UTC"));
    REQUIRE_MESSAGE(made_budgets, made_budgets.error().message);
    budgets = std::move(*made_budgets);
  }
  std::int64_t admitted() { return windows->state(window).used; }
  std::int64_t reserved() { return budgets->spent_today(scope)->reserved.value; }
};

// False when nothing failed.
bool survives(const DiskRule& rule) {
  testing::TempDir dir;
  testing::ManualClock clock;
  FaultyDisk disk;
  std::int64_t admitted = 0, reserved = 0;
  {
    Limits limits(dir / "limits.db", clock);
    disk.fail({rule});
    for (std::int64_t i = 0; i < attempts; ++i) {
      Result<void> admission = run_task(limits.windows->admit({&window, 1}));
      Result<limits::Reservation> reservation = run_task(limits.budgets->reserve({&scope, 1}, MicroUsd{10}));
      if (admission) ++admitted;
      if (reservation) reserved += 10;
      if (!admission) CHECK(admission.error().kind == ErrorKind::io);
      if (!reservation) CHECK(reservation.error().kind == ErrorKind::io);
      CHECK(limits.admitted() == admitted);
      CHECK(limits.reserved() == reserved);
    }
    if (disk.failures() == 0) return false;
    disk.mend();
    CHECK(run_task(limits.windows->admit({&window, 1})));
    CHECK(run_task(limits.budgets->reserve({&scope, 1}, MicroUsd{10})));
    ++admitted;
    reserved += 10;
    // What a kill leaves.
    fs::create_directory(dir / "copy");
    for (const char* suffix : {"", "-wal"}) {
      fs::copy_file((dir / "limits.db").string() + suffix, (dir / "copy/limits.db").string() + suffix);
    }
    Limits killed(dir / "copy/limits.db", clock);
    CHECK(killed.admitted() == admitted);
    CHECK(killed.reserved() == reserved);
  }
  Limits restarted(dir / "limits.db", clock);
  CHECK(restarted.admitted() == admitted);
  CHECK(restarted.reserved() == reserved);
  return true;
}

}  // namespace

TEST_CASE("whichever write fails, what was refused for it counts for nothing and what was granted stays counted") {
  for (const DiskFault fault : {DiskFault::full, DiskFault::broken, DiskFault::half_write}) {
    std::size_t nth = 1;
    while (survives({"limits.db", DiskOperation::write, nth, false, fault})) {
      CAPTURE(nth);
      ++nth;
    }
    CHECK(nth > 2 * attempts);
  }
}

TEST_CASE("while nothing can be stored no call is admitted or reserved, and afterwards each is by itself") {
  testing::TempDir dir;
  testing::ManualClock clock;
  FaultyDisk disk;
  Limits limits(dir / "limits.db", clock);
  disk.fail({{"limits.db", DiskOperation::write, 1, true, DiskFault::full}});
  for (int i = 0; i < 5; ++i) {
    CHECK(run_task(limits.windows->admit({&window, 1})).error().kind == ErrorKind::io);
    CHECK(run_task(limits.budgets->reserve({&scope, 1}, MicroUsd{10})).error().kind == ErrorKind::io);
  }
  disk.mend();
  CHECK(run_task(limits.windows->admit({&window, 1})));
  CHECK(run_task(limits.budgets->reserve({&scope, 1}, MicroUsd{10})));
  CHECK(limits.admitted() == 1);
  CHECK(limits.reserved() == 10);
}
