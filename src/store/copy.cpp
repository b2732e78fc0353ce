#include "store/copy.h"

#include <utility>

namespace usher::store {

namespace {

// What a look beside others may wait for: a checkpoint of the last who closes, a recovery.
constexpr std::chrono::milliseconds patience{2000};
constexpr std::size_t max_damage_bytes = 500;

Result<Database> open_beside(const std::filesystem::path& file) {
  return Database::open(file, {.sharing = Sharing::shared, .busy_timeout = patience, .is_read_only = true});
}

}  // namespace

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
