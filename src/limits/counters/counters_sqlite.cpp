#include <utility>

#include "limits/budget.h"
#include "limits/counters.h"
#include "limits/counters/group_commit.h"
#include "limits/counters/joined_keys.h"
#include "limits/counters/log_bound.h"
#include "limits/counters/usage.h"
#include "store/sqlite.h"

namespace usher::limits {

namespace {

using store::Database;
using store::Row;
using store::Transaction;

constexpr const char* migrations[] = {
    // The newest admission is never deleted: ids must not start anew, others know how far they have read by them.
    "CREATE TABLE admissions(id INTEGER PRIMARY KEY, at INTEGER NOT NULL, wall INTEGER NOT NULL, keys TEXT NOT NULL) "
    "STRICT;"
    "CREATE TABLE admissions_boot(boot TEXT NOT NULL) STRICT;"
    "CREATE TABLE spending(day TEXT NOT NULL, tenant TEXT NOT NULL, role TEXT NOT NULL, sender TEXT NOT NULL,"
    " settled INTEGER NOT NULL, reserved INTEGER NOT NULL, calls INTEGER NOT NULL,"
    " PRIMARY KEY(day, tenant, role, sender)) STRICT, WITHOUT ROWID;"};

// Sums stop here: far above any limit, and two of them fit into 64 bits.
constexpr std::int64_t max_sum = 4'000'000'000'000'000'000;

// Where no pool copies the log back.
constexpr int checkpoint_pages = 1000;

constexpr auto busy_timeout = std::chrono::milliseconds(2000);

bool is_repeated(std::span<const BudgetScope> scopes, std::size_t index) {
  const BudgetScope& scope = scopes[index];
  for (const BudgetScope& earlier : scopes.first(index)) {
    if (earlier.sender == scope.sender && earlier.role == scope.role && earlier.tenant == scope.tenant) return true;
  }
  return false;
}

bool has_room(const BudgetScope& scope, const Counters::Sums& sums, MicroUsd amount) {
  if (scope.limit->value <= 0) return false;
  return amount.value <=
         scope.limit->value - std::min(sums.settled.value, max_sum) - std::min(sums.reserved.value, max_sum);
}

class SqliteCounters final : public Counters {
 public:
  SqliteCounters(Database database, asio::any_io_executor loop, asio::any_io_executor pool)
      : database_(std::move(database)),
        log_(database_, std::move(pool)),
        group_(database_, std::move(loop), [this](bool is_stored) { end_of_group(is_stored); }) {}

  Result<void> restore_admissions(const Moment& now, const OnAdmission& on_admission) override;
  Task<Result<bool>> add_admission(std::span<const std::string_view> keys, WallTime wall,
                                   const OnAdmission& on_admission,
                                   const std::function<std::optional<MonotonicTime>()>& decide) override;
  Result<void> drop_admissions(MonotonicTime limit, std::int64_t max_rows) override;
  Task<Result<std::optional<Shortage>>> reserve(std::string_view day, std::span<const BudgetScope> scopes,
                                                MicroUsd amount) override;
  Result<void> settle(std::string_view day, std::span<const BudgetScope> scopes, MicroUsd reserved,
                      MicroUsd actual) override;
  Result<Sums> spent(std::string_view day, const BudgetScope& scope) override;
  Result<void> settle_days_before(std::string_view day) override;
  Result<void> forget_days_before(std::string_view day) override;
  Result<std::vector<UsageRow>> usage(const UsageFilter& filter) override { return select_usage(database_, filter); }

 private:
  struct Stored {
    std::int64_t id, at, wall;
  };

  Result<std::string> stored_boot();
  Result<std::vector<Stored>> stored_after(MonotonicTime time);
  Result<void> carry_over(const Moment& now);
  Result<void> read_newer(const OnAdmission& on_other);
  Result<bool> add_in_group(std::span<const std::string_view> keys, WallTime wall, const OnAdmission& on_admission,
                            const std::function<std::optional<MonotonicTime>()>& decide);
  Result<std::optional<Shortage>> first_shortage(std::string_view day, std::span<const BudgetScope> scopes,
                                                 MicroUsd amount);
  Result<void> charge(std::string_view day, std::span<const BudgetScope> scopes, MicroUsd amount);
  void end_of_group(bool is_stored);

