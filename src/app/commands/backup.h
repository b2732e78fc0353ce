// `usher backup` and `usher restore`. Each returns an ExitStatus; progress goes to stderr.
#pragma once

#include <filesystem>
#include <memory>

#include "config/config.h"

namespace usher::app {

// Makes the backup, in the running gateway when there is one, and waits for its end.
int make_backup(std::shared_ptr<const config::Config> config, const std::filesystem::path& directory, bool as_json);

// Puts a backup in the place of data_dir, whole or not at all. `by_force`: a data_dir that holds something is moved
// aside, never deleted.
int restore_backup(const config::Config& config, const std::filesystem::path& directory, bool by_force, bool as_json);

}  // namespace usher::app
