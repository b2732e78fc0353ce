#include "store/quarantine.h"

#include <doctest/doctest.h>
#include <sys/stat.h>

#include <fstream>
#include <iterator>

#include "store/sqlite.h"
#include "support/temp_dir.h"

using namespace usher;
using namespace std::chrono_literals;
using store::quarantine;

namespace {

namespace fs = std::filesystem;

const WallTime noon{std::chrono::sys_days{std::chrono::year{2026} / 11 / 21} + 12h + 3min + 4s + 5ms};

void write(const fs::path& file, const std::string& bytes) {
  std::ofstream(file, std::ios::binary | std::ios::trunc) << bytes;
}
std::string bytes_of(const fs::path& file) {
  std::ifstream in(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
}

}  // namespace

TEST_CASE("a database and its log are set aside together, under a name that says when, and stay private") {
  testing::TempDir dir;
  write(dir / "a.db", "database");
  write(dir / "a.db-wal", "log");
  REQUIRE(::chmod((dir / "a.db").c_str(), 0600) == 0);
  const Result<fs::path> aside = quarantine(dir / "a.db", noon);
  REQUIRE_MESSAGE(aside, aside.error().message);
  CHECK(aside->filename() == "a.db.corrupt-20261121T120304.005Z");
  CHECK(bytes_of(*aside) == "database");
  CHECK(bytes_of(aside->string() + "-wal") == "log");
  CHECK_FALSE(fs::exists(dir / "a.db"));
  CHECK_FALSE(fs::exists(dir / "a.db-wal"));
  CHECK((fs::status(*aside).permissions() & fs::perms::all) == (fs::perms::owner_read | fs::perms::owner_write));
}

TEST_CASE("what was set aside before is never replaced, neither a database nor a log") {
  testing::TempDir dir;
  for (const char* content : {"first", "second", "third"}) {
    write(dir / "a.db", content);
    REQUIRE(quarantine(dir / "a.db", noon));
  }
  write(dir / "a.db.corrupt-20261121T120304.005Z-4-wal", "a log alone");
  write(dir / "a.db", "fourth");
  write(dir / "a.db-wal", "fourth log");
  const Result<fs::path> fourth = quarantine(dir / "a.db", noon);
  REQUIRE(fourth);
  CHECK(bytes_of(dir / "a.db.corrupt-20261121T120304.005Z") == "first");
  CHECK(bytes_of(dir / "a.db.corrupt-20261121T120304.005Z-2") == "second");
  CHECK(bytes_of(dir / "a.db.corrupt-20261121T120304.005Z-3") == "third");
  CHECK(bytes_of(dir / "a.db.corrupt-20261121T120304.005Z-4-wal") == "a log alone");
  CHECK(bytes_of(*fourth) == "fourth");
  CHECK(bytes_of(fourth->string() + "-wal") == "fourth log");
}

TEST_CASE("when the database cannot be moved its log stays beside it") {
  testing::TempDir dir;
  write(dir / "a.db-wal", "log");
  const Result<fs::path> aside = quarantine(dir / "a.db", noon);
  REQUIRE_FALSE(aside);
  CHECK(aside.error().kind == ErrorKind::io);
  CHECK(aside.error().message.contains("a.db"));
  CHECK(bytes_of(dir / "a.db-wal") == "log");
}

TEST_CASE("a database is set aside while it is open, and a fresh one takes its place at once") {
  testing::TempDir dir;
  const auto open = [&](const fs::path& file) {
    Result<store::Database> database = store::Database::open(file, {.checkpoints_on_close = false});
    REQUIRE_MESSAGE(database, database.error().message);
    return std::move(*database);
  };
  const auto count = [](store::Database& database) {
    std::int64_t rows = -1;
    REQUIRE(database.query("SELECT count(*) FROM sqlite_schema", {},
                           [&](const store::Row& row) { rows = row.integer(0); }));
    return rows;
  };
  fs::path aside;
  {
    store::Database old = open(dir / "a.db");
    REQUIRE(old.script("CREATE TABLE t(x)"));
    const Result<fs::path> moved = quarantine(dir / "a.db", noon);
    REQUIRE(moved);
    aside = *moved;
    store::Database fresh = open(dir / "a.db");
    CHECK(count(fresh) == 0);
    REQUIRE(old.script("CREATE TABLE u(x)"));
    REQUIRE(fresh.script("CREATE TABLE v(x)"));
    CHECK(count(old) == 2);
    CHECK(count(fresh) == 1);
  }
  store::Database old = open(aside);
  CHECK(count(old) == 2);
  store::Database fresh = open(dir / "a.db");
  CHECK(count(fresh) == 1);
}
