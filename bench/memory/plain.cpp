#include "plain.h"

#include <fmt/format.h>
#include <sqlite3.h>

#include <stdexcept>

namespace usher::bench {
namespace {

void check(int code, sqlite3* handle) {
  if (code != SQLITE_OK && code != SQLITE_ROW && code != SQLITE_DONE) throw std::runtime_error(sqlite3_errmsg(handle));
}

template <class F>
void for_each_row(sqlite3* handle, const char* sql, F on_row) {
  sqlite3_stmt* statement = nullptr;
  check(sqlite3_prepare_v2(handle, sql, -1, &statement, nullptr), handle);
  int code = SQLITE_ROW;
  while ((code = sqlite3_step(statement)) == SQLITE_ROW) on_row(statement);
  sqlite3_finalize(statement);
  check(code, handle);
}

}  // namespace

PlainMemory::PlainMemory(const std::filesystem::path& file, const std::string& schema) {
  check(sqlite3_open(file.c_str(), &handle_), handle_);
  run("PRAGMA journal_mode=WAL");
  run("PRAGMA synchronous=NORMAL");
  run(schema.c_str());
}

PlainMemory::~PlainMemory() { sqlite3_close(handle_); }

void PlainMemory::run(const char* sql) { check(sqlite3_exec(handle_, sql, nullptr, nullptr, nullptr), handle_); }

int PlainMemory::count(const char* sql) {
  int rows = 0;
  for_each_row(handle_, sql, [&](sqlite3_stmt*) { ++rows; });
  return rows;
}

int PlainMemory::turn(const std::string& name) {
  const int length =
      count("SELECT author, text, extra FROM history WHERE id BETWEEN 0 AND 4294967295 ORDER BY id DESC LIMIT 50");
  count("SELECT 1 FROM facts LIMIT 1");
  run("BEGIN IMMEDIATE");
  run("INSERT OR IGNORE INTO conversations(key) VALUES ('c')");
  run(fmt::format(
          "INSERT INTO history(conversation, turn, author, text, extra) VALUES (1, '{}', 'user', 'a question', '')",
          name)
          .c_str());
  run("INSERT INTO history(conversation, turn, author, text, extra) VALUES (1, NULL, 'assistant', 'an answer', '')");
  run("COMMIT");
  return length;
}

std::string schema_of(const std::filesystem::path& file) {
  sqlite3* handle = nullptr;
  check(sqlite3_open_v2(file.c_str(), &handle, SQLITE_OPEN_READONLY, nullptr), handle);
  std::string schema;
  for_each_row(
      handle,
      "SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL AND name NOT LIKE 'facts\\_index\\_%' ESCAPE '\\' AND "
      "name <> 'sqlite_sequence'",
      [&](sqlite3_stmt* row) {
        std::string sql = reinterpret_cast<const char*>(sqlite3_column_text(row, 0));
        for (const std::string_view word : {"TABLE ", "INDEX "}) {
          const std::size_t at = sql.find(word);
          if (at == std::string::npos || at > 16) continue;
          sql.insert(at + word.size(), "IF NOT EXISTS ");
          break;
        }
        schema += sql + ";";
      });
  sqlite3_close(handle);
  return schema;
}

}  // namespace usher::bench
