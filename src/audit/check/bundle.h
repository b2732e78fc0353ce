// A bundle: some rows of a ledger with everything that proves them to somebody who has the public key alone. A text of
// JSON lines: first a header,
//
//   {"usher_bundle": 1, "first": 11, "last": 20, "previous": "<hash of row 10>", "checkpoints": ["<note>", …],
//    "inclusion": [{"row": 11, "size": 30, "proof": […]}, …], "consistency": [{"old_size": 10, "size": 30, "proof":
//    […]}, …]}
//
// then the rows in order (audit/row.h). `checkpoints`: the newest before the first row (if there is one), the oldest
// that counts the last row, and the newest of all; each is shown to continue the one before it. First and last row are
// shown to be in the second's tree; the rows between them hang on the chain.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "audit/check/history.h"
#include "audit/storage/store.h"

namespace usher::audit {

constexpr std::size_t kMaxHeaderBytes = 1u << 20;
constexpr std::size_t kMaxRowBytes = 256u << 10;  // as JSON, where a byte can be six

struct BundleRange {
  std::uint64_t first = 1;
  std::uint64_t last = 0;
};

// Calls on_line with each line, without its newline, until it says false. invalid when the range is none, is not
// counted by a checkpoint, or the rows do not fit the checkpoints. Reads the rows twice; blocks.
Result<void> make_bundle(LedgerReader& reader, const History& history, const BundleRange& range,
                         const std::function<bool(std::string_view line)>& on_line);

struct BundleReport {
  BundleRange range;
  std::uint64_t rows = 0;         // that are right
  std::uint64_t signed_rows = 0;  // of the newest checkpoint
  std::string origin;
  std::optional<Finding> finding;
};

// Takes the lines of a bundle; pure, any thread. After the first finding it takes nothing more.
class BundleVerifier {
 public:
  explicit BundleVerifier(VerifyKey key);
  ~BundleVerifier();
  // False when something was found.
  bool add_line(std::string_view line);
  BundleReport finish();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace usher::audit
