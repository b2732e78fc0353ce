// Plain files of the operator (config, workspaces listing, data_dir). For paths that a tool or a platform names use
// base/beneath.h instead.
#pragma once

#include <cstddef>
#include <filesystem>
#include <string>

#include "base/result.h"

namespace usher {

// The whole file; fails on anything but a regular file and on more than max_bytes.
Result<std::string> read_file(const std::filesystem::path& path, std::size_t max_bytes);
// Creates the directory and its missing parents, each with mode 0700. An existing directory is left as it is.
Result<void> make_private_directories(const std::filesystem::path& path);

}  // namespace usher
