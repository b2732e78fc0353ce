#include "app/data_lock.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <cstring>
#include <utility>

#include "base/files.h"

namespace usher::app {
namespace {

constexpr const char* kLockFile = "usher.lock";

std::optional<pid_t> read_pid(int descriptor) {
  char digits[32];
  const ssize_t size = ::pread(descriptor, digits, sizeof digits, 0);
  pid_t pid = 0;
  if (size <= 0 || std::from_chars(digits, digits + size, pid).ec != std::errc()) return std::nullopt;
  return pid;
}

// A lock of the open file, not of the process: it goes with its descriptor.
struct flock whole_file() {
  struct flock lock{};
  lock.l_type = F_WRLCK;
  lock.l_whence = SEEK_SET;
  return lock;
}

}  // namespace

Result<DataLock> DataLock::acquire(const std::filesystem::path& data_dir) {
  Result<void> made = make_private_directories(data_dir);
  if (!made) return fail(std::move(made.error()));
  const std::filesystem::path file = data_dir / kLockFile;
  const int descriptor = ::open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (descriptor < 0) {
    return fail(ErrorKind::io, fmt::format("cannot open {}: {}", file.string(), std::strerror(errno)));
  }
  DataLock lock(descriptor);
  struct flock whole = whole_file();
  if (::fcntl(descriptor, F_OFD_SETLK, &whole) != 0) {
    const std::optional<pid_t> pid = read_pid(descriptor);
    return fail(ErrorKind::busy, fmt::format("{} is in use by another usher{}; stop that one first", data_dir.string(),
                                             pid ? fmt::format(" (pid {})", *pid) : ""));
  }
  const std::string pid = fmt::format("{}\n", ::getpid());
  if (::ftruncate(descriptor, 0) != 0 || ::pwrite(descriptor, pid.data(), pid.size(), 0) < 0) {
    return fail(ErrorKind::io, fmt::format("cannot write {}: {}", file.string(), std::strerror(errno)));
  }
  return lock;
}

std::optional<pid_t> DataLock::holder(const std::filesystem::path& data_dir) {
  const int descriptor = ::open((data_dir / kLockFile).c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
  if (descriptor < 0) return std::nullopt;
  const DataLock closes(descriptor);
  // Asks and takes nothing: a look must not make a gateway fail that starts in this moment.
  struct flock whole = whole_file();
  if (::fcntl(descriptor, F_OFD_GETLK, &whole) != 0 || whole.l_type == F_UNLCK) return std::nullopt;
  return read_pid(descriptor);
}

DataLock::DataLock(DataLock&& other) noexcept : descriptor_(std::exchange(other.descriptor_, -1)) {}

DataLock::~DataLock() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

}  // namespace usher::app
