// What limits keep: admission times of rate windows, and the daily sums of budgets. The SQLite implementation keeps
// them in <data_dir>/limits.db (WAL, synchronous NORMAL: a killed process loses nothing); many processes may share the
// file. Event-loop thread only.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/async.h"
#include "base/clock.h"
#include "base/money.h"
#include "base/result.h"

namespace usher::limits {

struct BudgetScope;

// One line of `usher usage`.
struct UsageRow {
  std::string day, tenant, role, sender;  // sender "" = whole role
  MicroUsd settled, reserved;             // reserved: calls under way, and those that a crash cut off
  std::int64_t calls = 0;                 // reservations made
};

// Each member that is set must be equal.
struct UsageFilter {
  std::optional<std::string> day, tenant, role, sender;
};

// One point of time on all clocks.
struct Moment {
  MonotonicTime monotonic{};
  WallTime wall{};
  std::string boot;
};

// Where an admission of another boot stands on this boot's clock: as long ago as wall time says, but within the last
// 60 s, so that a clock set back or forth does no more than keep it or end it. Never earlier than it was.
MonotonicTime carried_over(MonotonicTime at, WallTime wall, bool is_same_boot, const Moment& now);

class Counters {
 public:
  virtual ~Counters() = default;

  // Admissions: a log in the order of time, of the windows that one call was admitted to.
  using OnAdmission = std::function<void(MonotonicTime at, std::span<const std::string_view> keys)>;

  // Reads the log from its beginning, in the time of this boot; what another boot has left is carried over for good.
  virtual Result<void> restore_admissions(const Moment& now, const OnAdmission& on_admission) = 0;
  // In one transaction: reads what other processes have added since the last call, asks `decide` for the time of the
  // new admission, and adds it; on_admission is told of theirs and of it. False, and nothing added, when decide()
  // answers nullopt. Times never decrease. An admission that was added but then could not be stored (io) is one that
  // on_admission was told of all the same.
  virtual Task<Result<bool>> add_admission(std::span<const std::string_view> keys, WallTime wall,
                                           const OnAdmission& on_admission,
                                           const std::function<std::optional<MonotonicTime>()>& decide) = 0;
  // Drops admissions at or before `limit`, at most `max_rows`: the oldest.
  virtual Result<void> drop_admissions(MonotonicTime limit, std::int64_t max_rows) = 0;

  // Budgets: sums by (day, tenant, role, sender).
  struct Sums {
    MicroUsd settled, reserved;
  };
  struct Shortage {
    std::size_t scope = 0;  // the index of the first without room
    Sums sums;
  };
  // One transaction: `amount` on every scope, or, when one of them has no room for it, nothing and that one.
  virtual Task<Result<std::optional<Shortage>>> reserve(std::string_view day, std::span<const BudgetScope> scopes,
                                                        MicroUsd amount) = 0;
  // One transaction over the scopes of a reservation of that day. Not waited for: a process killed within the same turn
  // of the loop leaves the reservation as it is.
  virtual Result<void> settle(std::string_view day, std::span<const BudgetScope> scopes, MicroUsd reserved,
                              MicroUsd actual) = 0;
  virtual Result<Sums> spent(std::string_view day, const BudgetScope& scope) = 0;
  // What is still reserved on days before `day` was cut off by a crash: it becomes settled.
  virtual Result<void> settle_days_before(std::string_view day) = 0;
  virtual Result<void> forget_days_before(std::string_view day) = 0;
  // Ordered by day, tenant, role, sender; at most 100,000 rows.
  virtual Result<std::vector<UsageRow>> usage(const UsageFilter& filter) = 0;
};

// Creates the file (0600) and its tables when they are missing. What happens within one turn of the `loop` is one
// transaction; without a loop each call is its own. With a `pool` the log is copied back there and not inside a commit.
// Both must outlive the counters; destroying these stores what is still open.
Result<std::unique_ptr<Counters>> open_counters(const std::filesystem::path& file, asio::any_io_executor loop = {},
                                                asio::any_io_executor pool = {});

// Reads beside a running gateway, creates nothing; not_found when there is no such file. Any thread.
Result<std::vector<UsageRow>> read_usage(const std::filesystem::path& file, const UsageFilter& filter);

}  // namespace usher::limits
