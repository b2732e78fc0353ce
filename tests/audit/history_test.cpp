// The file of checkpoints, changed and torn.
#include "audit/check/history.h"

#include <fstream>
#include <sstream>

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

std::string text_of(const std::filesystem::path& file) {
  std::ostringstream text;
  text << std::ifstream(file, std::ios::binary).rdbuf();
  return text.str();
}

void put(const std::filesystem::path& file, const std::string& text) {
  std::ofstream(file, std::ios::binary | std::ios::trunc) << text;
}

}  // namespace

TEST_CASE("each changed byte of the file of checkpoints is found") {
  LedgerFixture f;
  f.open();
  for (int i = 0; i < 3; ++i) {
    f.append(2);
    f.checkpoint();
  }
  f.close();
  const std::string good = text_of(f.checkpoint_file());
  for (std::size_t i = 0; i < good.size(); ++i) {
    for (const int flip : {1, 2, 64}) {
      std::string bad = good;
      bad[i] = static_cast<char>(bad[i] ^ flip);
      CAPTURE(bad);
      const History history = parse_history(bad, "checkpoints", f.key.verify_key(), "usher");
      CHECK(history.finding);
    }
  }
  CHECK_FALSE(parse_history(good, "checkpoints", f.key.verify_key(), "usher").finding);
  CHECK(parse_history(good, "checkpoints", f.key.verify_key(), "another").finding);
}

TEST_CASE("a checkpoint torn by a crash is told, and is no tampering") {
  LedgerFixture f;
  f.open();
  f.append(2);
  f.checkpoint();
  const std::string one = text_of(f.checkpoint_file());
  f.append(2);
  f.checkpoint();
  f.close();
  const std::string two = text_of(f.checkpoint_file());
  for (std::size_t cut = one.size() + 1; cut + 1 < two.size(); ++cut) {
    put(f.checkpoint_file(), two.substr(0, cut));
    const VerifyReport report = verify(f);
    CHECK_FALSE(report.finding);
    CHECK(report.signed_rows == 2);
    CHECK(report.notices.size() == 2);
  }
}
