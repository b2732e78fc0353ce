#include "store/sqlite.h"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fstream>
#include <thread>

#include "support/temp_dir.h"

using namespace usher;
using store::Database;
using store::Row;
using store::Transaction;

namespace {

Database open(const std::filesystem::path& file, const store::OpenOptions& options = {}) {
  Result<Database> database = Database::open(file, options);
  REQUIRE_MESSAGE(database, database.error().message);
  return std::move(*database);
}

std::int64_t integer(Database& database, const char* sql) {
  std::int64_t value = -1;
  Result<void> read = database.query(sql, {}, [&](const Row& row) { value = row.integer(0); });
  REQUIRE_MESSAGE(read, read.error().message);
  return value;
}

unsigned mode_of(const std::filesystem::path& file) {
  struct stat info{};
  REQUIRE(::stat(file.c_str(), &info) == 0);
  return info.st_mode & 0777;
}

constexpr const char* first_schema = "CREATE TABLE t(x)";
constexpr const char* second_schema = "ALTER TABLE t ADD COLUMN y; INSERT INTO t VALUES (1, 2)";

}  // namespace

TEST_CASE("what was written is read back after reopening, whatever its type") {
  testing::TempDir dir;
  {
    Database database = open(dir / "a.db");
    REQUIRE(database.script("CREATE TABLE t(i, r, s, n)"));
    const std::string_view nasty("a'b\0c\xf0\x9f\x98\x80", 9);
    REQUIRE(database.run("INSERT INTO t VALUES (?, ?, ?, ?)",
                         {std::int64_t{-9007199254740993}, 0.5, nasty, store::Null{}}));
    CHECK(database.changes() == 1);
    CHECK(database.last_insert_id() == 1);
  }
  Database database = open(dir / "a.db");
  int rows = 0;
  REQUIRE(database.query("SELECT i, r, s, n FROM t", {}, [&](const Row& row) {
    ++rows;
    CHECK(row.integer(0) == -9007199254740993);
    CHECK(row.real(1) == 0.5);
    CHECK(row.text(2) == std::string_view("a'b\0c\xf0\x9f\x98\x80", 9));
    CHECK(row.is_null(3));
    CHECK(row.text(3).empty());
  }));
  CHECK(rows == 1);
}

TEST_CASE("an empty view is stored as empty text and not as NULL") {
  testing::TempDir dir;
  Database database = open(dir / "a.db");
  REQUIRE(database.script("CREATE TABLE t(x TEXT NOT NULL)"));
  CHECK(database.run("INSERT INTO t VALUES (?)", {std::string_view{}}));
}

TEST_CASE("database files are readable by their owner alone, under any umask and when they were not before") {
  testing::TempDir dir;
  for (const mode_t umask_value : {0u, 0022u, 0777u}) {
    const mode_t before = ::umask(umask_value);
    for (const auto sharing : {store::Sharing::exclusive, store::Sharing::shared}) {
      const auto file = dir / ("u" + std::to_string(umask_value) + (sharing == store::Sharing::shared ? "s" : "e"));
      Database database = open(file, {.sharing = sharing});
      REQUIRE(database.script("CREATE TABLE t(x)"));
      CHECK(mode_of(file) == 0600);
      CHECK(mode_of(file.string() + "-wal") == 0600);
      if (sharing == store::Sharing::shared) CHECK(mode_of(file.string() + "-shm") == 0600);
    }
    ::umask(before);
  }
  const auto loose = dir / "loose.db";
  std::ofstream{loose};
  REQUIRE(::chmod(loose.c_str(), 0644) == 0);
  open(loose);
  CHECK(mode_of(loose) == 0600);
}

TEST_CASE("an exclusive database needs no shared memory file and keeps other processes' connections out") {
  testing::TempDir dir;
  Database database = open(dir / "a.db");
  REQUIRE(database.script("CREATE TABLE t(x)"));
  CHECK_FALSE(std::filesystem::exists(dir / "a.db-shm"));
  Result<Database> second = Database::open(dir / "a.db", {.busy_timeout = std::chrono::milliseconds(1)});
  REQUIRE_FALSE(second);
  CHECK(second.error().kind == ErrorKind::busy);
  CHECK(second.error().message.find("a.db") != std::string::npos);
}

