// One gateway a data_dir: the lock on <data_dir>/usher.lock, which holds the owner's pid. Released when the process
// ends, however it ends.
#pragma once

#include <sys/types.h>

#include <filesystem>
#include <optional>

#include "base/result.h"

namespace usher::app {

class DataLock {
 public:
  // Creates data_dir (0700) when missing. busy, naming the pid, when another process holds it.
  static Result<DataLock> acquire(const std::filesystem::path& data_dir);
  // The pid of the gateway that runs on data_dir, if one does.
  static std::optional<pid_t> holder(const std::filesystem::path& data_dir);

  DataLock(DataLock&& other) noexcept;
  DataLock& operator=(DataLock&&) = delete;
  ~DataLock();

 private:
  explicit DataLock(int descriptor) : descriptor_(descriptor) {}
  int descriptor_;
};

}  // namespace usher::app
