// Whether a ledger may be gone on with. Blocks.
#pragma once

#include "audit/durable_ledger.h"

namespace usher::audit {

struct Opened {
  std::uint64_t rows = 0;
  std::uint64_t signed_rows = 0;  // of the newest checkpoint; at most `rows`
};
// See open_ledger.
Result<Opened> check_before_opening(const LedgerOptions& options);

}  // namespace usher::audit