TEST_CASE("a symlink, a directory and a missing parent are refused with the file's name") {
  testing::TempDir dir;
  std::ofstream{dir / "target"};
  std::filesystem::create_symlink(dir / "target", dir / "link.db");
  std::filesystem::create_directory(dir / "folder.db");
  for (const char* name : {"link.db", "folder.db", "absent/x.db"}) {
    Result<Database> database = Database::open(dir / name);
    REQUIRE_FALSE(database);
    CHECK(database.error().kind == ErrorKind::io);
    CHECK(database.error().message.find(name) != std::string::npos);
  }
}

TEST_CASE("a damaged file is an error of its own that names it") {
  testing::TempDir dir;
  std::ofstream(dir / "bad.db") << std::string(8192, 'x');
  Result<Database> database = Database::open(dir / "bad.db");
  REQUIRE_FALSE(database);
  CHECK(database.error().kind == ErrorKind::corrupt);
  CHECK(database.error().message.find("bad.db") != std::string::npos);
}

TEST_CASE("the log of a removed database is not replayed into its successor") {
  testing::TempDir dir;
  const auto file = dir / "a.db";
  {
    Database database = open(file);
    REQUIRE(database.script("CREATE TABLE old(x); INSERT INTO old VALUES ('secret')"));
    std::filesystem::copy_file(file.string() + "-wal", dir / "kept");
  }
  std::filesystem::remove(file);
  std::filesystem::copy_file(dir / "kept", file.string() + "-wal", std::filesystem::copy_options::overwrite_existing);
  Database database = open(file);
  CHECK(integer(database, "SELECT count(*) FROM sqlite_schema") == 0);
}

TEST_CASE("a read-only database never creates a file, reads beside a writer and cannot write") {
  testing::TempDir dir;
  Result<Database> absent = Database::open(dir / "no.db", {.is_read_only = true});
  REQUIRE_FALSE(absent);
  CHECK(absent.error().kind == ErrorKind::not_found);
  CHECK_FALSE(std::filesystem::exists(dir / "no.db"));

  Database writer = open(dir / "a.db", {.sharing = store::Sharing::shared});
  REQUIRE(writer.script("CREATE TABLE t(x); INSERT INTO t VALUES (7)"));
  Database reader = open(dir / "a.db", {.sharing = store::Sharing::shared, .is_read_only = true});
  CHECK(integer(reader, "SELECT x FROM t") == 7);
  CHECK_FALSE(reader.run("DELETE FROM t"));
  REQUIRE(writer.run("INSERT INTO t VALUES (8)"));
  CHECK(integer(reader, "SELECT count(*) FROM t") == 2);
}

TEST_CASE("a transaction that is not committed leaves nothing behind") {
  testing::TempDir dir;
  Database database = open(dir / "a.db");
  REQUIRE(database.script("CREATE TABLE t(x)"));
  {
    Result<Transaction> transaction = Transaction::begin(database);
    REQUIRE(transaction);
    REQUIRE(database.run("INSERT INTO t VALUES (1)"));
    CHECK(database.is_in_transaction());
  }
  CHECK_FALSE(database.is_in_transaction());
  CHECK(integer(database, "SELECT count(*) FROM t") == 0);
  Result<Transaction> transaction = Transaction::begin(database);
  REQUIRE(database.run("INSERT INTO t VALUES (1)"));
  REQUIRE(transaction->commit());
  CHECK(integer(database, "SELECT count(*) FROM t") == 1);
}

