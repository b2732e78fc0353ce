// links: audit
//
// Any bytes as a bundle: never one that verifies, as nothing here is signed; a row that is read keeps its bytes.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "audit/check/bundle.h"
#include "audit/row.h"

namespace {

using namespace usher;
using namespace usher::audit;

void demand(bool holds) {
  if (!holds) std::abort();
}

void check_row(std::string_view line) {
  const Result<json::value> value = parse_json(line, kMaxRowBytes);
  if (!value) return;
  const Result<Row> row = parse_row(*value);
  if (!row) return;
  const Result<Row> again = parse_row(json::parse(json::serialize(to_json(*row))));
  demand(again && canonical_bytes(*again, {}) == canonical_bytes(*row, {}));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const VerifyKey key = SigningKey::make("usher").verify_key();
  std::string_view input(reinterpret_cast<const char*>(data), size);
  BundleVerifier verifier(key);
  while (!input.empty()) {
    const std::size_t end = input.find('\n');
    const std::string_view line = input.substr(0, end);
    check_row(line);
    (void)verifier.add_line(line);
    input.remove_prefix(end == input.npos ? input.size() : end + 1);
  }
  const BundleReport report = verifier.finish();
  demand(report.finding.has_value());
  return 0;
}
