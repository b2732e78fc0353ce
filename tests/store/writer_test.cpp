#include "store/writer.h"

#include <doctest/doctest.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <future>
#include <thread>

#include "support/run_task.h"
#include "support/temp_dir.h"

using namespace usher;
using store::Database;
using store::Row;
using store::Writer;

namespace {

Database open(const std::filesystem::path& file) {
  Result<Database> database = Database::open(file, {.durability = store::Durability::full, .autocheckpoint_pages = 0});
  REQUIRE(database);
  REQUIRE(
      database->script("CREATE TABLE IF NOT EXISTS t(x INTEGER PRIMARY KEY);"
                       "CREATE TABLE IF NOT EXISTS big(x);"
                       "CREATE TABLE IF NOT EXISTS c(x REFERENCES t DEFERRABLE INITIALLY DEFERRED)"));
  return std::move(*database);
}

Writer::Job insert(std::int64_t value) {
  return [value](Database& database) { return database.run("INSERT INTO t VALUES (?)", {value}); };
}

std::int64_t rows_of(const std::filesystem::path& file) {
  Database database = open(file);
  std::int64_t count = -1;
  REQUIRE(database.query("SELECT count(*) FROM t", {}, [&](const Row& row) { count = row.integer(0); }));
  return count;
}

// Holds the writer thread inside a job, so that what is queued meanwhile becomes one group.
class Gate {
 public:
  Writer::Job job() {
    return [this](Database&) -> Result<void> {
      entered_.set_value();
      opened_.get_future().wait();
      return {};
    };
  }
  void wait_until_entered() { entered_.get_future().wait(); }
  void open() { opened_.set_value(); }

 private:
  std::promise<void> entered_, opened_;
};

}  // namespace

TEST_CASE("a submitted job is committed when its coroutine resumes, on the loop") {
  testing::TempDir dir;
  asio::io_context loop(1);
  Writer writer(open(dir / "a.db"), loop.get_executor());
  auto body = [](Writer& w) -> Task<int> {
    const auto loop_thread = std::this_thread::get_id();
    std::thread::id job_thread;
    Result<void> first = co_await w.submit([&](Database& database) {
      job_thread = std::this_thread::get_id();
      return database.run("INSERT INTO t VALUES (1)");
    });
    CHECK(first);
    CHECK(job_thread != loop_thread);
    CHECK(std::this_thread::get_id() == loop_thread);
    std::int64_t count = 0;
    Result<void> second = co_await w.submit([&](Database& database) {
      CHECK(database.is_in_transaction());
      return database.query("SELECT count(*) FROM t", {}, [&](const Row& row) { count = row.integer(0); });
    });
    CHECK(second);
    CHECK(count == 1);
    co_return 0;
  };
  testing::run_task(loop, body(writer));
}

TEST_CASE("a failing job is undone alone: its group is committed") {
  testing::TempDir dir;
  {
    asio::io_context loop(1);
    Writer writer(open(dir / "a.db"), loop.get_executor());
    Gate gate;
    writer.post(gate.job());
    gate.wait_until_entered();
    std::vector<std::string> outcomes;
    auto record = [&](Result<void> outcome) { outcomes.push_back(outcome ? "ok" : outcome.error().message); };
    writer.post(insert(1), record);
    writer.post(
        [](Database& database) -> Result<void> {
          Result<void> done = database.run("INSERT INTO t VALUES (2)");
          if (!done) return done;
          return fail(ErrorKind::denied, "changed my mind");
        },
        record);
    writer.post([](Database&) -> Result<void> { throw std::runtime_error("boom"); }, record);
    writer.post(insert(1), record);
    writer.post(insert(3), record);
    gate.open();
    loop.run();
    REQUIRE(outcomes.size() == 5);
    CHECK(outcomes[0] == "ok");
    CHECK(outcomes[1] == "changed my mind");
    CHECK(outcomes[2].find("boom") != std::string::npos);
    CHECK(outcomes[3].find("UNIQUE") != std::string::npos);
    CHECK(outcomes[4] == "ok");
  }
  CHECK(rows_of(dir / "a.db") == 2);
}

