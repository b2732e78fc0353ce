// `usher backup` and `usher restore`. Each returns an ExitStatus; progress goes to stderr.
#pragma once

#include <filesystem>
#include <memory>
#include <string>

#include "config/config.h"

namespace usher::app {

// Makes the backup, in the running gateway when there is one, and waits for its end.
int make_backup(std::shared_ptr<const config::Config> config, const std::filesystem::path& directory, bool as_json);

struct RestoreOptions {
  std::string directory;
  bool by_force = false;           // a data_dir that holds something is moved aside, never deleted
  bool accepts_lost_rows = false;  // so are checkpoints that prove rows which the backup does not have
  bool as_json = false;
};

// Puts a backup in the place of data_dir, whole or not at all.
int restore_backup(const config::Config& config, const RestoreOptions& options);

}  // namespace usher::app
