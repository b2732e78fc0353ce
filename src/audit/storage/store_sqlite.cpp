#include "audit/storage/rows_sqlite.h"

#include <fmt/format.h>

#include <limits>
#include <utility>

#include "store/writer.h"

namespace usher::audit {
namespace {

using store::Database;
using store::Value;

constexpr const char* kMigrations[] = {
    // STRICT, so that a column cannot hold a value of another type that reads alike.
    "CREATE TABLE ledger_row("
    "  number INTEGER PRIMARY KEY,"
    "  at_ms INTEGER NOT NULL,"
    "  kind TEXT NOT NULL,"
    "  outcome TEXT NOT NULL,"
    "  tenant TEXT NOT NULL,"
    "  who TEXT NOT NULL,"
    "  role TEXT NOT NULL,"
    "  source TEXT NOT NULL,"
    "  action TEXT NOT NULL,"
    "  resource TEXT NOT NULL,"
    "  sensitivity INTEGER NOT NULL,"
    "  rule TEXT NOT NULL,"
    "  detail TEXT NOT NULL,"
    "  policy_hash TEXT NOT NULL,"
    "  hash TEXT NOT NULL) STRICT;"
    "CREATE TABLE head(one INTEGER PRIMARY KEY CHECK(one = 1), size INTEGER NOT NULL, last TEXT NOT NULL,"
    "  frontier TEXT NOT NULL) STRICT;"
    "INSERT INTO head VALUES(1, 0, '0000000000000000000000000000000000000000000000000000000000000000', '');"
    "CREATE TABLE anchor(size INTEGER PRIMARY KEY, frontier TEXT NOT NULL) STRICT;",
};

constexpr int kKeptAnchors = 8;
static_assert(kKeptAnchors == 8, "the statement that drops old anchors says 8");

std::int64_t to_column(std::uint64_t number) {
  return static_cast<std::int64_t>(std::min<std::uint64_t>(number, std::numeric_limits<std::int64_t>::max()));
}

Value text(const std::string& value) { return Value(std::string_view(value)); }

class SqliteTransaction final : public LedgerTransaction {
 public:
  explicit SqliteTransaction(Database& database) : database_(database) {}

  Result<Head> head() override { return read_head(database_); }
  Result<void> insert(const Row& row) override { return insert_row(database_, row); }

  Result<void> set_head(const Head& head) override {
    const std::string last = to_hex(head.last);
    const std::string frontier = head.frontier.to_text();
    return database_.run("UPDATE head SET size = ?, last = ?, frontier = ? WHERE one = 1",
                         {Value(to_column(head.size())), text(last), text(frontier)});
  }

  Result<void> add_anchor(const Frontier& frontier) override {
    const std::string hashes = frontier.to_text();
    Result<void> added = database_.run("INSERT OR REPLACE INTO anchor(size, frontier) VALUES(?, ?)",
                                       {Value(to_column(frontier.size())), text(hashes)});
    if (!added) return added;
    return database_.run("DELETE FROM anchor WHERE size NOT IN (SELECT size FROM anchor ORDER BY size DESC LIMIT 8)");
  }

  Result<std::uint64_t> drop_rows(std::uint64_t last, std::uint64_t most) override {
    Result<void> dropped = database_.run(
        "DELETE FROM ledger_row WHERE number IN (SELECT number FROM ledger_row WHERE number <= ? ORDER BY number"
        " LIMIT ?)",
        {Value(to_column(last)), Value(to_column(most))});
    if (!dropped) return fail(std::move(dropped.error()));
    return static_cast<std::uint64_t>(database_.changes());
  }

 private:
  Database& database_;
};

class SqliteStore final : public LedgerStore {
 public:
  SqliteStore(Database database, asio::any_io_executor loop) : writer_(std::move(database), std::move(loop)) {}

  void post(Work work, std::function<void(Result<void>)> done) override {
    writer_.post(job_of(std::move(work)), std::move(done));
  }
  Task<Result<void>> submit(Work work) override { return writer_.submit(job_of(std::move(work))); }

