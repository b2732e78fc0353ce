#include "store/copy.h"

#include <doctest/doctest.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>

#include "support/temp_dir.h"

namespace usher::store {
namespace {

using testing::TempDir;

Database opened(const std::filesystem::path& file, OpenOptions options = {}) {
  Result<Database> database = Database::open(file, options);
  REQUIRE_MESSAGE(database, (database ? "" : database.error().message));
  return std::move(*database);
}

Database filled(const std::filesystem::path& file, OpenOptions options, int rows) {
  Database database = opened(file, options);
  REQUIRE(database.script("CREATE TABLE t(id INTEGER PRIMARY KEY, text TEXT); PRAGMA user_version=3"));
  for (int i = 0; i < rows; ++i) REQUIRE(database.run("INSERT INTO t(text) VALUES(hex(randomblob(500)))"));
  return database;
}

std::int64_t rows_of(Database& database) {
  std::int64_t count = -1;
  REQUIRE(database.query("SELECT count(*) FROM t", {}, [&](const Row& row) { count = row.integer(0); }));
  return count;
}
std::int64_t rows_in(const std::filesystem::path& file) {
  Database database = opened(file);
  return rows_of(database);
}

TEST_CASE("an exclusive database is copied whole, what is in its log too, while it is open") {
  TempDir dir;
  Database database = filled(dir / "a.db", {.autocheckpoint_pages = 0}, 200);
  REQUIRE(database.back_up_to(dir / "copy.db"));
  REQUIRE(database.run("INSERT INTO t(text) VALUES('later')"));
  struct stat info{};
  REQUIRE(::stat((dir / "copy.db").c_str(), &info) == 0);
  CHECK((info.st_mode & 0777) == 0600);
  CHECK(find_damage(dir / "copy.db", true) == "");
  CHECK(rows_in(dir / "copy.db") == 200);
  CHECK(rows_of(database) == 201);
}

TEST_CASE("a copy never replaces a file") {
  TempDir dir;
  Database database = filled(dir / "a.db", {}, 1);
  std::ofstream(dir / "there") << "mine";
  const Result<void> copied = database.back_up_to(dir / "there");
  CHECK_FALSE(copied);
  CHECK(std::filesystem::file_size(dir / "there") == 4);
}

TEST_CASE("a snapshot holds what was committed when it was taken, however long the copying waits") {
  TempDir dir;
  Database database = filled(dir / "a.db", {.sharing = Sharing::shared, .autocheckpoint_pages = 10}, 50);
  Result<Snapshot> snapshot = Snapshot::take(dir / "a.db");
  REQUIRE(snapshot);
  for (int i = 0; i < 500; ++i) REQUIRE(database.run("INSERT INTO t(text) VALUES(hex(randomblob(500)))"));
  REQUIRE(database.run("DELETE FROM t WHERE id < 40"));
  REQUIRE(snapshot->copy_to(dir / "copy.db"));
  CHECK(rows_in(dir / "copy.db") == 50);
  CHECK(find_damage(dir / "copy.db", true) == "");
  CHECK(schema_version_of(dir / "copy.db") == 3);
}

TEST_CASE("a transaction that is not committed is not in a snapshot") {
  TempDir dir;
  Database database = filled(dir / "a.db", {.sharing = Sharing::shared}, 5);
  Result<Transaction> transaction = Transaction::begin(database);
  REQUIRE(transaction);
  REQUIRE(database.run("INSERT INTO t(text) VALUES('half')"));
  Result<Snapshot> snapshot = Snapshot::take(dir / "a.db");
  REQUIRE(snapshot);
  REQUIRE(transaction->commit());
  REQUIRE(snapshot->copy_to(dir / "copy.db"));
  CHECK(rows_in(dir / "copy.db") == 5);
}

TEST_CASE("there is no snapshot of a file that is not there") {
  TempDir dir;
  const Result<Snapshot> none = Snapshot::take(dir / "none.db");
  REQUIRE_FALSE(none);
  CHECK(none.error().kind == ErrorKind::not_found);
  CHECK_FALSE(std::filesystem::exists(dir / "none.db"));
}

TEST_CASE("damage is found") {
  TempDir dir;
  {
    Database database = filled(dir / "a.db", {}, 500);
  }
  CHECK(find_damage(dir / "a.db", false) == "");
  std::filesystem::remove(dir / "a.db-wal");  // all of it is in the file, but a log that is there is read first
  std::fstream file(dir / "a.db", std::ios::in | std::ios::out | std::ios::binary);
  file.seekp(4096 * 20);
  file << std::string(4096, 'x');
  file.close();
  const Result<std::string> damage = find_damage(dir / "a.db", false);
  CHECK((!damage || !damage->empty()));
}

}  // namespace
}  // namespace usher::store
