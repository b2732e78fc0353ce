// What is acknowledged is stored, whatever the disk does: databases on a disk that fails at each of its operations.
#include "support/disk/faulty_disk.h"

#include <doctest/doctest.h>
#include <signal.h>
#include <sys/resource.h>

#include <set>

#include "store/sqlite.h"
#include "support/process/child_process.h"
#include "support/temp_dir.h"

using namespace usher;
using store::Database;
using store::Durability;
using store::Row;
using store::Transaction;
using testing::DiskFault;
using testing::DiskOperation;
using testing::DiskRule;
using testing::FaultyDisk;

namespace {

namespace fs = std::filesystem;

using Rows = std::set<std::int64_t>;

const std::vector<DiskRule> full_disk = {{"a.db", DiskOperation::write, 1, true, DiskFault::full}};

Result<Database> open(const fs::path& file, Durability durability = Durability::full) {
  return Database::open(file, {.durability = durability, .autocheckpoint_pages = 0});
}

constexpr const char* schema = "CREATE TABLE t(x INTEGER PRIMARY KEY, filler BLOB)";
constexpr const char* const first_version[] = {schema};
constexpr const char* const second_version[] = {
    schema, "ALTER TABLE t ADD COLUMN y; CREATE INDEX t_y ON t(y); INSERT INTO t SELECT x + 1000, filler, 7 FROM t"};

Database open_with_table(const fs::path& file, Durability durability = Durability::full) {
  Result<Database> database = open(file, durability);
  REQUIRE_MESSAGE(database, database.error().message);
  REQUIRE(store::migrate(*database, first_version));
  return std::move(*database);
}

// One row and some pages, in a transaction.
Result<void> insert(Database& database, std::int64_t value) {
  Result<Transaction> transaction = Transaction::begin(database);
  if (!transaction) return fail(std::move(transaction.error()));
  Result<void> done = database.run("INSERT INTO t(x, filler) VALUES (?, zeroblob(9000))", {value});
  if (done) done = transaction->commit();
  return done;
}

Rows rows_of(Database& database) {
  Rows rows;
  Result<void> read = database.query("SELECT x FROM t", {}, [&](const Row& row) { rows.insert(row.integer(0)); });
  REQUIRE_MESSAGE(read, read.error().message);
  return rows;
}

std::int64_t version_of(Database& database) {
  std::int64_t version = -1;
  REQUIRE(database.query("PRAGMA user_version", {}, [&](const Row& row) { version = row.integer(0); }));
  return version;
}

std::string integrity_of(Database& database) {
  std::string found;
  Result<void> read = database.query("PRAGMA integrity_check", {}, [&](const Row& row) { found += row.text(0); });
  return read ? found : read.error().message;
}

// The database as a kill at this moment leaves it.
Database as_after_a_kill(const fs::path& file, const fs::path& folder) {
  fs::create_directories(folder);
  for (const char* suffix : {"", "-wal"}) {
    fs::copy_file(file.string() + suffix, (folder / "copy.db").string() + suffix, fs::copy_options::overwrite_existing);
  }
  Result<Database> copy = open(folder / "copy.db");
  REQUIRE_MESSAGE(copy, copy.error().message);
  return std::move(*copy);
}

// Twelve transactions with two checkpoints among them; which of them were acknowledged.
Rows work(Database& database) {
  Rows acknowledged;
  for (std::int64_t value = 0; value < 12; ++value) {
    if (insert(database, value)) acknowledged.insert(value);
    if (value % 5 == 4) (void)database.checkpoint();
  }
  return acknowledged;
}

// Works with the nth operation failing and looks at what is there: in the same connection, after a kill and after
// closing. False when there is no nth operation.
bool survives_failure_of(const DiskRule& rule, Durability durability) {
  testing::TempDir dir;
  FaultyDisk disk;
  Rows acknowledged;
  {
    Database database = open_with_table(dir / "a.db", durability);
    disk.fail({rule});
    acknowledged = work(database);
    const bool has_failed = disk.failures() > 0;
    disk.mend();
    if (!has_failed) return false;
    CHECK(rows_of(database) == acknowledged);
    CHECK(insert(database, 100));  // it recovers by itself
    acknowledged.insert(100);
    Database killed = as_after_a_kill(dir / "a.db", dir / "copy");
    CHECK(rows_of(killed) == acknowledged);
    CHECK(integrity_of(killed) == "ok");
  }
  Result<Database> reopened = open(dir / "a.db");
  REQUIRE_MESSAGE(reopened, reopened.error().message);
  CHECK(rows_of(*reopened) == acknowledged);
  CHECK(integrity_of(*reopened) == "ok");
  return true;
}

}  // namespace

