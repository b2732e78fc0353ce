#include "base/descriptor.h"

#include <errno.h>
#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <system_error>

#include "base/text.h"

namespace usher {

namespace {

ErrorKind kind_of(int error) {
  switch (error) {
    case ENOENT:
    case ENOTDIR:
      return ErrorKind::not_found;
    case EACCES:
    case EPERM:
    case ELOOP:  // a symlink
    case EXDEV:  // beyond the root, or another file system
    case ENXIO:  // a socket, or a pipe without a reader
    case EISDIR:
      return ErrorKind::denied;
    case ENAMETOOLONG:
    case EINVAL:
      return ErrorKind::invalid;
    default:
      return ErrorKind::io;
  }
}

}  // namespace

Error file_error(int error, std::string_view what, std::string_view name) {
  std::string reason = std::generic_category().message(error);
  return Error{kind_of(error), fmt::format("cannot {} '{}': {}", what, printable(name), reason)};
}

Result<std::string> read_regular(int descriptor, std::string_view name, std::size_t max_bytes) {
  struct stat status{};
  if (::fstat(descriptor, &status) != 0) return fail(file_error(errno, "read", name));
  if (!S_ISREG(status.st_mode)) {
    return fail(ErrorKind::denied, fmt::format("cannot read '{}': not a regular file", printable(name)));
  }
  auto too_long = [&] {
    return fail(ErrorKind::limit, fmt::format("cannot read '{}': longer than {} bytes", printable(name), max_bytes));
  };
  if (std::cmp_greater(status.st_size, max_bytes)) return too_long();
  // The size is a hint only: files of /proc say 0, and a file may grow while it is read.
  constexpr std::size_t piece = 4096;
  std::string bytes;
  std::size_t length = 0;
  for (std::size_t wanted = static_cast<std::size_t>(status.st_size) + 1;; wanted = std::max(piece, length)) {
    bytes.resize(length + wanted);
    ssize_t got = ::read(descriptor, bytes.data() + length, wanted);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return fail(file_error(errno, "read", name));
    length += static_cast<std::size_t>(got);
    if (length > max_bytes) return too_long();
    if (got == 0) break;
  }
  bytes.resize(length);
  return bytes;
}

int write_all(int descriptor, std::string_view bytes) {
  while (!bytes.empty()) {
    ssize_t written = ::write(descriptor, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return errno;
    bytes.remove_prefix(static_cast<std::size_t>(written));
  }
  return 0;
}

}  // namespace usher
