// A ledger that is not there any more: what is left of it must say so.
#include <filesystem>
#include <fstream>

#include "audit/check/verify.h"
#include "audit/ledger_fixture.h"

using namespace usher;
using namespace usher::audit;
using testing::LedgerFixture;

namespace {

VerifyReport verify(const LedgerFixture& f) {
  Result<VerifyReport> report = verify_ledger({f.file(), f.checkpoint_file(), f.key.verify_key(), "usher"});
  REQUIRE_MESSAGE(report, (report ? "" : report.error().message));
  return *report;
}

void remove_ledger(const LedgerFixture& f) {
  for (const char* suffix : {"", "-wal", "-shm"}) std::filesystem::remove(f.file().string() + suffix);
}

}  // namespace

TEST_CASE("a ledger that is gone as a whole is found against the checkpoints, as a cut one is") {
  LedgerFixture f;
  f.make(10);
  std::uint64_t first_missing = 1;
  std::string found = "0 rows";
  SUBCASE("removed") { remove_ledger(f); }
  SUBCASE("emptied") {
    remove_ledger(f);
    std::ofstream(f.file()).flush();
  }
  SUBCASE("its tables taken out") { f.tamper("DROP TABLE ledger_row; DROP TABLE head; DROP TABLE anchor"); }
  SUBCASE("but for a closed segment") {
    REQUIRE(write_segment(f.file(), 1, 4));
    remove_ledger(f);
    first_missing = 5;
    found = "4 rows";
  }
  const VerifyReport report = verify(f);
  REQUIRE(report.finding);
  CHECK(report.finding->row == first_missing);
  CHECK(report.finding->expected.contains("10 rows"));
  CHECK(report.finding->found == found);
  const Result<void> opened = f.try_open();
  REQUIRE_FALSE(opened);
  CHECK(opened.error().message.contains("signed for 10 rows, and it is gone or empty"));
}

TEST_CASE("a ledger of which a table is gone was changed, and without checkpoints too") {
  LedgerFixture f;
  f.make(10);
  f.tamper("DROP TABLE head");
  std::filesystem::remove(f.checkpoint_file());
  const VerifyReport report = verify(f);
  REQUIRE(report.finding);
  CHECK(report.finding->what.contains("not those of a ledger"));
  CHECK(f.try_open().error().kind == ErrorKind::denied);
}

TEST_CASE("closed segments without their ledger are not gone on with") {
  LedgerFixture f;
  f.make(10);
  REQUIRE(write_segment(f.file(), 1, 4));
  remove_ledger(f);
  std::filesystem::remove(f.checkpoint_file());
  CHECK(verify(f).finding);
  CHECK(f.try_open().error().kind == ErrorKind::denied);
}

TEST_CASE("where no ledger is and none was, nothing was changed and nothing stands in the way of one") {
  LedgerFixture f;
  std::ofstream(f.file()).flush();  // a crash may have cut its making off
  const Result<VerifyReport> report = verify_ledger({f.file(), f.checkpoint_file(), f.key.verify_key(), "usher"});
  REQUIRE_FALSE(report);
  CHECK(report.error().kind == ErrorKind::not_found);
  f.make(1);
  CHECK_FALSE(verify(f).finding);
}
