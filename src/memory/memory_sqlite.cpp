#include "memory/memory_sqlite.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "base/files.h"
#include "base/text.h"
#include "memory/match.h"

namespace usher::memory {

namespace {

using store::Database;
using store::Row;
using store::Transaction;

constexpr const char* migrations[] = {
    "CREATE TABLE conversations(id INTEGER PRIMARY KEY, key TEXT NOT NULL UNIQUE) STRICT;"
    // id = conversation << 32 | number within it: one B-tree in the order of reading. Only a turn's first entry names
    // it.
    "CREATE TABLE history(id INTEGER PRIMARY KEY, conversation INTEGER NOT NULL, turn TEXT, author TEXT NOT NULL,"
    " text TEXT NOT NULL, extra TEXT NOT NULL) STRICT;"
    "CREATE UNIQUE INDEX history_turn ON history(conversation, turn) WHERE turn IS NOT NULL;"
    "CREATE TABLE facts(id INTEGER PRIMARY KEY AUTOINCREMENT, owner TEXT NOT NULL, in_group INTEGER NOT NULL,"
    " created TEXT NOT NULL, text TEXT NOT NULL) STRICT;"
    "CREATE VIRTUAL TABLE facts_index USING fts5(text, content='facts', content_rowid='id',"
    " tokenize='porter unicode61 remove_diacritics 2')"};

constexpr std::int64_t kept_entries = 1000;
// Old entries are deleted now and then, so many at a time.
constexpr std::int64_t prune_every = 64;
constexpr std::size_t max_fact_bytes = 4096;
constexpr std::int64_t max_facts_of_owner = 1000;
constexpr std::int64_t max_facts_in_all = 10'000;

constexpr int wanted_checkpoint_pages = 1000;
// For a database that never rests: then it is done within the commit.
constexpr int forced_checkpoint_pages = 8192;
constexpr int close_checkpoint_pages = 64;

std::int64_t first_id(std::int64_t conversation) { return conversation << 32; }
std::int64_t last_id(std::int64_t conversation) { return (conversation << 32) | 0xffffffff; }

std::int64_t is_group(Audience audience) { return audience == Audience::group ? 1 : 0; }

Fact fact_of(const Row& row) { return {row.integer(0), std::string(row.text(1)), std::string(row.text(2))}; }

// Made once; empty when that failed, and then each file is migrated.
const std::string& image() {
  static const std::string bytes = store::empty_image(migrations).value_or(std::string());
  return bytes;
}

}  // namespace

Result<std::shared_ptr<SqliteMemory>> SqliteMemory::open(const std::filesystem::path& file, const Clock& clock) {
  std::error_code error;
  if (!std::filesystem::exists(file, error)) {
    Result<void> ready = make_private_directories(file.parent_path());
    if (ready && !image().empty()) ready = store::create_from_image(file, image());
    if (!ready) return fail(std::move(ready.error()));
  }
  Result<Database> database =
      Database::open(file, {.cache_kib = 32, .autocheckpoint_pages = 0, .checkpoints_on_close = false});
  if (!database) return fail(std::move(database.error()));
  Result<void> migrated = store::migrate(*database, migrations);
  if (!migrated) return fail(std::move(migrated.error()));
  return std::make_shared<SqliteMemory>(std::move(*database), clock);
}

bool SqliteMemory::wants_checkpoint() const { return database_.wal_pages() >= wanted_checkpoint_pages; }
void SqliteMemory::checkpoint() { (void)database_.checkpoint(); }  // tried again: the log has not become shorter
void SqliteMemory::checkpoint_before_close() {
  if (database_.wal_pages() >= close_checkpoint_pages) checkpoint();
}

// 0 when there is none.
Result<std::int64_t> SqliteMemory::id_of(std::string_view conversation) {
  std::int64_t id = 0;
  Result<void> read = database_.query("SELECT id FROM conversations WHERE key = ?", {conversation},
                                      [&](const Row& row) { id = row.integer(0); });
  if (!read) return fail(std::move(read.error()));
  return id;
}

Result<std::int64_t> SqliteMemory::id_made_for(std::string_view conversation) {
  Result<std::int64_t> id = id_of(conversation);
  if (!id || *id != 0) return id;
  Result<void> added = database_.run("INSERT INTO conversations(key) VALUES (?)", {conversation});
  if (!added) return fail(std::move(added.error()));
  return database_.last_insert_id();
}

Result<std::int64_t> SqliteMemory::newest_of(std::int64_t conversation) {
  std::int64_t newest = 0;
  Result<void> read = database_.query("SELECT max(id) FROM history WHERE id BETWEEN ? AND ?",
                                      {first_id(conversation), last_id(conversation)},
                                      [&](const Row& row) { newest = row.integer(0); });
  if (!read) return fail(std::move(read.error()));
  return std::max(newest, first_id(conversation));
}

Result<std::vector<Entry>> SqliteMemory::history(std::string_view conversation, std::size_t max_entries) {
  std::vector<Entry> entries;
  Result<std::int64_t> id = id_of(conversation);
  if (!id) return fail(std::move(id.error()));
  if (*id == 0 || max_entries == 0) return entries;
  const std::int64_t limit = std::min<std::int64_t>(kept_entries, static_cast<std::int64_t>(max_entries));
  entries.reserve(static_cast<std::size_t>(limit));
  Result<void> read = database_.query(
      "SELECT author, text, extra FROM history WHERE id BETWEEN ? AND ? ORDER BY id DESC LIMIT ?",
      {first_id(*id), last_id(*id), limit}, [&](const Row& row) {
        entries.push_back({std::string(row.text(0)), std::string(row.text(1)), std::string(row.text(2))});
      });
  if (!read) return fail(std::move(read.error()));
  // Newest first as yet: what stands before the oldest "user" of the cut is the end of a turn without its beginning.
  while (!entries.empty() && entries.back().author != "user") entries.pop_back();
  std::ranges::reverse(entries);
  return entries;
}

// False when this turn is there already.
Result<bool> SqliteMemory::insert_all(std::string_view conversation, std::string_view turn,
                                      std::span<const Entry> entries) {
  Result<std::int64_t> id = id_made_for(conversation);
  if (!id) return fail(std::move(id.error()));
  Result<std::int64_t> newest = newest_of(*id);
  if (!newest) return fail(std::move(newest.error()));
  std::int64_t next = *newest;
  for (const Entry& entry : entries) {
    const bool is_first = &entry == entries.data();
    Result<void> added = database_.run(
        "INSERT INTO history VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT(conversation, turn) WHERE turn IS NOT NULL DO "
        "NOTHING",
        {++next, *id, is_first ? store::Value(turn) : store::Value(store::Null{}), std::string_view(entry.author),
         std::string_view(entry.text), std::string_view(entry.extra)});
    if (!added) return fail(std::move(added.error()));
    if (is_first && database_.changes() == 0) return false;
  }
  if (next / prune_every == *newest / prune_every) return true;
  Result<void> pruned = prune(*id, next);
  if (!pruned) return fail(std::move(pruned.error()));
  return true;
}

Result<void> SqliteMemory::prune(std::int64_t conversation, std::int64_t newest) {
  return database_.run("DELETE FROM history WHERE id BETWEEN ? AND ?", {first_id(conversation), newest - kept_entries});
}

Result<void> SqliteMemory::append(std::string_view conversation, std::string_view turn,
                                  std::span<const Entry> entries) {
  if (entries.empty()) return {};
  Result<Transaction> transaction = Transaction::begin(database_);
  if (!transaction) return fail(std::move(transaction.error()));
  Result<bool> added = insert_all(conversation, turn, entries);
  if (!added) return fail(std::move(added.error()));
  if (!*added) return {};
  Result<void> committed = transaction->commit();
  if (committed && database_.wal_pages() >= forced_checkpoint_pages) checkpoint();
  return committed;
}

Result<void> SqliteMemory::clear_history(std::string_view conversation) {
  Result<std::int64_t> id = id_of(conversation);
  if (!id) return fail(std::move(id.error()));
  return database_.run("DELETE FROM history WHERE id BETWEEN ? AND ?", {first_id(*id), last_id(*id)});
}

Result<void> SqliteMemory::check_room(std::string_view owner) {
  std::int64_t of_owner = 0;
  std::int64_t in_all = 0;
  Result<void> counted =
      database_.query("SELECT count(*), count(*) FILTER (WHERE owner = ?) FROM facts", {owner}, [&](const Row& row) {
        in_all = row.integer(0);
        of_owner = row.integer(1);
      });
  if (!counted) return counted;
  if (of_owner >= max_facts_of_owner) {
    return fail(ErrorKind::limit, fmt::format("{} facts are remembered already: forget one first", of_owner));
  }
  if (in_all >= max_facts_in_all) return fail(ErrorKind::limit, "this memory is full: forget a fact first");
  return {};
}

Result<std::int64_t> SqliteMemory::remember(std::string_view owner, Audience told_in, std::string_view text) {
  if (trim(text).empty()) return fail(ErrorKind::invalid, "an empty fact cannot be remembered");
  if (text.size() > max_fact_bytes) {
    return fail(ErrorKind::invalid,
                fmt::format("a fact has at most {} bytes, this one {}", max_fact_bytes, text.size()));
  }
  if (!is_valid_utf8(text)) return fail(ErrorKind::invalid, "a fact must be valid UTF-8");
  Result<Transaction> transaction = Transaction::begin(database_);
  if (!transaction) return fail(std::move(transaction.error()));
  Result<void> done = check_room(owner);
  const std::string created = to_iso8601(clock_.wall());
  if (done) {
    done = database_.run("INSERT INTO facts(owner, in_group, created, text) VALUES (?, ?, ?, ?)",
                         {owner, is_group(told_in), std::string_view(created), text});
  }
  const std::int64_t id = database_.last_insert_id();
  if (done) done = database_.run("INSERT INTO facts_index(rowid, text) VALUES (?, ?)", {id, text});
  if (done) done = transaction->commit();
  if (!done) return fail(std::move(done.error()));
  has_facts_ = true;
  return id;
}

Result<bool> SqliteMemory::has_facts() {
  if (has_facts_) return *has_facts_;
  bool found = false;
  Result<void> read = database_.query("SELECT 1 FROM facts LIMIT 1", {}, [&](const Row&) { found = true; });
  if (!read) return fail(std::move(read.error()));
  has_facts_ = found;
  return found;
}

Result<std::vector<Fact>> SqliteMemory::recall(Audience asked_in, std::string_view query, std::size_t max_facts) {
  std::vector<Fact> facts;
  Result<bool> any = has_facts();
  if (!any) return fail(std::move(any.error()));
  if (!*any) return facts;
  const auto limit = static_cast<std::int64_t>(std::min<std::size_t>(max_facts, 1000));
  const auto keep = [&](const Row& row) { facts.push_back(fact_of(row)); };
  Result<void> read;
  if (trim(query).empty()) {
    read = database_.query("SELECT id, text, created FROM facts WHERE in_group >= ? ORDER BY id DESC LIMIT ?",
                           {is_group(asked_in), limit}, keep);
  } else {
    const std::string expression = match_expression(query);
    if (expression.empty()) return facts;
    read = database_.query(
        "SELECT facts.id, facts.text, facts.created FROM facts_index JOIN facts ON facts.id = facts_index.rowid"
        " WHERE facts_index MATCH ? AND facts.in_group >= ? ORDER BY bm25(facts_index), facts.id DESC LIMIT ?",
        {std::string_view(expression), is_group(asked_in), limit}, keep);
  }
  if (!read) return fail(std::move(read.error()));
  return facts;
}

Result<bool> SqliteMemory::forget(Audience asked_in, std::int64_t id) {
  Result<Transaction> transaction = Transaction::begin(database_);
  if (!transaction) return fail(std::move(transaction.error()));
  std::optional<std::string> text;
  Result<void> done = database_.query("SELECT text FROM facts WHERE id = ? AND in_group >= ?", {id, is_group(asked_in)},
                                      [&](const Row& row) { text = row.text(0); });
  if (done && !text) return false;
  if (done) {
    done = database_.run("INSERT INTO facts_index(facts_index, rowid, text) VALUES ('delete', ?, ?)",
                         {id, std::string_view(*text)});
  }
  // A deletion is only noted in the index; the merge takes the words out of the file.
  if (done) done = database_.run("INSERT INTO facts_index(facts_index) VALUES ('optimize')");
  if (done) done = database_.run("DELETE FROM facts WHERE id = ?", {id});
  if (done) done = transaction->commit();
  if (!done) return fail(std::move(done.error()));
  has_facts_.reset();
  return true;
}

}  // namespace usher::memory