  Database database_;
  LogBound log_;
  GroupCommit group_;
  std::int64_t last_read_ = 0;    // the id of the newest stored admission that this process knows
  std::int64_t last_added_ = 0;   // … and of the newest that it has added in the group; 0 = none
  bool has_read_others_ = false;  // in this group: nobody else adds meanwhile
  std::vector<std::string_view> split_keys_;
};

Result<std::string> SqliteCounters::stored_boot() {
  std::string boot;
  Result<void> read =
      database_.query("SELECT boot FROM admissions_boot LIMIT 1", {}, [&](const Row& row) { boot = row.text(0); });
  if (!read) return fail(std::move(read.error()));
  return boot;
}

Result<std::vector<SqliteCounters::Stored>> SqliteCounters::stored_after(MonotonicTime time) {
  std::vector<Stored> rows;
  Result<void> read =
      database_.query("SELECT id, at, wall FROM admissions WHERE at > ? ORDER BY id", {std::int64_t{time.count()}},
                      [&](const Row& row) { rows.push_back({row.integer(0), row.integer(1), row.integer(2)}); });
  if (!read) return fail(std::move(read.error()));
  return rows;
}

// Only times of another boot, or later than now (a machine set back to a snapshot), have to move.
Result<void> SqliteCounters::carry_over(const Moment& now) {
  Result<std::string> boot = stored_boot();
  if (!boot) return fail(std::move(boot.error()));
  const bool is_same_boot = *boot == now.boot;
  Result<std::vector<Stored>> rows = stored_after(is_same_boot ? now.monotonic : MonotonicTime::min());
  if (!rows) return fail(std::move(rows.error()));
  MonotonicTime previous = MonotonicTime::min();
  for (const Stored& row : *rows) {
    const WallTime wall{std::chrono::milliseconds(row.wall)};
    previous = std::max(previous, carried_over(MonotonicTime(row.at), wall, is_same_boot, now));
    Result<void> moved =
        database_.run("UPDATE admissions SET at = ? WHERE id = ?", {std::int64_t{previous.count()}, row.id});
    if (!moved) return moved;
  }
  if (is_same_boot) return {};
  Result<void> done = database_.run("DELETE FROM admissions_boot");
  if (done) done = database_.run("INSERT INTO admissions_boot VALUES (?)", {std::string_view(now.boot)});
  return done;
}

Result<void> SqliteCounters::restore_admissions(const Moment& now, const OnAdmission& on_admission) {
  Result<Transaction> transaction = Transaction::begin(database_);
  if (!transaction) return fail(std::move(transaction.error()));
  Result<void> done = carry_over(now);
  if (done) done = transaction->commit();
  if (!done) return done;
  last_read_ = 0;
  return read_newer(on_admission);
}

Result<void> SqliteCounters::read_newer(const OnAdmission& on_other) {
  return database_.query("SELECT id, at, keys FROM admissions WHERE id > ? ORDER BY id", {last_read_},
                         [&](const Row& row) {
                           last_read_ = row.integer(0);
                           split_keys(row.text(2), split_keys_);
                           on_other(MonotonicTime(row.integer(1)), split_keys_);
                         });
}

Task<Result<bool>> SqliteCounters::add_admission(std::span<const std::string_view> keys, WallTime wall,
                                                 const OnAdmission& on_admission,
                                                 const std::function<std::optional<MonotonicTime>()>& decide) {
  Result<bool> added = false;
  Result<void> done = group_.run([&]() -> Result<void> {
    added = add_in_group(keys, wall, on_admission, decide);
    if (!added) return fail(added.error());
    return {};
  });
  if (done && *added) done = co_await group_.committed();
  if (!done) co_return fail(std::move(done.error()));
  co_return added;
}

Result<bool> SqliteCounters::add_in_group(std::span<const std::string_view> keys, WallTime wall,
                                          const OnAdmission& on_admission,
                                          const std::function<std::optional<MonotonicTime>()>& decide) {
  if (!has_read_others_) {
    Result<void> read = read_newer(on_admission);
    if (!read) return fail(std::move(read.error()));
    has_read_others_ = true;
  }
  const std::optional<MonotonicTime> at = decide();
  if (!at) return false;
  const std::string joined = join_keys(keys);
  Result<void> added = database_.run(
      "INSERT INTO admissions(at, wall, keys) VALUES (?, ?, ?)",
      {std::int64_t{at->count()}, std::int64_t{wall.time_since_epoch().count()}, std::string_view(joined)});
  if (!added) return fail(std::move(added.error()));
  last_added_ = database_.last_insert_id();
  on_admission(*at, keys);
  return true;
}

void SqliteCounters::end_of_group(bool is_stored) {
  if (is_stored && last_added_ > 0) last_read_ = last_added_;
  last_added_ = 0;
  has_read_others_ = false;
  log_.look();
}

Result<void> SqliteCounters::drop_admissions(MonotonicTime limit, std::int64_t max_rows) {
  // Times do not decrease with ids, so the oldest are the first; nothing beyond max_rows is looked at.
  Result<void> dropped = database_.run(
      "DELETE FROM admissions WHERE id < min((SELECT max(id) FROM admissions),"
      " (SELECT min(id) + ?2 FROM admissions),"
      " ifnull((SELECT id FROM admissions WHERE at > ?1 AND id < (SELECT min(id) + ?2 FROM admissions)"
      " ORDER BY id LIMIT 1), 9223372036854775807))",
      {std::int64_t{limit.count()}, max_rows});
  log_.look();
  return dropped;
}

Result<Counters::Sums> SqliteCounters::spent(std::string_view day, const BudgetScope& scope) {
  Sums sums;
  Result<void> read = database_.query(
      "SELECT settled, reserved FROM spending WHERE day = ? AND tenant = ? AND role = ? AND sender = ?",
      {day, std::string_view(scope.tenant), std::string_view(scope.role), std::string_view(scope.sender)},
      [&](const Row& row) { sums = {MicroUsd{row.integer(0)}, MicroUsd{row.integer(1)}}; });
  if (!read) return fail(std::move(read.error()));
  return sums;
}

Task<Result<std::optional<Counters::Shortage>>> SqliteCounters::reserve(std::string_view day,
                                                                        std::span<const BudgetScope> scopes,
                                                                        MicroUsd amount) {
  std::optional<Shortage> shortage;
  Result<void> done = group_.run([&]() -> Result<void> {
    Result<std::optional<Shortage>> found = first_shortage(day, scopes, amount);
    if (!found) return fail(std::move(found.error()));
    shortage = *found;
    if (shortage) return {};
    return charge(day, scopes, amount);
  });
  if (done && !shortage) done = co_await group_.committed();
  if (!done) co_return fail(std::move(done.error()));
  co_return shortage;
}

Result<std::optional<Counters::Shortage>> SqliteCounters::first_shortage(std::string_view day,
                                                                         std::span<const BudgetScope> scopes,
                                                                         MicroUsd amount) {
  for (std::size_t i = 0; i < scopes.size(); ++i) {
    if (!scopes[i].limit) continue;
    Result<Sums> sums = spent(day, scopes[i]);
    if (!sums) return fail(std::move(sums.error()));
    if (!has_room(scopes[i], *sums, amount)) return std::optional(Shortage{i, *sums});
  }
  return std::optional<Shortage>();
}

Result<void> SqliteCounters::charge(std::string_view day, std::span<const BudgetScope> scopes, MicroUsd amount) {
  for (std::size_t i = 0; i < scopes.size(); ++i) {
    if (is_repeated(scopes, i)) continue;
    const BudgetScope& scope = scopes[i];
    Result<void> charged = database_.run(
        "INSERT INTO spending VALUES (?1, ?2, ?3, ?4, 0, ?5, 1) ON CONFLICT DO UPDATE"
        " SET reserved = min(reserved + ?5, ?6), calls = calls + 1",
        {day, std::string_view(scope.tenant), std::string_view(scope.role), std::string_view(scope.sender),
         amount.value, max_sum});
    if (!charged) return charged;
  }
  return {};
}

Result<void> SqliteCounters::settle(std::string_view day, std::span<const BudgetScope> scopes, MicroUsd reserved,
                                    MicroUsd actual) {
  return group_.run([&]() -> Result<void> {
    for (std::size_t i = 0; i < scopes.size(); ++i) {
      if (is_repeated(scopes, i)) continue;
      const BudgetScope& scope = scopes[i];
      // What is no longer reserved has been settled meanwhile (settle_days_before) and is not counted twice.
      Result<void> settled = database_.run(
          "UPDATE spending SET settled = min(settled + ?6 - max(0, ?5 - reserved), ?7),"
          " reserved = max(0, reserved - ?5) WHERE day = ?1 AND tenant = ?2 AND role = ?3 AND sender = ?4",
          {day, std::string_view(scope.tenant), std::string_view(scope.role), std::string_view(scope.sender),
           reserved.value, actual.value, max_sum});
      if (!settled) return settled;
    }
    return {};
  });
}

Result<void> SqliteCounters::settle_days_before(std::string_view day) {
  return database_.run(
      "UPDATE spending SET settled = min(settled + reserved, ?2), reserved = 0 WHERE day < ?1 AND reserved > 0",
      {day, max_sum});
}

Result<void> SqliteCounters::forget_days_before(std::string_view day) {
  return database_.run("DELETE FROM spending WHERE day < ?", {day});
}

}  // namespace

Result<std::unique_ptr<Counters>> open_counters(const std::filesystem::path& file, asio::any_io_executor loop,
                                                asio::any_io_executor pool) {
  Result<Database> database = Database::open(file, {.sharing = store::Sharing::shared,
                                                    .busy_timeout = busy_timeout,
                                                    .autocheckpoint_pages = pool ? 0 : checkpoint_pages});
  if (!database) return fail(std::move(database.error()));
  Result<void> migrated = store::migrate(*database, migrations);
  if (!migrated) return fail(std::move(migrated.error()));
  return std::make_unique<SqliteCounters>(std::move(*database), std::move(loop), std::move(pool));
}

Result<std::vector<UsageRow>> read_usage(const std::filesystem::path& file, const UsageFilter& filter) {
  Result<Database> database = Database::open(file, {.sharing = store::Sharing::shared, .is_read_only = true});
  if (!database) return fail(std::move(database.error()));
  Result<void> checked = store::check_version(*database, migrations);
  if (!checked) return fail(std::move(checked.error()));
  return select_usage(*database, filter);
}

}  // namespace usher::limits
