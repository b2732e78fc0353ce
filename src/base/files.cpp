#include "base/files.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "base/descriptor.h"

namespace usher {

Result<std::string> read_file(const std::filesystem::path& path, std::size_t max_bytes) {
  // O_NONBLOCK: a pipe in the place of a file must not hang the reader.
  Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
  if (!file) return fail(file_error(errno, "open", path.native()));
  return read_regular(file.get(), path.native(), max_bytes);
}

Result<void> make_private_directories(const std::filesystem::path& path) {
  std::error_code ignored;
  if (path.empty() || std::filesystem::is_directory(path, ignored)) return {};
  Result<void> parent = make_private_directories(path.parent_path());
  if (!parent) return parent;
  if (::mkdir(path.c_str(), 0700) == 0) return {};
  int error = errno;
  if (error == EEXIST && std::filesystem::is_directory(path, ignored)) return {};
  return fail(file_error(error, "create directory", path.native()));
}

}  // namespace usher
