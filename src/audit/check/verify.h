// Whether a ledger is what was written: every row, its chain, its tree, its checkpoints and its stored head. Works
// beside a running gateway, with the public key alone. Blocks.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "audit/check/history.h"
#include "audit/storage/store.h"

namespace usher::audit {

struct VerifyRequest {
  std::filesystem::path file;  // ledger.db
  std::filesystem::path checkpoint_file;
  VerifyKey key;       // from config or the command line, never from the ledger
  std::string origin;  // "" = whatever all checkpoints say
};

struct VerifyReport {
  std::uint64_t rows = 0;         // that are right; up to the finding, if there is one
  std::uint64_t checkpoints = 0;  // that fit
  std::uint64_t signed_rows = 0;  // of the newest of them
  Digest root{};                  // over `rows`
  std::optional<Finding> finding;
  std::vector<std::string> notices;
};

// io or corrupt when files cannot be read, not_found when neither a ledger nor anything that proves one is there;
// whatever was changed is a finding, a ledger that is gone too.
Result<VerifyReport> verify_ledger(const VerifyRequest& request);

}  // namespace usher::audit
