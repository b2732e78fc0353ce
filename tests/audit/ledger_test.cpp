#include <sys/resource.h>

#include <csignal>
#include <filesystem>
#include <fstream>

#include "audit/ledger_fixture.h"
#include "support/child_process.h"

using namespace usher;
using namespace usher::audit;
using testing::LedgerFixture;
using testing::record_of;

namespace {

// The chain and the tree of what is stored, from the first row on.
void check_chain(const std::vector<Row>& rows) {
  Head head;
  for (const Row& row : rows) {
    REQUIRE(row.number == head.size() + 1);
    REQUIRE(hash_of(row, head.last) == row.hash);
    head.add(row);
  }
}

Head stored_head(const LedgerFixture& f) {
  Result<std::unique_ptr<LedgerReader>> reader = open_ledger_reader(f.file());
  REQUIRE(reader);
  Result<Head> head = (*reader)->head();
  REQUIRE(head);
  return *head;
}

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

// Runs the ledger's own coroutine until `done`, then to its end.
void run_until(LedgerFixture& f, const std::function<bool()>& done) {
  bool has_ended = false;
  asio::co_spawn(f.loop, f.ledger->run(), [&](const std::exception_ptr& error) {
    CHECK_FALSE(error);
    has_ended = true;
  });
  f.loop.restart();
  while (!done()) REQUIRE(f.loop.run_one_for(std::chrono::seconds(30)) == 1);
  f.ledger->stop();
  while (!has_ended) REQUIRE(f.loop.run_one_for(std::chrono::seconds(30)) == 1);
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

TEST_CASE("a ledger that was cut or rewritten is not gone on with") {
  LedgerFixture f;
  f.make(20);
  std::string expected = "was changed";
  SUBCASE("cut") { f.tamper("DELETE FROM ledger_row WHERE number > 15"); }
  SUBCASE("cut, and the head made to fit") {
    const Head cut = [&] {
      Head head;
      for (const Row& row : f.rows()) {
        if (row.number <= 15) head.add(row);
      }
      return head;
    }();
    f.tamper("DELETE FROM ledger_row WHERE number > 15; UPDATE head SET size = 15, last = '" + to_hex(cut.last) +
             "', frontier = '" + cut.frontier.to_text() + "'; DELETE FROM anchor");
  }
  SUBCASE("deleted") {
    for (const char* suffix : {"", "-wal", "-shm"}) std::filesystem::remove(f.file().string() + suffix);
  }
  SUBCASE("a row changed that no anchor covers") {
    f.tamper("DELETE FROM anchor; UPDATE ledger_row SET detail = 'x' WHERE number = 3");
  }
  SUBCASE("another frontier") {
    Head other = stored_head(f);
    other.frontier = Frontier();
    for (int i = 0; i < 20; ++i) other.frontier.add(leaf_hash(std::to_string(i)));
    f.tamper("UPDATE head SET frontier = '" + other.frontier.to_text() + "'; UPDATE anchor SET frontier = '" +
             other.frontier.to_text() + "'");
  }
  SUBCASE("no frontier") { f.tamper("UPDATE head SET frontier = ''"); }
  SUBCASE("another hash of the last row") { f.tamper("UPDATE head SET last = '" + std::string(64, '1') + "'"); }
  SUBCASE("its newest row changed") { f.tamper("UPDATE ledger_row SET who = 'x' WHERE number = 20"); }
  SUBCASE("its newest row gone") { f.tamper("DELETE FROM ledger_row WHERE number = 20"); }
  SUBCASE("signed by another") {
    f.key = SigningKey::make("usher");
    expected = "not signed by the key";
  }
  Result<void> opened = f.try_open();
  REQUIRE_FALSE(opened);
  CHECK(opened.error().kind == ErrorKind::denied);
  CHECK_MESSAGE(opened.error().message.contains(expected), opened.error().message);
}

TEST_CASE("rows behind the newest checkpoint are looked at when a ledger is opened") {
  LedgerFixture f;
  f.open();
  f.append(10);
  f.checkpoint();
  f.append(10);
  f.close();
  f.open();
  f.close();
  SUBCASE("changed") { f.tamper("UPDATE ledger_row SET outcome = 'allowed' WHERE number = 15"); }
  SUBCASE("missing") { f.tamper("DELETE FROM ledger_row WHERE number = 15"); }
  SUBCASE("one too many") {
    f.tamper(
        "INSERT INTO ledger_row SELECT 21, at_ms, kind, outcome, tenant, who, role, source, action, resource,"
        " sensitivity, rule, detail, policy_hash, hash FROM ledger_row WHERE number = 20");
  }
  CHECK_FALSE(f.try_open());
}

TEST_CASE("opening does not read what the newest checkpoint covers") {
  LedgerFixture f;
  f.make(50);
  // Nobody would do so; but it shows what is read.
  f.tamper("UPDATE ledger_row SET detail = 'x' WHERE number = 3");
  f.open();
}

TEST_CASE("old rows move to closed segments, and chain and tree go on") {
  LedgerFixture f;
  f.rotate_rows = 10;
  f.checkpoint_rows = 1;
  f.open();
  f.append(34);
  const std::vector<Row> before = f.rows();
  run_until(f, [&] {
    Result<store::Database> open = store::Database::open(f.file(), {.is_read_only = true});
    REQUIRE(open);
    std::int64_t least = 0;
    REQUIRE(
        open->query("SELECT min(number) FROM ledger_row", {}, [&](const store::Row& row) { least = row.integer(0); }));
    return least == 31;
  });
  const std::vector<Segment> segments = find_segments(f.file());
  REQUIRE(segments.size() == 3);
  CHECK(segments[1].file.filename() == "ledger-11-20.db");
  CHECK_FALSE(std::filesystem::exists(segments[1].file.string() + "-wal"));
  f.append(1);
  f.close();
  std::vector<Row> after = f.rows();
  REQUIRE(after.size() == 35);
  check_chain(after);
  for (std::size_t i = 0; i < before.size(); ++i) CHECK(after[i].hash == before[i].hash);
  f.open();
  f.append(1);
}

TEST_CASE("a segment whose rows were changed is never closed over them") {
  LedgerFixture f;
  f.make(20);
  f.tamper("UPDATE ledger_row SET detail = 'x' WHERE number = 3");
  CHECK_FALSE(write_segment(f.file(), 1, 10));
  CHECK(find_segments(f.file()).empty());
  CHECK_FALSE(std::filesystem::exists(f.dir / "ledger-1-10.db.new"));
  CHECK(write_segment(f.file(), 11, 20));
}

TEST_CASE("rotation goes on where a crash left it") {
  LedgerFixture f;
  f.make(25);
  // It died after the rename, before anything was deleted; or in the middle of copying.
  REQUIRE(write_segment(f.file(), 1, 10));
  std::ofstream(f.dir / "ledger-11-20.db.new") << "half";
  f.rotate_rows = 10;
  f.checkpoint_rows = 1;
  f.open();
  f.append(1);
  run_until(f, [&] {
    Result<store::Database> open = store::Database::open(f.file(), {.is_read_only = true});
    REQUIRE(open);
    std::int64_t count = 0;
    REQUIRE(open->query("SELECT count(*) FROM ledger_row", {}, [&](const store::Row& row) { count = row.integer(0); }));
    return count == 6;
  });
  check_chain(f.rows());
  CHECK(f.rows().size() == 26);
  CHECK_FALSE(std::filesystem::exists(f.dir / "ledger-11-20.db.new"));
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
