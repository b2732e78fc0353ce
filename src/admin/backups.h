// Backups of a data_dir, as the API starts and shows them: one at a time, made by the gateway itself because it alone
// has all databases open. Event-loop thread.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>

#include "base/result.h"

namespace usher::admin {

struct BackupProgress {
  std::filesystem::path directory;
  enum class State { running, done, failed } state = State::running;
  std::string step;  // for people: "copying", "waiting for the disk", …
  std::string why;   // of a failure
  std::int64_t files = 0;
  std::int64_t bytes = 0;
  std::int64_t passes = 0;     // over what may change while it is copied
  std::int64_t held_us = 0;    // how long everything else had to wait
  bool was_held_long = false;  // longer than meant, because too much changed too fast
};

class Backups {
 public:
  virtual ~Backups() = default;
  // Makes the directory and returns; the copying goes on. busy while another one runs; invalid or io when the directory
  // cannot be one for a backup: it must be absolute, and not exist or be empty.
  virtual Result<void> start(const std::filesystem::path& directory) = 0;
  // The newest; nullopt when there was none.
  virtual std::optional<BackupProgress> progress() const = 0;
};

}  // namespace usher::admin
