#include "app/backup/data_tree.h"

#include <fmt/format.h>
#include <sys/stat.h>
#include <time.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "base/text.h"

namespace usher::app {
namespace {

namespace fs = std::filesystem;
using std::chrono::nanoseconds;

// Several ticks of the kernel's clock, or of a file system that counts whole seconds.
nanoseconds tick_of(nanoseconds written) {
  if (written % std::chrono::seconds(1) == nanoseconds(0)) return std::chrono::seconds(2);
  return std::chrono::milliseconds(50);
}

bool is_log(std::string_view name) {
  return std::ranges::any_of(std::initializer_list<std::string_view>{".db-wal", ".db-shm", ".db-journal"},
                             [&](std::string_view end) { return name.ends_with(end); });
}

nanoseconds time_of(const timespec& time) { return std::chrono::seconds(time.tv_sec) + nanoseconds(time.tv_nsec); }

// False when the file has gone or is no regular one.
bool look_at(const fs::path& file, bool has_log, Stamp& stamp) {
  struct stat info{};
  if (::lstat(file.c_str(), &info) != 0 || !S_ISREG(info.st_mode)) return false;
  stamp = {.inode = info.st_ino, .bytes = static_cast<std::uint64_t>(info.st_size), .written = time_of(info.st_mtim)};
  if (has_log && ::lstat((file.native() + "-wal").c_str(), &info) == 0) {
    stamp.log_bytes = static_cast<std::uint64_t>(info.st_size);
    stamp.log_written = time_of(info.st_mtim);
  }
  return true;
}

}  // namespace

Part part_of(std::string_view path) {
  const std::size_t slash = path.find('/');
  const std::string_view name = path.substr(path.rfind('/') == path.npos ? 0 : path.rfind('/') + 1);
  if (slash == path.npos) {
    if (name == "usher.lock" || name == "usher.sock" || is_log(name)) return Part::none;
    if (std::ranges::find(kSharedDatabases, name) != std::end(kSharedDatabases)) return Part::shared;
    return name.ends_with(".db") ? Part::segment : Part::file;
  }
  const std::string_view below = path.substr(slash + 1);
  if (below.starts_with("index/")) return Part::none;
  if (!below.starts_with("memory/")) return Part::file;
  if (name.ends_with(".db")) return Part::memory;
  return name.contains(".corrupt-") ? Part::file : Part::none;
}

Result<std::vector<Found>> walk(const fs::path& data_dir) {
  std::vector<Found> found;
  std::error_code error;
  std::string root = data_dir.native();
  while (root.size() > 1 && root.ends_with('/')) root.pop_back();
  const std::size_t prefix = root.size() + 1;
  fs::recursive_directory_iterator at(root, error);
  for (; !error && at != fs::recursive_directory_iterator(); at.increment(error)) {
    std::error_code ignored;
    if (at->is_symlink(ignored) || !at->is_regular_file(ignored)) continue;
    std::string path = at->path().native().substr(prefix);
    const Part part = part_of(path);
    if (part == Part::none) continue;
    if (!is_valid_utf8(path)) {
      return fail(ErrorKind::invalid, fmt::format("{}: a name that is not UTF-8", printable(at->path().native())));
    }
    Stamp stamp;
    if (look_at(at->path(), part == Part::memory, stamp)) found.push_back({std::move(path), part, stamp});
  }
  if (error) return fail(ErrorKind::io, fmt::format("cannot look through {}: {}", data_dir.native(), error.message()));
  return found;
}

nanoseconds stamp_clock() {
  timespec now{};
  ::clock_gettime(CLOCK_REALTIME_COARSE, &now);
  return time_of(now);
}

bool is_racy(const Stamp& stamp, nanoseconds looked_at) {
  return stamp.written >= looked_at - tick_of(stamp.written) ||
         stamp.log_written >= looked_at - tick_of(stamp.log_written);
}

}  // namespace usher::app