TEST_CASE("a job that fails alone is undone") {
  testing::TempDir dir;
  {
    asio::io_context loop(1);
    Writer writer(open(dir / "a.db"), loop.get_executor());
    Result<void> outcome;
    writer.post(
        [](Database& database) -> Result<void> {
          (void)database.run("INSERT INTO t VALUES (2)");
          return fail(ErrorKind::denied, "no");
        },
        [&](Result<void> result) { outcome = std::move(result); });
    loop.run();
    REQUIRE_FALSE(outcome);
    CHECK(outcome.error().kind == ErrorKind::denied);
  }
  CHECK(rows_of(dir / "a.db") == 0);
}

TEST_CASE("a commit that fails fails every job of its group, and the next group is fine") {
  testing::TempDir dir;
  {
    asio::io_context loop(1);
    Writer writer(open(dir / "a.db"), loop.get_executor());
    Gate gate;
    writer.post(gate.job());
    gate.wait_until_entered();
    int failed = 0;
    auto count_failures = [&](Result<void> outcome) { failed += outcome ? 0 : 1; };
    writer.post(insert(1), count_failures);
    // The foreign key is checked at COMMIT.
    writer.post([](Database& database) { return database.run("INSERT INTO c VALUES (99)"); }, count_failures);
    writer.post(insert(2), count_failures);
    gate.open();
    loop.run();
    CHECK(failed == 3);
    loop.restart();
    Result<void> next = fail(ErrorKind::internal, "not run");
    writer.post(insert(1), [&](Result<void> outcome) { next = std::move(outcome); });
    loop.run();
    CHECK(next);
  }
  CHECK(rows_of(dir / "a.db") == 1);
}

TEST_CASE("a full queue refuses at once, and what was accepted is still answered") {
  testing::TempDir dir;
  asio::io_context loop(1);
  Writer writer(open(dir / "a.db"), loop.get_executor(), 2);
  Gate gate;
  writer.post(gate.job());
  gate.wait_until_entered();
  std::vector<bool> outcomes;
  ErrorKind kind{};
  for (std::int64_t i = 0; i < 4; ++i) {
    writer.post(insert(i), [&](Result<void> outcome) {
      outcomes.push_back(outcome.has_value());
      if (!outcome) kind = outcome.error().kind;
    });
  }
  while (outcomes.size() < 2) loop.run_one();
  CHECK(outcomes == std::vector<bool>{false, false});
  CHECK(kind == ErrorKind::limit);
  gate.open();
  loop.run();
  CHECK(outcomes == std::vector<bool>{false, false, true, true});
}

TEST_CASE("the destructor commits what is queued") {
  testing::TempDir dir;
  asio::io_context loop(1);
  {
    Writer writer(open(dir / "a.db"), loop.get_executor());
    for (std::int64_t i = 0; i < 100; ++i) writer.post(insert(i));
  }
  CHECK(rows_of(dir / "a.db") == 100);
}

TEST_CASE("jobs run in the order they were submitted, whatever the grouping") {
  testing::TempDir dir;
  asio::io_context loop(1);
  std::vector<int> order, answered;
  Writer writer(open(dir / "a.db"), loop.get_executor());
  for (int i = 0; i < 2000; ++i) {
    writer.post(
        [i, &order](Database&) -> Result<void> {
          order.push_back(i);
          return {};
        },
        [i, &answered](const Result<void>&) { answered.push_back(i); });
  }
  loop.run();
  REQUIRE(order.size() == 2000);
  CHECK(std::is_sorted(order.begin(), order.end()));
  CHECK(answered == order);
}

TEST_CASE("the log stays bounded while the writer is kept busy") {
  testing::TempDir dir;
  asio::io_context loop(1);
  Writer writer(open(dir / "a.db"), loop.get_executor());
  int committed = 0;
  for (int round = 0; round < 12; ++round) {
    for (int i = 0; i < 500; ++i) {
      writer.post([](Database& database) { return database.run("INSERT INTO big VALUES (zeroblob(16000))"); },
                  [&](Result<void> outcome) { committed += outcome ? 1 : 0; });
    }
    loop.restart();
    loop.run();
  }
  CHECK(committed == 6000);
  CHECK(std::filesystem::file_size(dir / "a.db") > 6000 * 8000ull);
  CHECK(std::filesystem::file_size(dir / "a.db-wal") < (2048 + 4096) * 4120ull);
}
