// What is done to a ledger here, somebody with access to its files could do; verify must see it.
#include "audit/check/verify.h"

#include <filesystem>

#include "audit/ledger_fixture.h"

using namespace usher;
using namespace usher::audit;
using testing::LedgerFixture;
using testing::record_of;

namespace {

VerifyReport verify(const LedgerFixture& f) {
  Result<VerifyReport> report = verify_ledger({f.file(), f.checkpoint_file(), f.key.verify_key(), "usher"});
  REQUIRE_MESSAGE(report, (report ? "" : report.error().message));
  return *report;
}

// The row that verify names; 0 when it finds nothing, or something that is not a row.
std::uint64_t bad_row(const LedgerFixture& f) {
  const VerifyReport report = verify(f);
  return report.finding ? report.finding->row : 0;
}

// All hashes and the head made right again, as somebody would who knows how but has no key.
void make_right(const LedgerFixture& f, std::uint64_t rows) {
  Head head;
  std::string sql;
  Result<std::unique_ptr<LedgerReader>> reader = open_ledger_reader(f.file());
  REQUIRE(reader);
  REQUIRE((*reader)->each_row(1, rows, [&](std::uint64_t number, Result<Row> row) {
    REQUIRE(row);
    row->hash = hash_of(*row, head.last);
    head.add(*row);
    sql += "UPDATE ledger_row SET hash = '" + to_hex(row->hash) + "' WHERE number = " + std::to_string(number) + ";";
    return true;
  }));
  reader->reset();
  f.tamper(sql + "UPDATE head SET size = " + std::to_string(head.size()) + ", last = '" + to_hex(head.last) +
           "', frontier = '" + head.frontier.to_text() + "'; DELETE FROM anchor");
}

}  // namespace

TEST_CASE("an untouched ledger verifies, also while it is written and after it") {
  LedgerFixture f;
  f.open();
  f.append(5);
  f.checkpoint();
  f.append(5);
  VerifyReport report = verify(f);
  CHECK_FALSE(report.finding);
  CHECK(report.rows == 10);
  CHECK(report.signed_rows == 5);
  REQUIRE(report.notices.size() == 1);
  CHECK(report.notices[0].contains("rows 6 to 10"));
  f.checkpoint();
  f.close();
  report = verify(f);
  CHECK_FALSE(report.finding);
  CHECK(report.checkpoints == 2);
  CHECK(report.notices.empty());
}

TEST_CASE("without a checkpoint it says that a cut tail cannot be excluded") {
  LedgerFixture f;
  f.open();
  f.append(5);
  f.close();
  const VerifyReport report = verify(f);
  CHECK_FALSE(report.finding);
  REQUIRE(report.notices.size() == 2);
  CHECK(report.notices[1].contains("a cut tail cannot be excluded"));
}

TEST_CASE("each changed byte of each column of a row is found, and the row is named") {
  LedgerFixture f;
  f.make(6);
  const std::vector<std::string> texts = {"kind",   "outcome",  "tenant", "who",    "role",        "source",
                                          "action", "resource", "rule",   "detail", "policy_hash", "hash"};
  Result<store::Database> database = store::Database::open(f.file(), {.sharing = store::Sharing::shared});
  REQUIRE(database);
  const auto read_column = [&](const std::string& column) {
    std::string text;
    const std::string sql = "SELECT " + column + " FROM ledger_row WHERE number = 4";
    Result<store::Database> reader =
        store::Database::open(f.file(), {.sharing = store::Sharing::shared, .is_read_only = true});
    REQUIRE(reader->query(sql.c_str(), {}, [&](const store::Row& row) { text = row.text(0); }));
    return text;
  };
  const auto set_column = [&](const std::string& column, const std::string& text) {
    std::string hex = to_hex(std::span(reinterpret_cast<const unsigned char*>(text.data()), text.size()));
    REQUIRE(database->script("UPDATE ledger_row SET " + column + " = CAST(x'" + hex + "' AS TEXT) WHERE number = 4"));
  };
  std::size_t flips = 0;
  for (const std::string& column : texts) {
    CAPTURE(column);
    const std::string good = read_column(column);
    for (std::size_t i = 0; i <= good.size(); ++i) {
      std::string bad = good;
      if (i < good.size()) {
        bad[i] = static_cast<char>(bad[i] ^ (1 << (i % 8)));
      } else {
        bad += '\0';
      }
      set_column(column, bad);
      CHECK(bad_row(f) == 4);
      ++flips;
    }
    set_column(column, good);
  }
  CHECK(flips > 200);
  CHECK(bad_row(f) == 0);
  for (const char* change : {"at_ms = at_ms + 1", "at_ms = -at_ms", "sensitivity = 0", "sensitivity = 5000000000"}) {
    CAPTURE(change);
    REQUIRE(database->script("CREATE TABLE kept AS SELECT * FROM ledger_row WHERE number = 4; UPDATE ledger_row SET " +
                             std::string(change) + " WHERE number = 4"));
    CHECK(bad_row(f) == 4);
    REQUIRE(
        database->script("DELETE FROM ledger_row WHERE number = 4; INSERT INTO ledger_row SELECT * FROM kept;"
                         "DROP TABLE kept"));
  }
  REQUIRE(database->script("UPDATE ledger_row SET number = 9 WHERE number = 4"));
  CHECK(bad_row(f) == 4);
}

