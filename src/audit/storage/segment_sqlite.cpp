// Closing a segment: rows that were written long ago get a file of their own.
#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>

#include "audit/storage/rows_sqlite.h"

namespace usher::audit {
namespace {

namespace fs = std::filesystem;
using store::Database;

constexpr std::size_t kRowsACommit = 4096;

std::unexpected<Error> system_failure(const fs::path& file, const char* doing) {
  return fail(ErrorKind::io, fmt::format("{}: {}: {}", file.string(), doing, std::generic_category().message(errno)));
}

Result<void> sync(const fs::path& path, int flags) {
  const int descriptor = ::open(path.c_str(), flags | O_RDONLY | O_CLOEXEC);
  const bool is_synced = descriptor >= 0 && ::fsync(descriptor) == 0;
  Result<void> result;
  if (!is_synced) result = system_failure(path, "cannot sync");
  if (descriptor >= 0) ::close(descriptor);
  return result;
}

// Takes rows in, a transaction for many of them, and refuses any that does not follow the one before.
class SegmentWriter {
 public:
  // The row before `first` is only looked at.
  SegmentWriter(Database& database, std::uint64_t first) : database_(database), first_(first), next_(first) {}

  Result<void> add(std::uint64_t number, const Result<Row>& row) {
    if (row && number + 1 == first_) {
      previous_ = row->hash;
      return {};
    }
    if (!row || number != next_ || hash_of(*row, previous_) != row->hash) {
      return fail(ErrorKind::invalid, fmt::format("row {} of the ledger was changed: see usher audit verify", next_));
    }
    if (pending_ == 0) {
      Result<void> begun = database_.run("BEGIN IMMEDIATE");
      if (!begun) return begun;
    }
    Result<void> inserted = insert_row(database_, *row);
    if (!inserted) return inserted;
    previous_ = row->hash;
    ++next_;
    return ++pending_ == kRowsACommit ? commit() : Result<void>();
  }
  Result<void> commit() {
    if (pending_ == 0) return {};
    pending_ = 0;
    return database_.run("COMMIT");
  }
  std::uint64_t next() const { return next_; }

 private:
  Database& database_;
  Digest previous_{};
  const std::uint64_t first_;
  std::uint64_t next_;
  std::size_t pending_ = 0;
};

Result<void> copy_rows(const fs::path& ledger, Database& segment, std::uint64_t first, std::uint64_t last) {
  Result<std::unique_ptr<LedgerReader>> reader = open_ledger_reader(ledger);
  if (!reader) return fail(std::move(reader.error()));
  SegmentWriter writer(segment, first);
  Result<void> copied;
  Result<void> read = (*reader)->each_row(first - 1, last, [&](std::uint64_t number, Result<Row> row) {
    copied = writer.add(number, row);
    return copied.has_value();
  });
  if (!read) return read;
  if (copied) copied = writer.commit();
  if (copied && writer.next() != last + 1) {
    return fail(ErrorKind::invalid, fmt::format("row {} of the ledger is missing", writer.next()));
  }
  return copied;
}

Result<void> fill(const fs::path& ledger, const fs::path& fresh, std::uint64_t first, std::uint64_t last) {
  Result<Database> segment = Database::open(fresh);
  if (!segment) return fail(std::move(segment.error()));
  Result<void> done = store::migrate(*segment, kLedgerMigrations);
  if (done) done = copy_rows(ledger, *segment, first, last);
  // Without a log beside it a closed segment is one file.
  if (done) done = segment->script("PRAGMA journal_mode=DELETE");
  return done;
}

void remove_all_of(const fs::path& fresh) {
  for (const char* suffix : {"", "-wal", "-shm", "-journal"}) ::unlink((fresh.string() + suffix).c_str());
}

}  // namespace

Result<void> write_segment(const fs::path& file, std::uint64_t first, std::uint64_t last) {
  const fs::path folder = file.has_parent_path() ? file.parent_path() : fs::path(".");
  const std::string name = fmt::format("{}-{}-{}{}", file.stem().string(), first, last, file.extension().string());
  std::error_code ignored;
  if (fs::exists(folder / name, ignored)) return {};
  const fs::path fresh = folder / (name + ".new");
  remove_all_of(fresh);  // of a process that died here
  Result<void> done = fill(file, fresh, first, last);
  if (done) done = sync(fresh, 0);
  if (done && ::rename(fresh.c_str(), (folder / name).c_str()) != 0) done = system_failure(fresh, "cannot rename");
  if (done) done = sync(folder, O_DIRECTORY);
  remove_all_of(fresh);
  return done;
}

}  // namespace usher::audit