TEST_CASE("a statement is usable again after its row handler threw, and refuses to run inside itself") {
  testing::TempDir dir;
  Database database = open(dir / "a.db");
  REQUIRE(database.script("CREATE TABLE t(x); INSERT INTO t VALUES (1), (2)"));
  static constexpr const char* select = "SELECT x FROM t";
  CHECK_THROWS((void)database.query(select, {}, [](const Row&) { throw std::runtime_error("x"); }));
  int rows = 0;
  Result<void> inner;
  REQUIRE(database.query(select, {}, [&](const Row&) {
    ++rows;
    inner = database.query(select, {}, [](const Row&) {});
  }));
  CHECK(rows == 2);
  REQUIRE_FALSE(inner);
  CHECK(inner.error().kind == ErrorKind::internal);
}

TEST_CASE("too few or too many values are a bug that is told, not bound at random") {
  testing::TempDir dir;
  Database database = open(dir / "a.db");
  REQUIRE(database.script("CREATE TABLE t(x, y)"));
  static constexpr const char* insert = "INSERT INTO t VALUES (?, ?)";
  CHECK(database.run(insert, {std::int64_t{1}, std::int64_t{2}}));
  CHECK(database.run(insert, {std::int64_t{1}}).error().kind == ErrorKind::internal);
  CHECK(database.run(insert, {std::int64_t{1}, std::int64_t{1}, std::int64_t{1}}).error().kind == ErrorKind::internal);
}

TEST_CASE("each migration runs once, an older file is brought up, a newer one refused") {
  testing::TempDir dir;
  const char* both[] = {first_schema, second_schema};
  {
    Database database = open(dir / "a.db");
    REQUIRE(store::migrate(database, std::span(both, 1)));
  }
  {
    Database database = open(dir / "a.db");
    REQUIRE(store::migrate(database, both));
    REQUIRE(store::migrate(database, both));
    CHECK(integer(database, "SELECT count(*) FROM t") == 1);
    CHECK(integer(database, "PRAGMA user_version") == 2);
  }
  Database database = open(dir / "a.db");
  Result<void> refused = store::migrate(database, std::span(both, 1));
  REQUIRE_FALSE(refused);
  CHECK(refused.error().message.find("newer usher") != std::string::npos);
}

TEST_CASE("a migration that fails changes nothing, the version neither") {
  testing::TempDir dir;
  Database database = open(dir / "a.db");
  const char* broken[] = {first_schema, "INSERT INTO t VALUES (1); INSERT INTO nowhere VALUES (1)"};
  CHECK_FALSE(store::migrate(database, broken));
  CHECK(integer(database, "PRAGMA user_version") == 1);
  CHECK(integer(database, "SELECT count(*) FROM t") == 0);
}

TEST_CASE("several threads that create the same shared database at once all succeed and migrate it once") {
  testing::TempDir dir;
  const char* both[] = {first_schema, second_schema};
  std::vector<std::thread> threads;
  std::vector<std::string> errors(6);
  for (std::string& error : errors) {
    threads.emplace_back([&] {
      Result<Database> database = Database::open(dir / "a.db", {.sharing = store::Sharing::shared});
      Result<void> done = database ? store::migrate(*database, both) : fail(database.error());
      if (!done) error = done.error().message;
    });
  }
  for (std::thread& thread : threads) thread.join();
  for (const std::string& error : errors) CHECK(error == "");
  Database database = open(dir / "a.db");
  CHECK(integer(database, "SELECT count(*) FROM t") == 1);
}

TEST_CASE("a checkpoint empties the log; without one it only grows") {
  testing::TempDir dir;
  Database database = open(dir / "a.db", {.autocheckpoint_pages = 0});
  REQUIRE(database.script("CREATE TABLE t(x)"));
  int before = database.wal_pages();
  for (int i = 0; i < 50; ++i) REQUIRE(database.run("INSERT INTO t VALUES (zeroblob(4000))"));
  CHECK(database.wal_pages() >= before + 50);
  REQUIRE(database.checkpoint());
  CHECK(database.wal_pages() == 0);
  CHECK(std::filesystem::file_size(dir / "a.db") > 50 * 4000);
}
