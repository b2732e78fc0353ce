// Puts a backup in the place of a data_dir: checked, copied and synced beside it first, then swapped in by one rename,
// so that an interruption leaves the old or the new one whole. Blocking.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>

#include "base/clock.h"
#include "base/result.h"

namespace usher::app {

struct RestoreRequest {
  std::filesystem::path backup;
  std::filesystem::path data_dir;
  bool by_force = false;  // also when data_dir holds something: that is moved to <data_dir>.before-restore-<time>
  WallTime now;
};

struct Restored {
  std::string made_at;  // when the backup was
  std::int64_t files = 0;
  std::filesystem::path moved_to;  // "" = nothing was there
};

// Errors: busy when an usher runs on data_dir; invalid for a backup that is incomplete, changed or damaged, and for a
// data_dir that holds something; io. After one data_dir is as it was.
Result<Restored> restore(const RestoreRequest& request,
                         const std::function<void(std::int64_t files, std::int64_t bytes)>& on_progress);

}  // namespace usher::app