TEST_CASE("whichever operation of the disk fails, exactly the acknowledged transactions are there") {
  for (const Durability durability : {Durability::full, Durability::normal}) {
    for (const DiskOperation operation : {DiskOperation::write, DiskOperation::sync, DiskOperation::truncate}) {
      for (const DiskFault fault : {DiskFault::full, DiskFault::broken, DiskFault::half_write}) {
        std::size_t nth = 1;
        while (survives_failure_of({"a.db", operation, nth, false, fault}, durability)) {
          CAPTURE(nth);
          ++nth;
        }
        // As many operations as were counted on really are there to fail.
        if (operation == DiskOperation::write) CHECK(nth > 50);
        if (operation == DiskOperation::sync) CHECK(nth > 2);
      }
    }
  }
}

TEST_CASE("while the disk is full nothing is acknowledged, and when there is room again everything goes on by itself") {
  testing::TempDir dir;
  FaultyDisk disk;
  Database database = open_with_table(dir / "a.db");
  REQUIRE(insert(database, 1));
  disk.fail(full_disk);
  for (std::int64_t value = 2; value < 6; ++value) {
    const Result<void> inserted = insert(database, value);
    REQUIRE_FALSE(inserted);
    CHECK(inserted.error().kind == ErrorKind::io);
    CHECK(inserted.error().message.contains("a.db"));
    CHECK(inserted.error().message.contains("full"));
    CHECK(rows_of(database) == Rows{1});  // reading goes on
  }
  disk.mend();
  CHECK(insert(database, 7));
  CHECK(rows_of(database) == Rows{1, 7});
}

TEST_CASE("a process killed at any write or sync leaves exactly what it had acknowledged, or one transaction more") {
  for (const DiskOperation operation : {DiskOperation::write, DiskOperation::sync}) {
    for (std::size_t nth = 1; nth < 200; ++nth) {
      CAPTURE(nth);
      testing::TempDir dir;
      // Acknowledged as a caller sees it: outside of the process.
      const auto note = [&](std::int64_t value) { fs::create_directory(dir / std::to_string(value)); };
      testing::ChildProcess child([&] {
        FaultyDisk disk;
        Result<Database> database = open(dir / "a.db");
        if (!database || !store::migrate(*database, first_version)) return false;
        disk.fail({{"a.db", operation, nth, false, DiskFault::kill}});
        for (std::int64_t value = 0; value < 12; ++value) {
          if (insert(*database, value)) note(value);
          if (value % 5 == 4) (void)database->checkpoint();
        }
        return true;
      });
      const bool has_ended = child.succeeded();
      std::size_t acknowledged = 0;
      while (fs::exists(dir / std::to_string(acknowledged))) ++acknowledged;
      Result<Database> database = open(dir / "a.db");
      REQUIRE_MESSAGE(database, database.error().message);
      const Rows rows = rows_of(*database);
      CHECK(integrity_of(*database) == "ok");
      CHECK(rows.size() >= acknowledged);
      CHECK(rows.size() <= acknowledged + 1);  // committed, and killed before it could say so
      if (!rows.empty()) CHECK(*rows.rbegin() == static_cast<std::int64_t>(rows.size()) - 1);
      if (has_ended) break;
    }
  }
}

TEST_CASE("a database that cannot be opened says which, and can be opened when the disk lets it") {
  testing::TempDir dir;
  FaultyDisk disk;
  {
    REQUIRE(insert(*std::make_unique<Database>(open_with_table(dir / "a.db")), 1));
  }
  for (const char* name : {"a.db", "a.db-wal"}) {
    disk.fail({{name, DiskOperation::open, 1, true, DiskFault::broken}});
    Result<Database> refused = open(dir / "a.db");
    REQUIRE_FALSE(refused);
    CHECK(refused.error().kind == ErrorKind::io);
    CHECK(refused.error().message.contains("a.db"));
  }
  disk.mend();
  Database database = open_with_table(dir / "a.db");
  CHECK(rows_of(database) == Rows{1});
}

