// A log cut or garbled anywhere, as a power cut may leave it: exactly the transactions before that place are there.
#include <doctest/doctest.h>

#include <algorithm>
#include <fstream>
#include <iterator>

#include "store/sqlite.h"
#include "support/temp_dir.h"

using namespace usher;
using store::Database;
using store::Row;

namespace {

namespace fs = std::filesystem;

constexpr std::size_t header_bytes = 32;
constexpr std::size_t frame_bytes = 24 + 4096;

std::string bytes_of(const fs::path& file) {
  std::ifstream in(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
}

void write(const fs::path& file, const std::string& bytes) {
  std::ofstream(file, std::ios::binary | std::ios::trunc) << bytes;
}

// A database whose log holds transactions of one to five frames.
struct Logged {
  testing::TempDir dir;
  std::string database, log;
  std::vector<std::size_t> ends;  // the log's size after each transaction

  Logged() {
    const fs::path file = dir / "a.db";
    Result<Database> opened = Database::open(file, {.autocheckpoint_pages = 0});
    REQUIRE(opened);
    REQUIRE(opened->script("CREATE TABLE t(x INTEGER PRIMARY KEY, filler BLOB)"));
    REQUIRE(opened->checkpoint());
    for (std::int64_t value = 0; value < 10; ++value) {
      REQUIRE(opened->run("INSERT INTO t VALUES (?, zeroblob(?))", {value, std::int64_t{value % 5 * 4000}}));
      ends.push_back(static_cast<std::size_t>(fs::file_size(file.string() + "-wal")));
    }
    database = bytes_of(file);
    log = bytes_of(file.string() + "-wal");
  }

  // How many transactions are there with this log, which must be the first ones; -1 when it is not sound.
  std::int64_t transactions_with(const std::string& bytes) {
    const fs::path file = dir / "copy.db";
    write(file, database);
    write(file.string() + "-wal", bytes);
    Result<Database> opened = Database::open(file);
    REQUIRE_MESSAGE(opened, opened.error().message);
    std::int64_t count = 0, newest = -1;
    std::string integrity;
    REQUIRE(opened->query("SELECT count(*), ifnull(max(x), -1) FROM t", {}, [&](const Row& row) {
      count = row.integer(0);
      newest = row.integer(1);
    }));
    REQUIRE(opened->query("PRAGMA integrity_check", {}, [&](const Row& row) { integrity += row.text(0); }));
    return newest == count - 1 && integrity == "ok" ? count : -1;
  }

  // Those that end at or before this place.
  std::int64_t transactions_before(std::size_t place) const {
    return std::ranges::count_if(ends, [&](std::size_t end) { return end <= place; });
  }
};

}  // namespace

TEST_CASE("a log cut anywhere holds exactly the transactions that are whole") {
  Logged logged;
  REQUIRE((logged.log.size() - header_bytes) % frame_bytes == 0);
  std::vector<std::size_t> cuts = {0, 1, header_bytes - 1};
  for (std::size_t border = header_bytes; border <= logged.log.size(); border += frame_bytes) {
    for (const std::size_t cut :
         {border, border + 1, border + 24, border + 25, border + 2000, border + frame_bytes - 1}) {
      if (cut <= logged.log.size()) cuts.push_back(cut);
    }
  }
  CHECK(cuts.size() > 100);
  for (const std::size_t cut : cuts) {
    CAPTURE(cut);
    CHECK(logged.transactions_with(logged.log.substr(0, cut)) == logged.transactions_before(cut));
  }
}

TEST_CASE("a log garbled anywhere holds exactly the transactions before that place") {
  Logged logged;
  for (std::size_t border = header_bytes; border < logged.log.size(); border += frame_bytes) {
    for (const std::size_t place :
         {border, border + 5, border + 17, border + 24, border + 1000, border + frame_bytes - 1}) {
      CAPTURE(place);
      std::string garbled = logged.log;
      garbled[place] = static_cast<char>(garbled[place] ^ 0x40);
      CHECK(logged.transactions_with(garbled) == logged.transactions_before(border));
    }
  }
}

TEST_CASE("frames of an earlier use of the log behind a cut are not taken for new ones") {
  Logged logged;
  const std::size_t cut = logged.ends[4];
  std::string stale = logged.log;
  // The same frames again, where others stood: their checksums do not follow from what is before them.
  for (std::size_t i = 0; i + cut < stale.size() && header_bytes + i < cut; ++i)
    stale[cut + i] = stale[header_bytes + i];
  CHECK(logged.transactions_with(stale) == 5);
}
