// What a ledger keeps: its rows, its head, and anchors: the frontiers at which checkpoints were signed. LedgerStore
// writes, LedgerReader reads, also beside a writing process. SQLite stands behind both (the files *_sqlite.cpp); the
// newest rows are in one database, older ones in closed segments beside it, ledger-<first>-<last>.db, of which no row
// changes any more.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "audit/row.h"
#include "audit/tree/frontier.h"
#include "base/async.h"
#include "base/result.h"

namespace usher::audit {

// Where the ledger ends.
struct Head {
  Frontier frontier;
  Digest last{};  // hash of the newest row; zeros when there is none

  std::uint64_t size() const { return frontier.size(); }
  void add(const Row& row) {
    frontier.add(row.hash);
    last = row.hash;
  }
  friend bool operator==(const Head&, const Head&) = default;
};

// What a piece of work may do within the one transaction that it shares with others of its group.
class LedgerTransaction {
 public:
  virtual ~LedgerTransaction() = default;
  virtual Result<Head> head() = 0;
  virtual Result<void> insert(const Row& row) = 0;
  virtual Result<void> set_head(const Head& head) = 0;
  // Remembers the frontier; old anchors are dropped.
  virtual Result<void> add_anchor(const Frontier& frontier) = 0;
  // Deletes up to `most` of the oldest rows up to `last`; how many.
  virtual Result<std::uint64_t> drop_rows(std::uint64_t last, std::uint64_t most) = 0;
};

// Event-loop thread; the work runs on a thread of its own.
class LedgerStore {
 public:
  using Work = std::function<Result<void>(LedgerTransaction&)>;
  virtual ~LedgerStore() = default;
  // `done` runs on the loop once the work is on disk, or with its or the commit's error: then nothing of it is.
  virtual void post(Work work, std::function<void(Result<void>)> done) = 0;
  virtual Task<Result<void>> submit(Work work) = 0;
};

// One thread at a time; blocks. What it sees does not change until refresh().
class LedgerReader {
 public:
  // The row, or what is wrong with it: a column of another type, a word that there is not.
  using OnRow = std::function<bool(std::uint64_t number, Result<Row> row)>;
  virtual ~LedgerReader() = default;
  virtual Result<void> refresh() = 0;
  // invalid when the stored head is damaged.
  virtual Result<Head> head() = 0;
  virtual Result<std::optional<Frontier>> anchor(std::uint64_t size) = 0;
  // In order, from the segments and the database, those with first ≤ number ≤ last that are there, until on_row says
  // false.
  virtual Result<void> each_row(std::uint64_t first, std::uint64_t last, const OnRow& on_row) = 0;
};

// A closed part of a ledger.
struct Segment {
  std::filesystem::path file;
  std::uint64_t first = 0;
  std::uint64_t last = 0;
};
// Beside the ledger's file, in order.
std::vector<Segment> find_segments(const std::filesystem::path& file);

// Creates the file (0600) unless it is there. Blocks.
Result<std::unique_ptr<LedgerStore>> open_ledger_store(const std::filesystem::path& file, asio::any_io_executor loop);
// not_found where there is no such file or nothing in it, invalid where it holds no ledger. Blocks.
Result<std::unique_ptr<LedgerReader>> open_ledger_reader(const std::filesystem::path& file);
// Copies the rows to a new segment, whole or not at all, after checking that each follows the one before unchanged
// (invalid otherwise); one that is there already is left as it is. Blocks.
Result<void> write_segment(const std::filesystem::path& file, std::uint64_t first, std::uint64_t last);

}  // namespace usher::audit