TEST_CASE("a column of another type is found even where it reads alike") {
  LedgerFixture f;
  f.make(4);
  f.tamper(
      "CREATE TABLE loose(number INTEGER PRIMARY KEY, at_ms, kind, outcome, tenant, who, role, source, action, "
      "resource,"
      " sensitivity, rule, detail, policy_hash, hash); INSERT INTO loose SELECT * FROM ledger_row;"
      "DROP TABLE ledger_row; ALTER TABLE loose RENAME TO ledger_row");
  REQUIRE(bad_row(f) == 0);
  SUBCASE("a text for a number") {
    f.tamper("UPDATE ledger_row SET sensitivity = CAST(sensitivity AS TEXT) WHERE number = 3");
  }
  SUBCASE("a blob for a text") { f.tamper("UPDATE ledger_row SET who = CAST(who AS BLOB) WHERE number = 3"); }
  SUBCASE("a real for a number") { f.tamper("UPDATE ledger_row SET at_ms = CAST(at_ms AS REAL) WHERE number = 3"); }
  SUBCASE("nothing for an empty text") { f.tamper("UPDATE ledger_row SET who = NULL WHERE number = 3"); }
  CHECK(bad_row(f) == 3);
}

TEST_CASE("rows that were swapped, taken out, put in or repeated are found and named") {
  LedgerFixture f;
  f.make(10);
  std::uint64_t expected = 0;
  SUBCASE("swapped") {
    f.tamper(
        "UPDATE ledger_row SET number = 99 WHERE number = 4; UPDATE ledger_row SET number = 4 WHERE number = 7;"
        "UPDATE ledger_row SET number = 7 WHERE number = 99");
    expected = 4;
  }
  SUBCASE("taken out") {
    f.tamper("DELETE FROM ledger_row WHERE number = 5");
    expected = 5;
  }
  SUBCASE("taken out and closed up") {
    f.tamper("DELETE FROM ledger_row WHERE number = 5; UPDATE ledger_row SET number = number - 1 WHERE number > 5");
    expected = 5;
  }
  SUBCASE("repeated at the end") {
    f.tamper(
        "INSERT INTO ledger_row SELECT 11, at_ms, kind, outcome, tenant, who, role, source, action, resource,"
        " sensitivity, rule, detail, policy_hash, hash FROM ledger_row WHERE number = 10");
    expected = 11;
  }
  SUBCASE("put before the first") {
    f.tamper(
        "INSERT INTO ledger_row SELECT 0, at_ms, kind, outcome, tenant, who, role, source, action, resource,"
        " sensitivity, rule, detail, policy_hash, hash FROM ledger_row WHERE number = 10");
    expected = 1;
  }
  CHECK(bad_row(f) == expected);
}

TEST_CASE("a cut tail is found against the checkpoints, and the first missing row is named") {
  LedgerFixture f;
  f.make(10);
  f.tamper("DELETE FROM ledger_row WHERE number > 7");
  const VerifyReport plain = verify(f);
  REQUIRE(plain.finding);
  CHECK(plain.finding->row == 8);
  make_right(f, 7);
  const VerifyReport report = verify(f);
  REQUIRE(report.finding);
  CHECK(report.finding->row == 8);
  CHECK(report.finding->expected.contains("10 rows"));
  CHECK(report.finding->found == "7 rows");
}

