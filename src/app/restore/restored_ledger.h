// What becomes of the ledger when a backup takes the place of data_dir: it tells of that in a row of its own, and it
// has to go on from checkpoints that may lie elsewhere and prove newer rows. Each blocks; one thread, under the lock of
// data_dir.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "audit/ledger.h"
#include "base/result.h"
#include "config/config.h"

namespace usher::app {

// A ledger, held against the checkpoints that it would go on from.
struct LedgerFit {
  std::uint64_t rows = 0;
  std::uint64_t signed_rows = 0;   // by the newest checkpoint that is to be trusted
  std::uint64_t common_rows = 0;   // by the newest that is of these rows
  std::string misfit;              // a sentence: why usher would not start; "" = it does
  std::vector<std::string> notes;  // the checkpoints of these rows, where there is a misfit
};

// Reads all rows where they do not fit. The error of open_ledger when no usher would start on the ledger, whatever the
// checkpoints say.
Result<LedgerFit> hold_against_checkpoints(const config::Config& config);

// Of the newest checkpoint; nullopt where there is none, or none that can be trusted.
std::optional<std::uint64_t> signed_rows(const config::Config& config);

// A file of checkpoints under another name, and one with `notes` in its place, or none where there are none. Taken back
// when it is destroyed without keep(); an interruption leaves both, and a ledger with more rows goes on from the fewer.
class CheckpointsAside {
 public:
  static Result<CheckpointsAside> move(const std::filesystem::path& file, const std::filesystem::path& aside,
                                       const std::vector<std::string>& notes);
  CheckpointsAside(CheckpointsAside&& other) noexcept;
  CheckpointsAside& operator=(CheckpointsAside&&) = delete;
  ~CheckpointsAside();
  void keep() { file_.clear(); }

 private:
  CheckpointsAside(std::filesystem::path file, std::filesystem::path aside);
  std::filesystem::path file_, aside_;
};

// On disk when it returns; not signed.
Result<void> append_to_ledger(const config::Config& config, audit::Record record);
Result<void> sign_ledger(const config::Config& config);

}  // namespace usher::app
