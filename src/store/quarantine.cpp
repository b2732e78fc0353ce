#include "store/quarantine.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <stdio.h>

#include <cerrno>
#include <string>
#include <system_error>

namespace usher::store {

namespace {

// Enough for files of one name that are damaged within the same millisecond.
constexpr int max_names = 100;

// 0, or errno. EEXIST when `to` is there already.
int rename_new(const std::string& from, const std::string& to) {
  return ::renameat2(AT_FDCWD, from.c_str(), AT_FDCWD, to.c_str(), RENAME_NOREPLACE) == 0 ? 0 : errno;
}

// The log first: a crash in between leaves a database without its log, not a log that a fresh database would take for
// its own.
int move_both(const std::string& file, const std::string& aside) {
  const int moved_log = rename_new(file + "-wal", aside + "-wal");
  if (moved_log != 0 && moved_log != ENOENT) return moved_log;
  const int moved = rename_new(file, aside);
  if (moved != 0 && moved_log == 0) (void)rename_new(aside + "-wal", file + "-wal");
  return moved;
}

}  // namespace

Result<std::filesystem::path> quarantine(const std::filesystem::path& file, WallTime now) {
  std::string stamp = to_iso8601(now);
  std::erase_if(stamp, [](char c) { return c == '-' || c == ':'; });
  int error = EEXIST;
  for (int number = 1; number <= max_names && error == EEXIST; ++number) {
    std::string aside = file.string() + quarantine_mark + stamp;
    if (number > 1) aside += fmt::format("-{}", number);
    error = move_both(file.string(), aside);
    if (error == 0) return std::filesystem::path(std::move(aside));
  }
  return fail(ErrorKind::io,
              fmt::format("{}: cannot be set aside: {}", file.string(), std::generic_category().message(error)));
}

}  // namespace usher::store
