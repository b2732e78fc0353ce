#include "audit/check/bundle.h"

#include "audit/ledger_fixture.h"

using namespace usher;
using namespace usher::audit;
using testing::LedgerFixture;

namespace {

using Lines = std::vector<std::string>;

// Checkpoints of 4, 9, 15 and 22 rows, and two rows more.
struct Exported : LedgerFixture {
  Exported() {
    open();
    for (const int rows : {4, 5, 6, 7}) {
      append(rows);
      checkpoint();
    }
    append(2);
    close();
  }
  Result<Lines> export_rows(std::uint64_t first, std::uint64_t last) const {
    Result<History> history = read_history(checkpoint_file(), key.verify_key(), "usher");
    REQUIRE(history);
    Result<std::unique_ptr<LedgerReader>> reader = open_ledger_reader(file());
    REQUIRE(reader);
    Lines lines;
    Result<void> made = make_bundle(**reader, *history, {first, last}, [&](std::string_view line) {
      lines.emplace_back(line);
      return true;
    });
    if (!made) return fail(std::move(made.error()));
    return lines;
  }
  BundleReport check(const Lines& lines) const {
    BundleVerifier verifier(key.verify_key());
    for (const std::string& line : lines) (void)verifier.add_line(line);
    return verifier.finish();
  }
};

}  // namespace

TEST_CASE("every range of signed rows is proven by its bundle and the public key alone") {
  const Exported f;
  for (std::uint64_t first = 1; first <= 22; ++first) {
    for (std::uint64_t last = first; last <= 22; ++last) {
      Result<Lines> lines = f.export_rows(first, last);
      REQUIRE(lines);
      CHECK(lines->size() == last - first + 2);
      const BundleReport report = f.check(*lines);
      CHECK_MESSAGE(!report.finding, (report.finding ? report.finding->what : ""));
      CHECK(report.rows == last - first + 1);
      CHECK(report.signed_rows == 22);
    }
  }
}

TEST_CASE("rows that are not signed, or not there, are not exported") {
  const Exported f;
  for (const auto& [first, last] :
       std::vector<std::pair<std::uint64_t, std::uint64_t>>{{1, 23}, {23, 24}, {1, 100}, {0, 4}, {5, 4}}) {
    Result<Lines> lines = f.export_rows(first, last);
    REQUIRE_FALSE(lines);
    CHECK(lines.error().kind == ErrorKind::invalid);
  }
}

TEST_CASE("no byte of a bundle can be changed") {
  const Exported f;
  const Lines good = *f.export_rows(6, 8);
  REQUIRE_FALSE(f.check(good).finding);
  for (std::size_t line = 0; line < good.size(); ++line) {
    for (std::size_t i = 0; i < good[line].size(); ++i) {
      Lines bad = good;
      bad[line][i] = static_cast<char>(bad[line][i] ^ (1 << (i % 7)));
      CAPTURE(bad[line]);
      CHECK(f.check(bad).finding);
    }
  }
}

TEST_CASE("lines of a bundle cannot be taken out, swapped, repeated or taken from elsewhere") {
  const Exported f;
  const Lines good = *f.export_rows(6, 9);
  Lines bad = good;
  SUBCASE("the last") { bad.pop_back(); }
  SUBCASE("the first row") { bad.erase(bad.begin() + 1); }
  SUBCASE("the header") { bad.erase(bad.begin()); }
  SUBCASE("all") { bad.clear(); }
  SUBCASE("swapped") { std::swap(bad[1], bad[2]); }
  SUBCASE("repeated") { bad.push_back(bad.back()); }
  SUBCASE("another bundle's header") { bad[0] = f.export_rows(5, 8)->front(); }
  SUBCASE("another bundle's row") { bad[2] = f.export_rows(5, 8)->back(); }
  CHECK(f.check(bad).finding);
}

TEST_CASE("a bundle of another ledger, or of one that was signed again, does not verify with this key") {
  const Exported f;
  const Exported other;
  CHECK_FALSE(other.check(*other.export_rows(1, 4)).finding);
  CHECK(f.check(*other.export_rows(1, 4)).finding);
}

TEST_CASE("a ledger that was changed is not exported") {
  const Exported f;
  f.tamper("UPDATE ledger_row SET hash = '" + std::string(64, '1') + "' WHERE number = 3");
  CHECK_FALSE(f.export_rows(10, 12));
}
