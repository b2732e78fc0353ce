#include "store/copy.h"

#include <fmt/format.h>
#include <sqlite3.h>

#include <utility>

#include "store/private_file.h"

namespace usher::store {

namespace {

// What a look beside others may wait for: a checkpoint of the last who closes, a recovery.
constexpr std::chrono::milliseconds patience{2000};
constexpr std::size_t max_damage_bytes = 500;

// A database that is written by nobody but one copying.
struct Target {
  sqlite3* handle = nullptr;
  Target() = default;
  Target(const Target&) = delete;
  Target& operator=(const Target&) = delete;
  ~Target() { sqlite3_close_v2(handle); }

  // SQLite's code. Whoever is interrupted throws the copy away: no journal, no sync.
  int open(const std::filesystem::path& file) {
    const int code = sqlite3_open_v2(file.c_str(), &handle, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, nullptr);
    if (code != SQLITE_OK) return code;
    return sqlite3_exec(handle, "PRAGMA journal_mode=OFF;PRAGMA synchronous=OFF", nullptr, nullptr, nullptr);
  }
  int copy_from(sqlite3* source) {
    sqlite3_backup* backup = sqlite3_backup_init(handle, "main", source, "main");
    if (!backup) return sqlite3_errcode(handle);
    (void)sqlite3_backup_step(backup, -1);
    return sqlite3_backup_finish(backup);
  }
};

Result<Database> open_beside(const std::filesystem::path& file) {
  return Database::open(file, {.sharing = Sharing::shared, .busy_timeout = patience, .is_read_only = true});
}

}  // namespace

Result<void> Database::back_up_to(const std::filesystem::path& to) {
  std::error_code ignored;
  if (std::filesystem::exists(std::filesystem::symlink_status(to, ignored))) {
    return fail(ErrorKind::io, fmt::format("{}: is there already", to.string()));
  }
  Result<void> made = ensure_private_file(to, true);
  if (!made) return made;
  Target copy;
  int code = copy.open(to);
  if (code == SQLITE_OK) code = copy.copy_from(handle());
  if (code == SQLITE_OK) return {};
  const int primary = code & 0xff;
  return fail(primary == SQLITE_BUSY || primary == SQLITE_LOCKED ? ErrorKind::busy : ErrorKind::io,
              fmt::format("{}: copy to {}: {}", file().string(), to.string(), sqlite3_errstr(code)));
}

Result<Snapshot> Snapshot::take(const std::filesystem::path& file) {
  Result<Database> database = open_beside(file);
  if (!database) return fail(std::move(database.error()));
  // The first read after BEGIN is the moment.
  Result<void> begun = database->run("BEGIN");
  if (begun) begun = database->run("SELECT count(*) FROM sqlite_schema");
  if (!begun) return fail(std::move(begun.error()));
  return Snapshot(std::move(*database));
}

Result<std::string> find_damage(const std::filesystem::path& file, bool thoroughly) {
  Result<Database> database = open_beside(file);
  if (!database) return fail(std::move(database.error()));
  std::string damage;
  const auto take = [&](const Row& row) {
    if (row.text(0) != "ok" && damage.size() < max_damage_bytes) damage += std::string(row.text(0)) + "; ";
  };
  Result<void> checked = thoroughly ? database->query("PRAGMA integrity_check(10)", {}, take)
                                    : database->query("PRAGMA quick_check(10)", {}, take);
  if (!checked) return fail(std::move(checked.error()));
  if (damage.ends_with("; ")) damage.resize(damage.size() - 2);
  return damage;
}

Result<std::int64_t> schema_version_of(const std::filesystem::path& file) {
  Result<Database> database = open_beside(file);
  if (!database) return fail(std::move(database.error()));
  std::int64_t version = 0;
  Result<void> read = database->query("PRAGMA user_version", {}, [&](const Row& row) { version = row.integer(0); });
  if (!read) return fail(std::move(read.error()));
  return version;
}

}  // namespace usher::store
