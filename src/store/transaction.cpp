#include <fmt/format.h>

#include <utility>

#include "store/sqlite.h"

namespace usher::store {

Result<Transaction> Transaction::begin(Database& database) {
  Result<void> begun = database.run("BEGIN IMMEDIATE");
  if (!begun) return fail(std::move(begun.error()));
  return Transaction(database);
}

Transaction::Transaction(Transaction&& other) noexcept : database_(std::exchange(other.database_, nullptr)) {}

Transaction::~Transaction() {
  // SQLite itself has rolled back after some errors (disk full, I/O).
  if (database_ && database_->is_in_transaction()) (void)database_->run("ROLLBACK");
}

Result<void> Transaction::commit() {
  Result<void> committed = database_->run("COMMIT");
  if (committed) database_ = nullptr;
  return committed;
}

namespace {

Result<std::int64_t> schema_version(Database& database) {
  std::int64_t version = 0;
  Result<void> read = database.query("PRAGMA user_version", {}, [&](const Row& row) { version = row.integer(0); });
  if (!read) return fail(std::move(read.error()));
  return version;
}

// The version is read again inside the transaction: another process may have migrated meanwhile.
Result<std::int64_t> migrate_once(Database& database, std::span<const char* const> migrations) {
  Result<Transaction> transaction = Transaction::begin(database);
  if (!transaction) return fail(std::move(transaction.error()));
  Result<std::int64_t> version = schema_version(database);
  if (!version || *version >= static_cast<std::int64_t>(migrations.size())) return version;
  const std::int64_t next = *version + 1;
  Result<void> done = database.script(migrations[static_cast<std::size_t>(*version)]);
  if (done) done = database.script(fmt::format("PRAGMA user_version={}", next));
  if (done) done = transaction->commit();
  if (!done) return fail(std::move(done.error()));
  return next;
}

Result<void> refuse_other_version(const Database& database, std::int64_t version, std::int64_t known) {
  if (version == known) return {};
  const bool is_older = version >= 0 && version < known;
  return fail(ErrorKind::invalid,
              fmt::format("{}: written by {} usher (schema {}, this one knows {}): {}", database.file().string(),
                          is_older ? "an older" : "a newer", version, known,
                          is_older ? "start the gateway once, which brings it up to date" : "update usher"));
}

}  // namespace

Result<void> migrate(Database& database, std::span<const char* const> migrations) {
  const auto newest = static_cast<std::int64_t>(migrations.size());
  Result<std::int64_t> version = schema_version(database);
  while (version && *version >= 0 && *version < newest) version = migrate_once(database, migrations);
  if (!version) return fail(std::move(version.error()));
  return refuse_other_version(database, *version, newest);
}

Result<void> check_version(Database& database, std::span<const char* const> migrations) {
  Result<std::int64_t> version = schema_version(database);
  if (!version) return fail(std::move(version.error()));
  return refuse_other_version(database, *version, static_cast<std::int64_t>(migrations.size()));
}

}  // namespace usher::store
