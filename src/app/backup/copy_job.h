// The copying of one backup: passes while everybody goes on, the moment in which the event loop stands still, and the
// shared databases afterwards. Event-loop thread; what runs on the pool touches the file system only.
#pragma once

#include <chrono>
#include <filesystem>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "admin/backups.h"
#include "app/backup/data_tree.h"
#include "base/async.h"
#include "memory/memory.h"
#include "store/copy.h"

namespace usher::app {

struct CopyJob {
  // `stores` outlives the job.
  CopyJob(std::filesystem::path from, std::filesystem::path to, memory::MemoryStores& stores)
      : data_dir(std::move(from)), progress{.directory = std::move(to)}, memories(stores) {}

  struct Copied {
    Stamp stamp;
    std::chrono::nanoseconds looked_at;
  };

  const std::filesystem::path data_dir;
  admin::BackupProgress progress;
  memory::MemoryStores& memories;
  std::map<std::string, Copied> copied;  // by path
  std::vector<std::pair<std::string, store::Snapshot>> snapshots;
};

// Copies everything; then only the manifest is missing. `job` outlives the task. An error leaves the copy incomplete.
Task<Result<void>> copy_all(CopyJob& job, asio::any_io_executor pool);

}  // namespace usher::app
