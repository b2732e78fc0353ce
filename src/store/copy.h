// Copies of databases while they are in use, for backups. Blocking.
#pragma once

#include <filesystem>

#include "base/result.h"
#include "store/sqlite.h"

namespace usher::store {

// A shared database as it is at one moment. Taking it costs microseconds and stops nobody; the copying may come later
// and elsewhere. While it lives the log of the database cannot begin anew. One thread at a time.
class Snapshot {
 public:
  // not_found when there is no such file, busy when another process has it for itself.
  static Result<Snapshot> take(const std::filesystem::path& file);
  // Makes `to` (0600; must not exist).
  Result<void> copy_to(const std::filesystem::path& to) { return database_.back_up_to(to); }

 private:
  explicit Snapshot(Database database) : database_(std::move(database)) {}
  Database database_;
};

// What is wrong with the database, or "": PRAGMA quick_check, or integrity_check when `thoroughly`. An error when it
// cannot be opened or read. Changes nothing, but an empty log may be made beside the file.
Result<std::string> find_damage(const std::filesystem::path& file, bool thoroughly);

// PRAGMA user_version: how many migrations it has had. busy when somebody else has it exclusively.
Result<std::int64_t> schema_version_of(const std::filesystem::path& file);

}  // namespace usher::store
