// A ledger is gone on with only where its newest checkpoint left off.
#include <filesystem>

#include "audit/ledger_fixture.h"

using namespace usher;
using namespace usher::audit;
using testing::LedgerFixture;
using testing::stored_head;

TEST_CASE("a ledger that was cut or rewritten is not gone on with") {
  LedgerFixture f;
  f.make(20);
  std::string expected = "was changed";
  SUBCASE("cut") { f.tamper("DELETE FROM ledger_row WHERE number > 15"); }
  SUBCASE("cut, and the head made to fit") {
    const Head cut = [&] {
      Head head;
      for (const Row& row : f.rows()) {
        if (row.number <= 15) head.add(row);
      }
      return head;
    }();
    f.tamper("DELETE FROM ledger_row WHERE number > 15; UPDATE head SET size = 15, last = '" + to_hex(cut.last) +
             "', frontier = '" + cut.frontier.to_text() + "'; DELETE FROM anchor");
  }
  SUBCASE("deleted") {
    for (const char* suffix : {"", "-wal", "-shm"}) std::filesystem::remove(f.file().string() + suffix);
  }
  SUBCASE("a row changed that no anchor covers") {
    f.tamper("DELETE FROM anchor; UPDATE ledger_row SET detail = 'x' WHERE number = 3");
  }
  SUBCASE("another frontier") {
    Head other = stored_head(f);
    other.frontier = Frontier();
    for (int i = 0; i < 20; ++i) other.frontier.add(leaf_hash(std::to_string(i)));
    f.tamper("UPDATE head SET frontier = '" + other.frontier.to_text() + "'; UPDATE anchor SET frontier = '" +
             other.frontier.to_text() + "'");
  }
  SUBCASE("no frontier") { f.tamper("UPDATE head SET frontier = ''"); }
  SUBCASE("another hash of the last row") { f.tamper("UPDATE head SET last = '" + std::string(64, '1') + "'"); }
  SUBCASE("its newest row changed") { f.tamper("UPDATE ledger_row SET who = 'x' WHERE number = 20"); }
  SUBCASE("its newest row gone") { f.tamper("DELETE FROM ledger_row WHERE number = 20"); }
  SUBCASE("signed by another") {
    f.key = SigningKey::make("usher");
    expected = "not signed by the key";
  }
  Result<void> opened = f.try_open();
  REQUIRE_FALSE(opened);
  CHECK(opened.error().kind == ErrorKind::denied);
  CHECK_MESSAGE(opened.error().message.contains(expected), opened.error().message);
}

TEST_CASE("rows behind the newest checkpoint are looked at when a ledger is opened") {
  LedgerFixture f;
  f.open();
  f.append(10);
  f.checkpoint();
  f.append(10);
  f.close();
  f.open();
  f.close();
  SUBCASE("changed") { f.tamper("UPDATE ledger_row SET outcome = 'allowed' WHERE number = 15"); }
  SUBCASE("missing") { f.tamper("DELETE FROM ledger_row WHERE number = 15"); }
  SUBCASE("one too many") {
    f.tamper(
        "INSERT INTO ledger_row SELECT 21, at_ms, kind, outcome, tenant, who, role, source, action, resource,"
        " sensitivity, rule, detail, policy_hash, hash FROM ledger_row WHERE number = 20");
  }
  CHECK_FALSE(f.try_open());
}

TEST_CASE("opening does not read what the newest checkpoint covers") {
  LedgerFixture f;
  f.make(50);
  // Nobody would do so; but it shows what is read.
  f.tamper("UPDATE ledger_row SET detail = 'x' WHERE number = 3");
  f.open();
}
