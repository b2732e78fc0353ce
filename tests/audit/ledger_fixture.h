// A durable ledger in a directory of its own, opened and closed as often as a test wants.
#pragma once

#include <doctest/doctest.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/thread_pool.hpp>
#include <limits>
#include <optional>

#include "audit/durable_ledger.h"
#include "audit/note/checkpoint_file.h"
#include "store/sqlite.h"
#include "support/manual_clock.h"
#include "support/run_task.h"
#include "support/temp_dir.h"

namespace usher::testing {

inline audit::Record record_of(int number) {
  return {.kind = audit::Kind::decision,
          .outcome = number % 2 == 0 ? audit::Outcome::allowed : audit::Outcome::denied,
          .tenant = "default",
          .who = "telegram:" + std::to_string(number),
          .role = "buyer",
          .source = "main/1",
          .action = "tool:call:file_write",
          .resource = "notes.txt",
          .sensitivity = number % 5,
          .rule = "allowed_actions",
          .detail = "row " + std::to_string(number),
          .policy_hash = std::string(64, 'a')};
}

class LedgerFixture {
 public:
  ~LedgerFixture() {
    close();
    pool.join();
  }

  std::filesystem::path file() const { return dir / "ledger.db"; }
  std::filesystem::path checkpoint_file() const { return dir / "checkpoints"; }

  audit::LedgerOptions options() const {
    return {.file = file(),
            .checkpoint_file = checkpoint_file(),
            .key = key,
            .checkpoint_rows = checkpoint_rows,
            .checkpoint_every = checkpoint_every,
            .rotate_rows = rotate_rows,
            .witness = witness};
  }

  Result<void> try_open() {
    auto opened = audit::open_ledger(options(), clock, loop.get_executor(), pool.get_executor());
    if (!opened) return fail(std::move(opened.error()));
    ledger = std::move(*opened);
    return {};
  }
  void open() {
    const Result<void> opened = try_open();
    REQUIRE_MESSAGE(opened, (opened ? "" : opened.error().message));
  }
  void close() { ledger.reset(); }

  Result<void> append(audit::Record record) { return run_task(loop, ledger->append(std::move(record))); }
  void append(int count) {
    for (int i = 0; i < count; ++i) REQUIRE(append(record_of(++appended)));
  }
  void checkpoint() {
    const Result<void> written = run_task(loop, ledger->checkpoint());
    REQUIRE_MESSAGE(written, (written ? "" : written.error().message));
  }
  // A ledger of so many rows, signed and closed.
  void make(int rows) {
    open();
    append(rows);
    checkpoint();
    close();
  }

  std::vector<audit::Row> rows() const {
    Result<std::unique_ptr<audit::LedgerReader>> reader = audit::open_ledger_reader(file());
    REQUIRE(reader);
    std::vector<audit::Row> found;
    REQUIRE(
        (*reader)->each_row(1, std::numeric_limits<std::int64_t>::max(), [&](std::uint64_t, Result<audit::Row> row) {
          REQUIRE(row);
          found.push_back(std::move(*row));
          return true;
        }));
    return found;
  }
  // What somebody with access to the file could do.
  void tamper(const std::string& sql) const {
    Result<store::Database> database = store::Database::open(file(), {.sharing = store::Sharing::shared});
    REQUIRE(database);
    const Result<void> done = database->script(sql);
    REQUIRE_MESSAGE(done, (done ? "" : done.error().message));
  }

  TempDir dir;
  ManualClock clock;
  asio::io_context loop{1};
  asio::thread_pool pool{1};
  audit::SigningKey key = audit::SigningKey::make("usher");
  std::uint64_t checkpoint_rows = 1'000'000;
  std::chrono::milliseconds checkpoint_every{3'600'000};
  std::uint64_t rotate_rows = 1'000'000;
  audit::Witness witness;
  std::unique_ptr<audit::DurableLedger> ledger;
  int appended = 0;
};

// The chain and the tree of what is stored, from the first row on.
inline void check_chain(const std::vector<audit::Row>& rows) {
  audit::Head head;
  for (const audit::Row& row : rows) {
    REQUIRE(row.number == head.size() + 1);
    REQUIRE(hash_of(row, head.last) == row.hash);
    head.add(row);
  }
}

inline audit::Head stored_head(const LedgerFixture& f) {
  Result<std::unique_ptr<audit::LedgerReader>> reader = audit::open_ledger_reader(f.file());
  REQUIRE(reader);
  Result<audit::Head> head = (*reader)->head();
  REQUIRE(head);
  return *head;
}

// Runs the ledger's own coroutine until `done`, then to its end.
inline void run_until(LedgerFixture& f, const std::function<bool()>& done) {
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

}  // namespace usher::testing
