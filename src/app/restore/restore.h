// Puts a backup in the place of a data_dir: checked, copied and synced beside it first, then swapped in by one rename,
// so that an interruption leaves the old or the new one whole. Blocking.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>

#include "base/clock.h"
#include "base/result.h"
#include "config/config.h"

namespace usher::app {

struct RestoreRequest {
  std::filesystem::path backup;
  const config::Config& config;  // whose data_dir, ledger and checkpoints; outlives the call
  bool by_force = false;  // also when data_dir holds something: that is moved to <data_dir>.before-restore-<time>
  // Also when the checkpoints prove rows that the backup does not have: their file is moved to
  // <file>.before-restore-<time> and begun anew with those of the backup's rows.
  bool accepts_lost_rows = false;
  WallTime now;
};

struct Restored {
  std::string made_at;  // when the backup was
  std::int64_t files = 0;
  std::filesystem::path moved_to;              // "" = nothing was there
  std::filesystem::path checkpoints_moved_to;  // "" = they are gone on with
  std::string unsigned_why;                    // why the restored ledger is not signed yet; "" = it is
};

// The last row of the restored ledger says what was restored. Errors: busy when an usher runs on data_dir; invalid for
// a backup that is incomplete, changed or damaged, for a data_dir that holds something, and for checkpoints that prove
// more than the backup has; denied for a ledger on which no usher would start; io. After one data_dir is as it was.
Result<Restored> restore(const RestoreRequest& request,
                         const std::function<void(std::int64_t files, std::int64_t bytes)>& on_progress);

}  // namespace usher::app
