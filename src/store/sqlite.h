// The one SQLite wrapper. A Database is used by one thread at a time; prepared statements are cached in it. Errors are
// ErrorKind::io (busy: ErrorKind::busy; a damaged file: ErrorKind::corrupt) with SQLite's message and the file's name.
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <initializer_list>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/result.h"

struct sqlite3;
struct sqlite3_stmt;

namespace usher::store {

struct Null {};
using Value = std::variant<Null, std::int64_t, double, std::string_view>;

enum class Durability { normal, full };  // PRAGMA synchronous
enum class Sharing {
  exclusive,  // locking_mode=EXCLUSIVE: this process alone; no shared memory, fewer system calls
  shared,     // other processes may open it too
};

struct OpenOptions {
  Durability durability = Durability::normal;
  Sharing sharing = Sharing::exclusive;
  std::int64_t cache_kib = 64;
  std::chrono::milliseconds busy_timeout{5000};
  bool is_read_only = false;  // never creates; may stand beside a writer that shares the file
  // Checkpoint inside the commit that fills the WAL to so many pages; 0 = only when checkpoint() is called.
  int autocheckpoint_pages = 1000;
  // False leaves the WAL for the next open: closing then never syncs the disk.
  bool checkpoints_on_close = true;
};

// A row being read; columns count from 0. Views live until the next step.
class Row {
 public:
  explicit Row(sqlite3_stmt* statement) : statement_(statement) {}
  bool is_null(int column) const;
  std::int64_t integer(int column) const;
  double real(int column) const;
  std::string_view text(int column) const;

 private:
  sqlite3_stmt* statement_;
};

class Database {
 public:
  // Creates the file with mode 0600 (and WAL) when missing; parent directories must exist. An existing file is
  // tightened to 0600; a symlink in its place is refused.
  static Result<Database> open(const std::filesystem::path& file, const OpenOptions& options = {});
  Database(Database&&) noexcept;
  Database& operator=(Database&&) noexcept;
  ~Database();

  // One statement with `?` parameters; the SQL must be a string with static lifetime, as it is the key of the cache.
  Result<void> run(const char* sql, std::span<const Value> values = {});
  Result<void> run(const char* sql, std::initializer_list<Value> values);
  // Calls on_row for each row. The same SQL must not run again inside on_row.
  template <class F>
  Result<void> query(const char* sql, std::initializer_list<Value> values, F&& on_row);
  // Several statements separated by ';', without parameters: schemas and pragmas.
  Result<void> script(const std::string& sql);

  // Makes `to` (0600; must not exist) a copy as of one moment: this one, or that of a read transaction that is open.
  // The copy is not synced. Takes a millisecond for some megabytes.
  Result<void> back_up_to(const std::filesystem::path& to);
  // Gives back cached statements and pages: for a database that is kept open and not used for a while. Not inside
  // on_row.
  void release_memory();
  // Copies what the WAL holds into the database file, as far as no reader needs it. Syncs the disk: not on the event
  // loop.
  Result<void> checkpoint();
  // Pages in the WAL after the last commit of this connection; 0 once checkpoint() has copied them all.
  int wal_pages() const;
  bool is_in_transaction() const;
  std::int64_t last_insert_id() const;
  std::int64_t changes() const;
  const std::filesystem::path& file() const;

 private:
  struct State;
  explicit Database(std::unique_ptr<State> state);
  friend Result<std::string> empty_image(std::span<const char* const> migrations);
  static Result<Database> open_in_memory();
  Result<std::string> image() const;
  sqlite3* handle() const;
  Result<sqlite3_stmt*> prepare(const char* sql, std::span<const Value> values);
  // true = a row, false = done.
  Result<bool> step(sqlite3_stmt* statement);
  static void reset(sqlite3_stmt* statement);
  struct Resetting {
    sqlite3_stmt* statement;
    ~Resetting() { reset(statement); }
  };
  std::unique_ptr<State> state_;
};

// BEGIN IMMEDIATE … COMMIT; rolls back unless commit() succeeded. What a commit that failed wrote is gone as long as
// the process lives; if it failed in syncing the disk and nothing was committed since, the next open may find it done,
// as a whole: its bytes are there, only nobody knew for how long.
class Transaction {
 public:
  static Result<Transaction> begin(Database& database);
  Transaction(Transaction&& other) noexcept;
  Transaction& operator=(Transaction&&) = delete;
  ~Transaction();
  Result<void> commit();

 private:
  explicit Transaction(Database& database) : database_(&database) {}
  Database* database_;
};

// Brings the schema to the newest version: each migration runs once, in one transaction; the version is PRAGMA
// user_version. A database newer than the last migration is refused.
Result<void> migrate(Database& database, std::span<const char* const> migrations);
// For those who only read: refuses every version but the newest.
Result<void> check_version(Database& database, std::span<const char* const> migrations);

// The bytes of an empty database that has all migrations: copying them is faster than migrating each of many.
Result<std::string> empty_image(std::span<const char* const> migrations);
// Creates the file whole, with mode 0600, from the bytes of a database; an existing file is left as it is.
Result<void> create_from_image(const std::filesystem::path& file, std::string_view image);

template <class F>
Result<void> Database::query(const char* sql, std::initializer_list<Value> values, F&& on_row) {
  Result<sqlite3_stmt*> statement = prepare(sql, std::span<const Value>(values.begin(), values.size()));
  if (!statement) return fail(std::move(statement.error()));
  Resetting resetting{*statement};
  while (true) {
    Result<bool> row = step(*statement);
    if (!row) return fail(std::move(row.error()));
    if (!*row) return {};
    on_row(Row(*statement));
  }
}

}  // namespace usher::store
