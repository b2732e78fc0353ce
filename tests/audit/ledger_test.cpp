#include <sys/resource.h>

#include <csignal>

#include "audit/ledger_fixture.h"
#include "support/process/child_process.h"

using namespace usher;
using namespace usher::audit;
using testing::check_chain;
using testing::LedgerFixture;
using testing::record_of;
using testing::run_until;
using testing::stored_head;

namespace {

// Begins so many appends at once, waits for all.
std::vector<Result<void>> append_at_once(LedgerFixture& f, int count) {
  std::vector<Result<void>> outcomes(static_cast<std::size_t>(count), fail(ErrorKind::internal, "unanswered"));
  int open = count;
  for (int i = 0; i < count; ++i) {
    asio::co_spawn(f.loop, f.ledger->append(record_of(++f.appended)),
                   [&, i](const std::exception_ptr& error, Result<void> outcome) {
                     if (!error) outcomes[static_cast<std::size_t>(i)] = std::move(outcome);
                     if (--open == 0) f.loop.stop();
                   });
  }
  f.loop.restart();
  f.loop.run();
  return outcomes;
}

std::uint64_t signed_rows(const LedgerFixture& f) {
  Result<std::optional<Checkpoint>> newest = newest_checkpoint(f.checkpoint_file(), f.key.verify_key());
  REQUIRE(newest);
  return *newest ? (*newest)->size : 0;
}

}  // namespace

TEST_CASE("a row that was appended is on disk, chained to the one before, and survives a restart") {
  LedgerFixture f;
  for (int life = 0; life < 3; ++life) {
    f.open();
    f.append(7);
    f.close();
  }
  const std::vector<Row> rows = f.rows();
  REQUIRE(rows.size() == 21);
  check_chain(rows);
  CHECK(rows[4].record.detail == "row 5");
  CHECK(rows[4].at == f.clock.wall());
}

TEST_CASE("appends begun in order are stored in order, several together one after the other") {
  LedgerFixture f;
  f.open();
  for (const Result<void>& outcome : append_at_once(f, 500)) CHECK(outcome);
  REQUIRE(testing::run_task(f.loop, f.ledger->append_all({record_of(501), record_of(502), record_of(503)})));
  const std::vector<Row> rows = f.rows();
  REQUIRE(rows.size() == 503);
  for (std::size_t i = 0; i < rows.size(); ++i) CHECK(rows[i].record.detail == "row " + std::to_string(i + 1));
  check_chain(rows);
}

TEST_CASE("two processes may append to one ledger, and no row forks the chain") {
  LedgerFixture f;
  f.open();
  auto other = open_ledger(f.options(), f.clock, f.loop.get_executor(), f.pool.get_executor());
  REQUIRE(other);
  for (int i = 0; i < 20; ++i) {
    f.append(1);
    REQUIRE(testing::run_task(f.loop, (*other)->append(record_of(++f.appended))));
  }
  const std::vector<Row> rows = f.rows();
  CHECK(rows.size() == 40);
  check_chain(rows);
  f.checkpoint();
  REQUIRE(testing::run_task(f.loop, (*other)->checkpoint()));
  CHECK(signed_rows(f) == 40);
}

TEST_CASE("more rows than may wait are refused, not queued, and none of them is stored") {
  LedgerFixture f;
  LedgerOptions options = f.options();
  options.max_waiting = 10;
  auto ledger = open_ledger(std::move(options), f.clock, f.loop.get_executor(), f.pool.get_executor());
  REQUIRE(ledger);
  f.ledger = std::move(*ledger);
  std::size_t stored = 0;
  for (const Result<void>& outcome : append_at_once(f, 30)) {
    if (outcome) ++stored;
    if (!outcome) CHECK(outcome.error().kind == ErrorKind::limit);
  }
  CHECK(stored == 10);
  CHECK(f.rows().size() == stored);
  f.append(1);
}

TEST_CASE("a checkpoint is signed after so many rows, after so long, and at the end") {
  LedgerFixture f;
  SUBCASE("so many rows") {
    f.checkpoint_rows = 5;
    f.open();
    f.append(5);
    run_until(f, [&] { return signed_rows(f) == 5; });
  }
  SUBCASE("so long") {
    f.checkpoint_every = std::chrono::milliseconds(1);
    f.open();
    f.append(3);
    run_until(f, [&] { return signed_rows(f) == 3; });
  }
  SUBCASE("the end") {
    f.open();
    f.append(4);
    run_until(f, [] { return true; });
    CHECK(signed_rows(f) == 4);
  }
  SUBCASE("what an earlier life left unsigned") {
    f.checkpoint_every = std::chrono::milliseconds(1);
    f.open();
    f.append(2);
    f.close();
    f.open();
    run_until(f, [&] { return signed_rows(f) == 2; });
  }
}

TEST_CASE("what is appended while a checkpoint is signed is signed at the end too") {
  LedgerFixture f;
  bool is_told = false;
  // The witness is told within the checkpoint; by then one more row is there, and the end has come.
  f.witness = [&](std::string) -> Task<void> {
    if (is_told) co_return;
    is_told = true;
    Result<void> appended = co_await f.ledger->append(record_of(99));
    CHECK(appended);
    f.ledger->stop();
  };
  f.checkpoint_rows = 3;
  f.open();
  f.append(3);
  run_until(f, [&] { return is_told; });
  CHECK(signed_rows(f) == 4);
}

TEST_CASE("every checkpoint has the root of the rows that it counts") {
  LedgerFixture f;
  f.open();
  Head head;
  for (int i = 0; i < 30; ++i) {
    f.append(1 + i % 3);
    f.checkpoint();
    Result<std::optional<Checkpoint>> newest = newest_checkpoint(f.checkpoint_file(), f.key.verify_key());
    REQUIRE(newest);
    const std::vector<Row> rows = f.rows();
    while (head.size() < rows.size()) head.add(rows[head.size()]);
    CHECK(**newest == Checkpoint{"usher", head.size(), head.frontier.root()});
    CHECK(stored_head(f) == head);
  }
}

TEST_CASE("the witness is told each checkpoint word for word") {
  LedgerFixture f;
  std::vector<std::string> told;
  f.witness = [&told](std::string note) -> Task<void> {
    told.push_back(std::move(note));
    co_return;
  };
  f.make(3);
  REQUIRE(told.size() == 1);
  CHECK(open_checkpoint(told[0], f.key.verify_key())->size == 3);
}

TEST_CASE("a row that cannot be written fails its append and is not there; when space returns appends work again") {
  // A process of its own: a limit on the size of files stands in for a full disk.
  testing::ChildProcess child([] {
    LedgerFixture f;
    f.open();
    f.append(3);
    std::signal(SIGXFSZ, SIG_IGN);
    const auto limit_files = [](rlim_t most) {
      struct rlimit limit{};
      ::getrlimit(RLIMIT_FSIZE, &limit);
      limit.rlim_cur = most;
      ::setrlimit(RLIMIT_FSIZE, &limit);
    };
    limit_files(1);
    bool is_refused = true;
    for (const Result<void>& outcome : append_at_once(f, 20)) is_refused = is_refused && !outcome;
    const bool is_unsigned = !testing::run_task(f.loop, f.ledger->checkpoint());
    limit_files(RLIM_INFINITY);
    const bool is_back = f.append(record_of(99)).has_value();
    const std::vector<Row> rows = f.rows();
    check_chain(rows);
    f.checkpoint();
    f.close();
    return is_refused && is_unsigned && is_back && rows.size() == 4 && rows[3].record.detail == "row 99" &&
           f.try_open().has_value();
  });
  CHECK(child.succeeded());
}
