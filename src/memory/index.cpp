#include "memory/index.h"

#include <algorithm>
#include <mutex>
#include <utility>

#include "base/files.h"
#include "memory/match.h"

namespace usher::memory {

namespace {

using store::Database;
using store::Row;
using store::Transaction;

constexpr const char* migrations[] = {
    "CREATE TABLE sources(name TEXT PRIMARY KEY, size INTEGER NOT NULL, modified INTEGER NOT NULL, inode INTEGER NOT "
    "NULL)"
    " STRICT, WITHOUT ROWID;"
    "CREATE TABLE documents(number INTEGER PRIMARY KEY, source TEXT NOT NULL, id TEXT NOT NULL, title TEXT NOT NULL,"
    " text TEXT NOT NULL, words TEXT NOT NULL) STRICT;"
    "CREATE INDEX documents_id ON documents(id);"
    "CREATE INDEX documents_source ON documents(source);"
    "CREATE VIRTUAL TABLE documents_index USING fts5(title, words, content='documents', content_rowid='number',"
    " tokenize='porter unicode61 remove_diacritics 2')"};

// Others wait while one reads 64 MiB.
constexpr auto busy_timeout = std::chrono::seconds(60);

constexpr std::size_t most_hits = 100;

bool is_same(const FileEntry& a, const FileEntry& b) {
  return a.path == b.path && a.size == b.size && a.modified_ns == b.modified_ns && a.inode == b.inode;
}

// SQLite opens a log and its shared memory by their names, and the latter only when it first reads: a connection that
// came to them after its database was removed would cut short what belongs to the database that took its place.
// So nothing is removed between an opening and its first read.
std::mutex opening;

Result<Database> open_database(const std::filesystem::path& file) {
  const std::lock_guard lock(opening);
  Result<Database> database =
      Database::open(file, {.sharing = store::Sharing::shared, .cache_kib = 1024, .busy_timeout = busy_timeout});
  if (!database) return database;
  Result<void> migrated = store::migrate(*database, migrations);
  if (!migrated) return fail(std::move(migrated.error()));
  return database;
}

Hit hit_of(const Row& row) {
  return {std::string(row.text(0)), std::string(row.text(1)), std::string(row.text(2)), std::string(row.text(3))};
}

}  // namespace

Result<Index> Index::open(const std::filesystem::path& file) {
  Result<void> ready = make_private_directories(file.parent_path());
  if (!ready) return fail(std::move(ready.error()));
  Result<Database> database = open_database(file);
  if (database) return Index(std::move(*database));
  Error error = std::move(database.error());
  if (error.kind == ErrorKind::invalid) error.message += ", or remove this file: it is made again";
  return fail(std::move(error));
}

void Index::remove(const std::filesystem::path& file) {
  const std::lock_guard lock(opening);
  std::error_code ignored;
  for (const char* suffix : {"-shm", "-wal", ""}) std::filesystem::remove(file.native() + suffix, ignored);
}

Result<std::vector<FileEntry>> Index::known() {
  std::vector<FileEntry> sources;
  Result<void> read = database_.query("SELECT name, size, modified, inode FROM sources", {}, [&](const Row& row) {
    sources.push_back({std::string(row.text(0)), false, static_cast<std::size_t>(row.integer(1)), row.integer(2),
                       static_cast<std::uint64_t>(row.integer(3))});
  });
  if (!read) return fail(std::move(read.error()));
  return sources;
}

Result<void> Index::refresh(const std::vector<FileEntry>& sources, const Read& read) {
  const auto contains = [](const std::vector<FileEntry>& all, const FileEntry& wanted) {
    return std::ranges::any_of(all, [&](const FileEntry& entry) { return is_same(entry, wanted); });
  };
  const auto is_current = [&](const std::vector<FileEntry>& indexed) {
    return indexed.size() == sources.size() &&
           std::ranges::all_of(sources, [&](const FileEntry& source) { return contains(indexed, source); });
  };
  Result<std::vector<FileEntry>> indexed = known();
  if (!indexed) return fail(std::move(indexed.error()));
  if (is_current(*indexed)) return {};

  Result<Transaction> transaction = Transaction::begin(database_);
  if (!transaction) return fail(std::move(transaction.error()));
  indexed = known();  // while this one waited another may have done the work
  if (!indexed) return fail(std::move(indexed.error()));
  if (is_current(*indexed)) return {};
  for (const FileEntry& source : *indexed) {
    if (contains(sources, source)) continue;
    Result<void> forgotten = forget(source.path);
    if (!forgotten) return forgotten;
  }
  for (const FileEntry& source : sources) {
    if (contains(*indexed, source)) continue;
    Result<void> done = index(source, read);
    if (!done) return done;
  }
  return transaction->commit();
}

Result<void> Index::forget(std::string_view source) {
  Result<void> done = database_.run(
      "INSERT INTO documents_index(documents_index, rowid, title, words)"
      " SELECT 'delete', number, title, words FROM documents WHERE source = ?",
      {source});
  if (done) done = database_.run("DELETE FROM documents WHERE source = ?", {source});
  if (done) done = database_.run("DELETE FROM sources WHERE name = ?", {source});
  return done;
}

Result<void> Index::index(const FileEntry& source, const Read& read) {
  Result<void> done = database_.run("INSERT INTO sources VALUES (?, ?, ?, ?)",
                                    {std::string_view(source.path), static_cast<std::int64_t>(source.size),
                                     source.modified_ns, static_cast<std::int64_t>(source.inode)});
  if (!done) return done;
  return read(source, [&](const Document& document) { return add(source.path, document); });
}

Result<void> Index::add(std::string_view source, const Document& document) {
  Result<void> done = database_.run("INSERT INTO documents(source, id, title, text, words) VALUES (?, ?, ?, ?, ?)",
                                    {source, std::string_view(document.id), std::string_view(document.title),
                                     std::string_view(document.text), std::string_view(document.words)});
  if (!done) return done;
  return database_.run(
      "INSERT INTO documents_index(rowid, title, words) VALUES (?, ?, ?)",
      {database_.last_insert_id(), std::string_view(document.title), std::string_view(document.words)});
}

Result<std::vector<Index::Scored>> Index::search(std::string_view query, std::size_t max_hits) {
  std::vector<Scored> found;
  const std::string expression = match_expression(query);
  if (expression.empty()) return found;
  Result<void> read = database_.query(
      // A word in the title says more than one in the text.
      "SELECT source, id, documents.title, iif(text = '', documents.words, text), bm25(documents_index, 4.0, 1.0) AS "
      "score"
      " FROM documents_index JOIN documents ON number = documents_index.rowid"
      " WHERE documents_index MATCH ? ORDER BY score, number LIMIT ?",
      {std::string_view(expression), static_cast<std::int64_t>(std::min(max_hits, most_hits))},
      [&](const Row& row) { found.push_back({hit_of(row), row.real(4)}); });
  if (!read) return fail(std::move(read.error()));
  return found;
}

Result<Hit> Index::by_id(std::string_view id) {
  Result<Hit> hit = fail(ErrorKind::not_found, "no such document");
  Result<void> read = database_.query(
      "SELECT source, id, title, iif(text = '', words, text) FROM documents WHERE id = ? ORDER BY number LIMIT 1", {id},
      [&](const Row& row) { hit = hit_of(row); });
  if (!read) return fail(std::move(read.error()));
  return hit;
}

}  // namespace usher::memory
