#include "e2e/crash/remains/disk.h"

#include <array>
#include <charconv>
#include <fstream>
#include <sstream>
#include <stdexcept>

#include "store/sqlite.h"
#include "support/temp_dir.h"

namespace usher::e2e::crash {
namespace {

namespace fs = std::filesystem;
using store::Database;
using store::Row;

// In the order of gateway::MessageState.
constexpr std::array<const char*, 7> kStates{"received", "running", "ready",      "sending",
                                             "sent",     "unknown", "undelivered"};

Database opened(const fs::path& file) {
  Result<Database> database = Database::open(file, {});
  if (!database) throw std::runtime_error(file.string() + ": " + database.error().message);
  return std::move(*database);
}

template <class OnRow>
void query(Database& database, const char* sql, OnRow on_row) {
  Result<void> read = database.query(sql, {}, on_row);
  if (!read) throw std::runtime_error(std::string(sql) + ": " + read.error().message);
}

std::string content_of(const fs::path& file) {
  std::ifstream in(file, std::ios::binary);
  std::ostringstream text;
  text << in.rdbuf();
  return text.str();
}

bool is_database(const fs::path& file) { return content_of(file).starts_with("SQLite format 3"); }

void count_effects(std::string_view text, Remains& remains) {
  for (const std::string& token : effects_in(text)) ++remains.effects[token];
}

// The number in "T42 plan: …"; 0 when it is something else.
int message_written_in(std::string_view text) {
  const std::size_t end = text.find(' ');
  return end == std::string_view::npos ? 0 : message_of_token(std::string(text.substr(0, end)) + "/");
}

void read_database(const fs::path& file, Remains& remains) {
  Database database = opened(file);
  query(database, "PRAGMA integrity_check", [&](const Row& row) {
    if (row.text(0) != "ok") remains.damaged.push_back(file.filename().string() + ": " + std::string(row.text(0)));
  });
  std::string tables;
  query(database, "SELECT name FROM sqlite_schema WHERE type = 'table'",
        [&](const Row& row) { tables += "/" + std::string(row.text(0)) + "/"; });
  if (tables.find("/facts/") != std::string::npos) {
    query(database, "SELECT text FROM facts", [&](const Row& row) { count_effects(row.text(0), remains); });
  }
  if (tables.find("/history/") != std::string::npos) {
    query(database, "SELECT text FROM history WHERE author = 'user'",
          [&](const Row& row) { ++remains.remembered[message_written_in(row.text(0))]; });
  }
  if (tables.find("/spending/") != std::string::npos) {
    query(database, "SELECT tenant, sender, settled + reserved FROM spending WHERE sender <> ''", [&](const Row& row) {
      remains.charged[std::string(row.text(0)) + "/" + std::string(row.text(1))] += row.integer(2);
    });
  }
}

}  // namespace

States states_beneath(const fs::path& data_dir) {
  States states;
  std::error_code error;
  if (!fs::exists(data_dir / "gateway.db", error)) return states;
  testing::TempDir scratch;
  for (const char* name : {"gateway.db", "gateway.db-wal"}) {
    if (fs::exists(data_dir / name, error)) fs::copy_file(data_dir / name, scratch / name);
  }
  Database database = opened(scratch / "gateway.db");
  bool has_messages = false;
  query(database, "SELECT 1 FROM sqlite_schema WHERE name = 'message'", [&](const Row&) { has_messages = true; });
  if (!has_messages) return states;
  query(database, "SELECT channel, platform_id, state FROM message", [&](const Row& row) {
    const std::string id(row.text(1));
    std::int64_t update = 0;
    std::from_chars(id.data(), id.data() + id.size(), update);
    states[{std::string(row.text(0)), update}] = kStates.at(static_cast<std::size_t>(row.integer(2)));
  });
  return states;
}

Remains remains_beneath(const fs::path& data_dir) {
  Remains remains;
  for (const fs::directory_entry& entry : fs::recursive_directory_iterator(data_dir)) {
    if (!entry.is_regular_file()) continue;
    if (is_database(entry.path())) {
      read_database(entry.path(), remains);
    } else if (entry.path().string().find("/files/") != std::string::npos) {
      count_effects(content_of(entry.path()), remains);
    }
  }
  return remains;
}

}  // namespace usher::e2e::crash