TEST_CASE("a migration that the disk interrupts leaves the old version whole, and is done at the next open") {
  bool is_done = false;
  for (std::size_t nth = 1; !is_done; ++nth) {
    CAPTURE(nth);
    REQUIRE(nth < 100);
    testing::TempDir dir;
    FaultyDisk disk;
    {
      Database database = open_with_table(dir / "a.db");
      REQUIRE(insert(database, 1));
      disk.fail({{"a.db", DiskOperation::write, nth, false, DiskFault::half_write}});
      is_done = store::migrate(database, second_version).has_value();
      if (is_done) continue;
      CHECK(rows_of(database) == Rows{1});
      CHECK(version_of(database) == 1);
    }
    disk.mend();
    Database database = open_with_table(dir / "a.db");
    CHECK(rows_of(database) == Rows{1});
    REQUIRE(store::migrate(database, second_version));
    CHECK(rows_of(database) == Rows{1, 1001});
    CHECK(integrity_of(database) == "ok");
  }
}

// Its bytes are in the log, and only whether they reached the platter is not known.
TEST_CASE("what fails in its sync is undone while the process lives, and afterwards there as a whole or not at all") {
  testing::TempDir dir;
  FaultyDisk disk;
  {
    Database database = open_with_table(dir / "a.db");
    REQUIRE(insert(database, 1));
    disk.fail({{"a.db", DiskOperation::sync, 1, false, DiskFault::broken}});
    REQUIRE_FALSE(store::migrate(database, second_version));
    CHECK(rows_of(database) == Rows{1});
    CHECK(version_of(database) == 1);
  }
  Result<Database> database = open(dir / "a.db");
  REQUIRE(database);
  CHECK(rows_of(*database) == (version_of(*database) == 1 ? Rows{1} : Rows{1, 1001}));
  CHECK(integrity_of(*database) == "ok");
}

TEST_CASE("a migration that is killed anywhere has happened as a whole or not at all") {
  bool has_ended = false;
  for (std::size_t nth = 1; !has_ended; ++nth) {
    CAPTURE(nth);
    REQUIRE(nth < 100);
    testing::TempDir dir;
    {
      REQUIRE(insert(*std::make_unique<Database>(open_with_table(dir / "a.db")), 1));
    }
    testing::ChildProcess child([&] {
      FaultyDisk disk;
      Result<Database> opened = open(dir / "a.db");
      disk.fail({{"a.db", DiskOperation::write, nth, false, DiskFault::kill}});
      return opened && store::migrate(*opened, second_version);
    });
    has_ended = child.succeeded();
    Result<Database> database = open(dir / "a.db");
    REQUIRE(database);
    CHECK(rows_of(*database) == (version_of(*database) == 1 ? Rows{1} : Rows{1, 1001}));
    if (has_ended) CHECK(version_of(*database) == 2);
    CHECK(integrity_of(*database) == "ok");
  }
}

TEST_CASE("a database that finds no room for its first bytes leaves nothing behind") {
  testing::TempDir dir;
  const std::string image = store::empty_image(first_version).value();
  REQUIRE(image.size() > 4096);
  testing::ChildProcess child([&] {
    // No file of this process may become larger.
    ::signal(SIGXFSZ, SIG_IGN);
    const rlimit limit{4096, 4096};
    if (::setrlimit(RLIMIT_FSIZE, &limit) != 0) return false;
    const Result<void> made = store::create_from_image(dir / "a.db", image);
    return !made && made.error().kind == ErrorKind::io && made.error().message.contains("a.db");
  });
  CHECK(child.succeeded());
  CHECK(fs::is_empty(dir.path()));
  REQUIRE(store::create_from_image(dir / "a.db", image));
  Database database = open_with_table(dir / "a.db");
  CHECK(insert(database, 1));
}

TEST_CASE("the rules of a disk are read, and anything else is refused") {
  const auto rules = testing::disk_rules_of("gateway.db write 1+ full\nx-wal sync 12 kill\n");
  REQUIRE(rules);
  REQUIRE(rules->size() == 2);
  CHECK((*rules)[0].file == "gateway.db");
  CHECK((*rules)[0].is_lasting);
  CHECK((*rules)[1].nth == 12);
  CHECK((*rules)[1].fault == DiskFault::kill);
  CHECK(testing::disk_rules_of("")->empty());
  for (const char* bad : {"a.db write 0 full", "a.db write x full", "a.db read 1 full", "a.db write 1 slow",
                          "a.db write 1", "a.db write 1 full more", "\n"}) {
    CAPTURE(bad);
    CHECK_FALSE(testing::disk_rules_of(bad));
  }
}
