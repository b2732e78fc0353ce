// Reading a ledger: its segments, then its database.
#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <system_error>

#include "audit/storage/rows_sqlite.h"

namespace usher::audit {
namespace {

namespace fs = std::filesystem;
using store::Database;
using store::Value;

class SqliteReader final : public LedgerReader {
 public:
  explicit SqliteReader(Database database) : database_(std::move(database)) {}

  // One read transaction, so that rows, head and anchors fit together. The segments are listed after it begins: rows
  // that it does not have any more are in one of them.
  Result<void> refresh() override {
    if (database_.is_in_transaction()) {
      Result<void> ended = database_.run("COMMIT");
      if (!ended) return ended;
    }
    Result<void> begun = database_.run("BEGIN");
    if (begun) begun = database_.query("SELECT size FROM head", {}, [](const store::Row&) {});
    if (begun) segments_ = find_segments(database_.file());
    return begun;
  }

  Result<Head> head() override { return read_head(database_); }

  Result<std::optional<Frontier>> anchor(std::uint64_t size) override {
    std::optional<Frontier> found;
    Result<void> read =
        database_.query("SELECT frontier FROM anchor WHERE size = ?", {Value(static_cast<std::int64_t>(size))},
                        [&](const store::Row& columns) { found = Frontier::parse(size, columns.text(0)); });
    if (!read) return fail(std::move(read.error()));
    return found;
  }

  Result<void> each_row(std::uint64_t first, std::uint64_t last, const OnRow& on_row) override {
    std::uint64_t next = first;
    for (const Segment& segment : segments_) {
      if (segment.last < next) continue;
      if (segment.first > last) break;
      Result<Database> closed = Database::open(segment.file, {.is_read_only = true});
      if (!closed) return fail(std::move(closed.error()));
      Result<bool> goes_on = read_rows(*closed, std::max(next, segment.first), std::min(last, segment.last), on_row);
      if (!goes_on) return fail(std::move(goes_on.error()));
      if (!*goes_on) return {};
      next = segment.last + 1;
    }
    if (next > last) return {};
    Result<bool> read = read_rows(database_, next, last, on_row);
    if (!read) return fail(std::move(read.error()));
    return {};
  }

 private:
  Database database_;
  std::vector<Segment> segments_;
};

// "ledger-1-1000.db" of "ledger.db".
std::optional<Segment> segment_of(const fs::path& file, const fs::path& ledger) {
  const std::string name = file.filename().string();
  const std::string prefix = ledger.stem().string() + "-";
  const std::string suffix = ledger.extension().string();
  if (name.size() <= prefix.size() + suffix.size() || !name.starts_with(prefix) || !name.ends_with(suffix)) return {};
  const char* begin = name.data() + prefix.size();
  const char* end = name.data() + name.size() - suffix.size();
  Segment segment{.file = file};
  const auto first = std::from_chars(begin, end, segment.first);
  if (first.ec != std::errc() || first.ptr == end || *first.ptr != '-') return {};
  const auto last = std::from_chars(first.ptr + 1, end, segment.last);
  if (last.ec != std::errc() || last.ptr != end || segment.first < 1 || segment.last < segment.first) return {};
  return segment;
}

// A file that was emptied, or whose making a crash cut off, is as good as none.
Result<void> check_tables(Database& database) {
  std::int64_t tables = 0, known = 0;
  Result<void> read =
      database.query("SELECT count(*), sum(name IN ('ledger_row', 'head', 'anchor')) FROM sqlite_schema", {},
                     [&](const store::Row& columns) {
                       tables = columns.integer(0);
                       known = columns.integer(1);
                     });
  if (!read || known >= 3) return read;
  if (tables == 0) return fail(ErrorKind::not_found, fmt::format("{} is empty", database.file().string()));
  return fail(ErrorKind::invalid, fmt::format("the tables of {} are not those of a ledger", database.file().string()));
}

}  // namespace

std::vector<Segment> find_segments(const fs::path& file) {
  std::vector<Segment> segments;
  std::error_code ignored;
  const fs::path folder = file.has_parent_path() ? file.parent_path() : fs::path(".");
  for (const fs::directory_entry& entry : fs::directory_iterator(folder, ignored)) {
    std::optional<Segment> segment = segment_of(entry.path(), file);
    if (segment) segments.push_back(std::move(*segment));
  }
  std::ranges::sort(segments, {}, &Segment::first);
  return segments;
}

Result<std::unique_ptr<LedgerReader>> open_ledger_reader(const fs::path& file) {
  Result<Database> database =
      Database::open(file, {.sharing = store::Sharing::shared, .cache_kib = 1024, .is_read_only = true});
  if (!database) return fail(std::move(database.error()));
  Result<void> is_ledger = check_tables(*database);
  if (!is_ledger) return fail(std::move(is_ledger.error()));
  auto reader = std::make_unique<SqliteReader>(std::move(*database));
  Result<void> begun = reader->refresh();
  if (!begun) return fail(std::move(begun.error()));
  return reader;
}

}  // namespace usher::audit
