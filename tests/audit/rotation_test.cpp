// Old rows in closed segments.
#include <filesystem>
#include <fstream>

#include "audit/ledger_fixture.h"

using namespace usher;
using namespace usher::audit;
using testing::check_chain;
using testing::LedgerFixture;
using testing::run_until;

TEST_CASE("old rows move to closed segments, and chain and tree go on") {
  LedgerFixture f;
  f.rotate_rows = 10;
  f.checkpoint_rows = 1;
  f.open();
  f.append(34);
  const std::vector<Row> before = f.rows();
  run_until(f, [&] {
    Result<store::Database> open = store::Database::open(f.file(), {.is_read_only = true});
    REQUIRE(open);
    std::int64_t least = 0;
    REQUIRE(
        open->query("SELECT min(number) FROM ledger_row", {}, [&](const store::Row& row) { least = row.integer(0); }));
    return least == 31;
  });
  const std::vector<Segment> segments = find_segments(f.file());
  REQUIRE(segments.size() == 3);
  CHECK(segments[1].file.filename() == "ledger-11-20.db");
  CHECK_FALSE(std::filesystem::exists(segments[1].file.string() + "-wal"));
  f.append(1);
  f.close();
  std::vector<Row> after = f.rows();
  REQUIRE(after.size() == 35);
  check_chain(after);
  for (std::size_t i = 0; i < before.size(); ++i) CHECK(after[i].hash == before[i].hash);
  f.open();
  f.append(1);
}

TEST_CASE("a segment whose rows were changed is never closed over them") {
  LedgerFixture f;
  f.make(20);
  f.tamper("UPDATE ledger_row SET detail = 'x' WHERE number = 3");
  CHECK_FALSE(write_segment(f.file(), 1, 10));
  CHECK(find_segments(f.file()).empty());
  CHECK_FALSE(std::filesystem::exists(f.dir / "ledger-1-10.db.new"));
  CHECK(write_segment(f.file(), 11, 20));
}

TEST_CASE("rotation goes on where a crash left it") {
  LedgerFixture f;
  f.make(25);
  // It died after the rename, before anything was deleted; or in the middle of copying.
  REQUIRE(write_segment(f.file(), 1, 10));
  std::ofstream(f.dir / "ledger-11-20.db.new") << "half";
  f.rotate_rows = 10;
  f.checkpoint_rows = 1;
  f.open();
  f.append(1);
  run_until(f, [&] {
    Result<store::Database> open = store::Database::open(f.file(), {.is_read_only = true});
    REQUIRE(open);
    std::int64_t count = 0;
    REQUIRE(open->query("SELECT count(*) FROM ledger_row", {}, [&](const store::Row& row) { count = row.integer(0); }));
    return count == 6;
  });
  check_chain(f.rows());
  CHECK(f.rows().size() == 26);
  CHECK_FALSE(std::filesystem::exists(f.dir / "ledger-11-20.db.new"));
}