 private:
  static store::Writer::Job job_of(Work work) {
    return [work = std::move(work)](Database& database) {
      SqliteTransaction transaction(database);
      return work(transaction);
    };
  }
  store::Writer writer_;
};

Result<Row> row_of(const store::Row& columns) {
  // An attacker may have changed the schema: what is read as another type would be hashed as what it was.
  if (columns.text(15) != "integer integer text text text text text text text text integer text text text text") {
    return fail(ErrorKind::invalid, "a column has another type");
  }
  const std::optional<Kind> kind = parse_kind(columns.text(2));
  if (!kind) return fail(ErrorKind::invalid, fmt::format("there is no kind '{}'", columns.text(2)));
  const std::optional<Outcome> outcome = parse_outcome(columns.text(3));
  if (!outcome) return fail(ErrorKind::invalid, fmt::format("there is no outcome '{}'", columns.text(3)));
  const std::optional<Digest> hash = digest_from_hex(columns.text(14));
  if (!hash) return fail(ErrorKind::invalid, "its hash is none");
  if (!std::in_range<int>(columns.integer(10))) return fail(ErrorKind::invalid, "its sensitivity is none");
  return Row{.number = static_cast<std::uint64_t>(columns.integer(0)),
             .at = WallTime(std::chrono::milliseconds(columns.integer(1))),
             .record = {.kind = *kind,
                        .outcome = *outcome,
                        .tenant = std::string(columns.text(4)),
                        .who = std::string(columns.text(5)),
                        .role = std::string(columns.text(6)),
                        .source = std::string(columns.text(7)),
                        .action = std::string(columns.text(8)),
                        .resource = std::string(columns.text(9)),
                        .sensitivity = static_cast<int>(columns.integer(10)),
                        .rule = std::string(columns.text(11)),
                        .detail = std::string(columns.text(12)),
                        .policy_hash = std::string(columns.text(13))},
             .hash = *hash};
}

}  // namespace

const std::span<const char* const> kLedgerMigrations = kMigrations;

Result<void> insert_row(Database& database, const Row& row) {
  const Record& record = row.record;
  const std::string hash = to_hex(row.hash);
  return database.run(
      "INSERT INTO ledger_row(number, at_ms, kind, outcome, tenant, who, role, source, action, resource, sensitivity,"
      " rule, detail, policy_hash, hash) VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
      {Value(to_column(row.number)), Value(std::int64_t{row.at.time_since_epoch().count()}),
       Value(std::string_view(to_string(record.kind))), Value(std::string_view(to_string(record.outcome))),
       text(record.tenant), text(record.who), text(record.role), text(record.source), text(record.action),
       text(record.resource), Value(std::int64_t{record.sensitivity}), text(record.rule), text(record.detail),
       text(record.policy_hash), text(hash)});
}

Result<bool> read_rows(Database& database, std::uint64_t first, std::uint64_t last, const LedgerReader::OnRow& on_row) {
  // In pages, since a query goes on to its end and on_row may have seen enough.
  constexpr std::int64_t page = 512;
  std::uint64_t next = first;
  for (bool is_more = true; is_more && next <= last;) {
    std::int64_t seen = 0;
    bool goes_on = true;
    Result<void> read = database.query(
        "SELECT number, at_ms, kind, outcome, tenant, who, role, source, action, resource, sensitivity, rule, detail,"
        " policy_hash, hash,"
        " typeof(number) || ' ' || typeof(at_ms) || ' ' || typeof(kind) || ' ' || typeof(outcome) || ' ' ||"
        " typeof(tenant) || ' ' || typeof(who) || ' ' || typeof(role) || ' ' || typeof(source) || ' ' ||"
        " typeof(action) || ' ' || typeof(resource) || ' ' || typeof(sensitivity) || ' ' || typeof(rule) || ' ' ||"
        " typeof(detail) || ' ' || typeof(policy_hash) || ' ' || typeof(hash)"
        " FROM ledger_row WHERE number BETWEEN ? AND ? ORDER BY number LIMIT ?",
        {Value(to_column(next)), Value(to_column(last)), Value(page)}, [&](const store::Row& columns) {
          ++seen;
          const auto number = static_cast<std::uint64_t>(columns.integer(0));
          next = number + 1;
          if (goes_on) goes_on = on_row(number, row_of(columns));
        });
    if (!read) return fail(std::move(read.error()));
    if (!goes_on) return false;
    is_more = seen == page;
  }
  return true;
}

Result<Head> read_head(Database& database) {
  std::optional<Head> head;
  Result<void> read = database.query("SELECT size, last, frontier FROM head", {}, [&](const store::Row& columns) {
    std::optional<Frontier> frontier = Frontier::parse(static_cast<std::uint64_t>(columns.integer(0)), columns.text(2));
    const std::optional<Digest> last = digest_from_hex(columns.text(1));
    if (frontier && last) head = Head{.frontier = std::move(*frontier), .last = *last};
  });
  if (!read) return fail(std::move(read.error()));
  if (!head) return fail(ErrorKind::invalid, fmt::format("{}: the stored head is damaged", database.file().string()));
  return std::move(*head);
}

Result<std::unique_ptr<LedgerStore>> open_ledger_store(const std::filesystem::path& file, asio::any_io_executor loop) {
  Result<Database> database = Database::open(file, {.durability = store::Durability::full,
                                                    .sharing = store::Sharing::shared,
                                                    .cache_kib = 1024,
                                                    .autocheckpoint_pages = 0});
  if (!database) return fail(std::move(database.error()));
  Result<void> migrated = store::migrate(*database, kLedgerMigrations);
  if (!migrated) return fail(std::move(migrated.error()));
  return std::make_unique<SqliteStore>(std::move(*database), std::move(loop));
}

}  // namespace usher::audit