TEST_CASE("a ledger rewritten with right hashes is found against the checkpoints") {
  LedgerFixture f;
  f.open();
  f.append(10);
  f.checkpoint();
  f.append(10);
  f.checkpoint();
  f.close();
  SUBCASE("in the first part") {
    f.tamper("UPDATE ledger_row SET outcome = 'allowed' WHERE number = 3");
    make_right(f, 20);
    CHECK(bad_row(f) == 1);
  }
  SUBCASE("in the second") {
    f.tamper("UPDATE ledger_row SET outcome = 'allowed' WHERE number = 15");
    make_right(f, 20);
    const VerifyReport report = verify(f);
    REQUIRE(report.finding);
    CHECK(report.finding->row == 11);
    CHECK(report.finding->what.contains("rows 11 to 20"));
    CHECK(report.checkpoints == 1);
  }
}

TEST_CASE("rows with a right chain that nobody has signed are told apart") {
  LedgerFixture f;
  f.make(5);
  f.tamper(
      "INSERT INTO ledger_row SELECT 6, at_ms, kind, outcome, tenant, who, role, source, action, resource,"
      " sensitivity, rule, detail, policy_hash, hash FROM ledger_row WHERE number = 5");
  make_right(f, 6);
  const VerifyReport report = verify(f);
  CHECK_FALSE(report.finding);
  CHECK(report.signed_rows == 5);
  REQUIRE(report.notices.size() == 1);
  CHECK(report.notices[0].contains("nobody has signed"));
}

TEST_CASE("a ledger that was signed again with another key fails") {
  LedgerFixture f;
  f.make(10);
  LedgerFixture forged;  // its own key, the same rows but one
  forged.open();
  for (int i = 1; i <= 10; ++i) {
    Record record = record_of(i);
    if (i == 4) record.outcome = Outcome::denied;
    REQUIRE(forged.append(record));
  }
  forged.checkpoint();
  forged.close();
  Result<VerifyReport> report = verify_ledger({forged.file(), forged.checkpoint_file(), f.key.verify_key(), "usher"});
  REQUIRE(report);
  REQUIRE(report->finding);
  CHECK(report->finding->what.contains("not signed by the key"));
  report = verify_ledger({forged.file(), f.checkpoint_file(), f.key.verify_key(), "usher"});
  REQUIRE(report);
  REQUIRE(report->finding);
  CHECK(report->finding->row == 1);
}

TEST_CASE("a stored head that is not that of the rows is found") {
  LedgerFixture f;
  f.make(10);
  SUBCASE("its frontier") {
    Frontier other;
    for (int i = 0; i < 10; ++i) other.add(leaf_hash(std::to_string(i)));
    f.tamper("UPDATE head SET frontier = '" + other.to_text() + "'");
  }
  SUBCASE("its last hash") { f.tamper("UPDATE head SET last = '" + std::string(64, '0') + "'"); }
  SUBCASE("its size") { f.tamper("UPDATE head SET size = 3"); }
  SUBCASE("all of it") { f.tamper("DELETE FROM head"); }
  SUBCASE("its type") { f.tamper("UPDATE head SET frontier = 'x'"); }
  CHECK(verify(f).finding);
}

TEST_CASE("verify reads across closed segments, and misses one that is gone") {
  LedgerFixture f;
  f.make(35);
  for (const std::uint64_t first : {1, 11, 21}) REQUIRE(write_segment(f.file(), first, first + 9));
  f.tamper("DELETE FROM ledger_row WHERE number <= 30");
  VerifyReport report = verify(f);
  CHECK_FALSE(report.finding);
  CHECK(report.rows == 35);
  const auto middle = f.dir / "ledger-11-20.db";
  SUBCASE("gone") { std::filesystem::remove(middle); }
  SUBCASE("changed") {
    Result<store::Database> segment = store::Database::open(middle);
    REQUIRE(segment);
    REQUIRE(segment->script("UPDATE ledger_row SET who = 'x' WHERE number = 11"));
  }
  CHECK(bad_row(f) == 11);
}
