// Files beneath one directory, for names that come from a model, a person or a platform.
//
// Every open goes through openat2(RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS | RESOLVE_NO_XDEV) on a
// directory descriptor held from the start; without openat2 (old kernels, seccomp) by a walk of one O_NOFOLLOW openat a
// component. Only regular files, opened non-blocking; writes go to a temporary file that is renamed over the target,
// and refuse a target with more than one link. Lifetime: holds one descriptor. Thread-safe (const).
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace usher {

struct FileEntry {
  std::string path;  // relative to the root, '/'-separated
  bool is_directory = false;
  std::size_t size = 0;          // bytes; 0 for a directory
  std::int64_t modified_ns = 0;  // since the epoch
  std::uint64_t inode = 0;
};

class Beneath {
 public:
  // Fails when `root` is not a directory. The path itself is the operator's and may hold symlinks.
  static Result<Beneath> open(const std::filesystem::path& root);
  Beneath(Beneath&&) noexcept;
  Beneath& operator=(Beneath&&) noexcept;
  ~Beneath();

  // The whole file, at most max_bytes (more is ErrorKind::limit). denied for an escape, a symlink or a special file.
  Result<std::string> read(std::string_view path, std::size_t max_bytes) const;
  // A regular file or a directory ("" or "." is the root).
  Result<FileEntry> stat(std::string_view path) const;
  // One directory ("" or "." is the root), sorted by name, at most max_entries; symlinks and special files are left
  // out.
  Result<std::vector<FileEntry>> list(std::string_view path, std::size_t max_entries) const;
  // Writes a new file or replaces one whole, atomically, mode 0600; missing parent directories are made with 0700.
  Result<void> write(std::string_view path, std::string_view bytes) const;

 private:
  explicit Beneath(int descriptor, bool has_openat2);
  int descriptor_ = -1;
  bool has_openat2_ = true;
  friend struct BeneathTesting;
};

// True when `path` is a plain relative path: not empty, not absolute, no "." or "..", no NUL, no empty component, <=
// 1024 bytes, valid UTF-8: one spelling for each file, so that a rule about a path cannot be walked around. Checked by
// Beneath before the kernel is asked.
bool is_plain_relative_path(std::string_view path);

}  // namespace usher
