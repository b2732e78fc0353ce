// Copying, hashing and syncing files for backups and their restoring. Names come from a walk of data_dir or from a
// manifest that was checked. Blocking; any thread.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>

#include "base/result.h"

namespace usher::app {

struct FileDigest {
  std::uint64_t bytes = 0;
  std::string sha256;                  // hex
  std::optional<std::int64_t> schema;  // user_version, when the file is an SQLite database
};

// Makes `to` (0600, with its folders 0700; must not exist) from the regular file `from`, symlinks refused; not synced.
// not_found when `from` is not there.
Result<FileDigest> copy_bytes_of(const std::filesystem::path& from, const std::filesystem::path& to);

Result<FileDigest> digest_file(const std::filesystem::path& file);

// Writes a small file whole and synced: temporary name, fsync, rename, fsync of the folder.
Result<void> write_synced(const std::filesystem::path& file, std::string_view bytes);

// Everything that was written to the file system of `folder` is on its disk.
Result<void> sync_file_system(const std::filesystem::path& folder);
Result<void> sync_folder(const std::filesystem::path& folder);

}  // namespace usher::app
