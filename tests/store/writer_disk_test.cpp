// The writer on a disk that fails: whose group cannot be committed is told so, and the next groups need nobody's help.
#include <doctest/doctest.h>

#include <future>

#include "store/writer.h"
#include "support/disk/faulty_disk.h"
#include "support/run_task.h"
#include "support/temp_dir.h"

using namespace usher;
using store::Database;
using store::Row;
using store::Writer;
using testing::DiskFault;
using testing::DiskOperation;
using testing::FaultyDisk;

namespace {

struct Fixture {
  testing::TempDir dir;
  FaultyDisk disk;
  asio::io_context loop{1};
  std::optional<Writer> writer;
  std::vector<std::string> outcomes;  // "ok", or the message

  Fixture() {
    Result<Database> database = open();
    REQUIRE(database->script("CREATE TABLE t(x INTEGER PRIMARY KEY, filler BLOB)"));
    writer.emplace(std::move(*database), loop.get_executor());
  }
  Result<Database> open() {
    Result<Database> database =
        Database::open(dir / "a.db", {.durability = store::Durability::full, .autocheckpoint_pages = 0});
    REQUIRE_MESSAGE(database, database.error().message);
    return database;
  }

  void insert(std::int64_t value, std::int64_t bytes = 10) {
    writer->post(
        [value, bytes](Database& database) {
          return database.run("INSERT INTO t VALUES (?, zeroblob(?))", {value, bytes});
        },
        [&](const Result<void>& outcome) { outcomes.push_back(outcome ? "ok" : outcome.error().message); });
  }
  // Jobs of one group: what `submit` posts waits until the writer has gone past a job that waits for it.
  template <class F>
  std::vector<std::string> outcomes_of_group(F submit) {
    std::promise<void> entered, released;
    writer->post([&](Database&) -> Result<void> {
      entered.set_value();
      released.get_future().wait();
      return {};
    });
    entered.get_future().wait();
    submit();
    released.set_value();
    outcomes.clear();
    loop.restart();
    loop.run();
    return outcomes;
  }
  std::int64_t rows_after_closing() {
    writer.reset();
    disk.mend();
    Result<Database> database = open();
    std::int64_t rows = -1;
    std::string integrity;
    REQUIRE(database->query("SELECT count(*) FROM t", {}, [&](const Row& row) { rows = row.integer(0); }));
    REQUIRE(database->query("PRAGMA integrity_check", {}, [&](const Row& row) { integrity += row.text(0); }));
    CHECK(integrity == "ok");
    return rows;
  }
};

}  // namespace

TEST_CASE("a group that the disk does not take fails every job of it, and later groups succeed by themselves") {
  for (const DiskOperation operation : {DiskOperation::write, DiskOperation::sync}) {
    for (const DiskFault fault : {DiskFault::full, DiskFault::broken, DiskFault::half_write}) {
      Fixture f;
      f.disk.fail({{"a.db", operation, 1, true, fault}});
      const auto three = [&](std::int64_t first) {
        return f.outcomes_of_group([&] {
          for (std::int64_t value = first; value < first + 3; ++value) f.insert(value);
        });
      };
      for (const std::int64_t first : {0, 10, 20}) {
        for (const std::string& outcome : three(first)) CHECK(outcome.contains("a.db"));
        CHECK(f.outcomes.size() == 3);
      }
      f.disk.mend();
      CHECK(three(30) == std::vector<std::string>(3, "ok"));
      CHECK(f.rows_after_closing() == 3);
    }
  }
}

TEST_CASE(
    "a job too large for the cache, which meets the full disk in the middle of its group, lets nothing half done") {
  Fixture f;
  f.disk.fail({{"a.db", DiskOperation::write, 1, true, DiskFault::full}});
  const std::vector<std::string> outcomes = f.outcomes_of_group([&] {
    f.insert(1);
    f.insert(2, 4'000'000);
    f.insert(3);
  });
  CHECK(outcomes.size() == 3);
  for (const std::string& outcome : outcomes) CHECK(outcome != "ok");
  f.disk.mend();
  CHECK(f.outcomes_of_group([&] { f.insert(4); }) == std::vector<std::string>{"ok"});
  CHECK(f.rows_after_closing() == 1);
}

TEST_CASE("while the log cannot be copied back commits go on, and it is bounded again when it can be") {
  Fixture f;
  std::int64_t value = 0;
  // 8800 pages, more than the log may have.
  const auto write_much = [&] {
    return f.outcomes_of_group([&] {
      for (int i = 0; i < 400; ++i) f.insert(++value, 88'000);
    });
  };
  f.disk.fail({{"a.db$", DiskOperation::write, 1, true, DiskFault::broken}});
  for (int round = 0; round < 2; ++round) CHECK(write_much() == std::vector<std::string>(400, "ok"));
  CHECK(f.disk.failures() > 0);
  f.disk.mend();
  for (int round = 0; round < 3; ++round) CHECK(write_much() == std::vector<std::string>(400, "ok"));
  CHECK(std::filesystem::file_size(f.dir / "a.db-wal") < 3 * 8800 * 4120);
  CHECK(f.rows_after_closing() == 2000);
}
