#include "store/private_file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstdio>
#include <string>
#include <system_error>

namespace usher::store {

namespace {

std::unexpected<Error> system_failure(const std::filesystem::path& file, const char* doing) {
  return fail(ErrorKind::io, fmt::format("{}: {}: {}", file.string(), doing, std::generic_category().message(errno)));
}

// One maker at a time in a directory. A lock on the directory and not on the file: closing any descriptor of a database
// drops this process' locks on it.
class DirectoryLock {
 public:
  explicit DirectoryLock(const std::filesystem::path& directory)
      : descriptor_(::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)) {
    while (descriptor_ >= 0 && ::flock(descriptor_, LOCK_EX) != 0) {
      if (errno == EINTR) continue;
      ::close(descriptor_);
      descriptor_ = -1;
    }
  }
  DirectoryLock(const DirectoryLock&) = delete;
  DirectoryLock& operator=(const DirectoryLock&) = delete;
  ~DirectoryLock() {
    if (descriptor_ >= 0) ::close(descriptor_);
  }
  bool is_held() const { return descriptor_ >= 0; }

 private:
  int descriptor_;
};

std::filesystem::path directory_of(const std::filesystem::path& file) {
  return file.has_parent_path() ? file.parent_path() : std::filesystem::path(".");
}

bool exists(const std::filesystem::path& file, struct stat& info) { return ::lstat(file.c_str(), &info) == 0; }

void remove_leftovers(const std::filesystem::path& file) {
  for (const char* suffix : {"-wal", "-shm", "-journal"}) ::unlink((file.string() + suffix).c_str());
}

Result<void> make_empty(const std::filesystem::path& file) {
  const DirectoryLock lock(directory_of(file));
  if (!lock.is_held()) return system_failure(file, "cannot create");
  struct stat info{};
  if (exists(file, info)) return {};
  // mknod and not open: no descriptor, so none to close while another thread has the file locked. A log that is left of
  // a removed predecessor is SQLite's to delete: it does, beside an empty file.
  if (::mknod(file.c_str(), S_IFREG | 0600, 0) != 0 && errno != EEXIST) return system_failure(file, "cannot create");
  return {};
}

bool write_all(int descriptor, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t written = ::write(descriptor, bytes.data(), bytes.size());
    if (written < 0 && errno != EINTR) return false;
    if (written > 0) bytes.remove_prefix(static_cast<std::size_t>(written));
  }
  return true;
}

Result<void> write_new(const std::filesystem::path& file, std::string_view bytes) {
  const int descriptor = ::open(file.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
  if (descriptor < 0) return system_failure(file, "cannot create");
  const bool is_written = ::fchmod(descriptor, 0600) == 0 && write_all(descriptor, bytes);
  Result<void> result;
  if (!is_written) result = system_failure(file, "cannot write");
  ::close(descriptor);
  if (!is_written) ::unlink(file.c_str());
  return result;
}

}  // namespace

Result<void> ensure_private_file(const std::filesystem::path& file, bool may_create) {
  struct stat info{};
  if (!exists(file, info)) {
    if (errno != ENOENT) return system_failure(file, "cannot open");
    if (!may_create) return fail(ErrorKind::not_found, fmt::format("{}: no such database", file.string()));
    Result<void> made = make_empty(file);
    if (!made) return made;
    if (!exists(file, info)) return system_failure(file, "cannot open");
  }
  if (!S_ISREG(info.st_mode)) return fail(ErrorKind::io, fmt::format("{}: not a regular file", file.string()));
  if (may_create && (info.st_mode & 0777) != 0600 && ::chmod(file.c_str(), 0600) != 0) {
    return system_failure(file, "cannot be made private");
  }
  return {};
}

Result<void> create_private_file(const std::filesystem::path& file, std::string_view bytes) {
  struct stat info{};
  if (exists(file, info)) return {};
  // A name that nobody else uses; a crash right here leaves it behind, harmlessly.
  static std::atomic<unsigned> counter{0};
  const std::filesystem::path fresh = fmt::format("{}.{}-{}.new", file.string(), ::getpid(), counter.fetch_add(1));
  Result<void> written = write_new(fresh, bytes);
  if (!written) return written;
  const DirectoryLock lock(directory_of(file));
  const bool is_missing = lock.is_held() && !exists(file, info);
  if (is_missing) {
    remove_leftovers(file);
    if (::rename(fresh.c_str(), file.c_str()) == 0) return {};
  }
  Result<void> result;
  if (!lock.is_held() || is_missing) result = system_failure(file, "cannot create");
  ::unlink(fresh.c_str());
  return result;
}

}  // namespace usher::store
