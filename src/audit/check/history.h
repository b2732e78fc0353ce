// Everything that a file of checkpoints says, for whoever verifies a ledger. Blocks.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "audit/note/checkpoint.h"

namespace usher::audit {

// What was changed: the first thing that is wrong.
struct Finding {
  std::uint64_t row = 0;  // the first bad row; 0 = it is not about rows
  std::string what;       // a sentence
  std::string expected;   // "" where there is nothing to compare
  std::string found;
};

struct SignedCheckpoint {
  Checkpoint checkpoint;
  std::string note;  // word for word
};

struct History {
  std::vector<SignedCheckpoint> checkpoints;  // by size, each size once
  std::optional<Finding> finding;             // then the list ends before it
  std::vector<std::string> notices;           // what the operator should know without being wrong

  std::uint64_t signed_rows() const { return checkpoints.empty() ? 0 : checkpoints.back().checkpoint.size; }
};

constexpr std::size_t kMaxHistoryBytes = 512u << 20;

// All notes must be signed by `key` and be of `origin` ("" = all of the same). A missing file is a notice; io when it
// cannot be read, or is larger than kMaxHistoryBytes.
Result<History> read_history(const std::filesystem::path& file, const VerifyKey& key, const std::string& origin);
// The same of a text; `name` is what findings call it.
History parse_history(std::string_view text, const std::string& name, const VerifyKey& key, std::string origin);

}  // namespace usher::audit
