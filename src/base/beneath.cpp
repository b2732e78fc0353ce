#include "base/beneath.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <memory>
#include <optional>
#include <set>

#include "base/descriptor.h"
#include "base/hash.h"
#include "base/random.h"
#include "base/text.h"

namespace usher {

namespace {

constexpr std::size_t longest_path = 1024;
constexpr std::string_view temporary_prefix = ".usher-writing-";

bool is_root(std::string_view path) { return path.empty() || path == "."; }

std::string_view first_component(std::string_view path) { return path.substr(0, path.find('/')); }

// Descriptors beneath `root` (a directory descriptor); errors are errno values in errno, as of open(2).
class Opener {
 public:
  Opener(int root, bool has_openat2) : root_(root), has_openat2_(has_openat2) {}

  Descriptor open(std::string_view path, int flags) const {
    std::string name(is_root(path) ? "." : path);
    return has_openat2_ ? open_by_kernel(root_, name, flags) : open_by_walk(name, flags);
  }
  // A child of a directory that was opened here.
  Descriptor open_child(int directory, std::string_view name, int flags) const {
    return has_openat2_ ? open_by_kernel(directory, std::string(name), flags)
                        : open_step(directory, std::string(name), flags);
  }
  static Descriptor open_by_kernel(int directory, const std::string& path, int flags) {
    open_how how{};
    how.flags = static_cast<std::uint64_t>(flags | O_CLOEXEC);  // no O_NOFOLLOW: O_PATH would then open the link
    how.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS | RESOLVE_NO_XDEV;
    // EAGAIN: the kernel saw a rename somewhere and cannot tell; it asks to be called again.
    for (int attempt = 0; attempt < 16; ++attempt) {
      long opened = ::syscall(SYS_openat2, directory, path.c_str(), &how, sizeof how);
      if (opened >= 0) return Descriptor(static_cast<int>(opened));
      if (errno != EAGAIN && errno != EINTR) break;
    }
    return {};
  }

 private:
  // One component without following it, on the file system of the root.
  Descriptor open_step(int directory, const std::string& name, int flags) const {
    Descriptor opened(::openat(directory, name.c_str(), flags | O_NOFOLLOW | O_CLOEXEC));
    if (!opened) {
      // O_DIRECTORY calls a symlink "not a directory"; say what it is.
      struct stat status{};
      int error = errno;
      bool is_link = error == ENOTDIR && ::fstatat(directory, name.c_str(), &status, AT_SYMLINK_NOFOLLOW) == 0 &&
                     S_ISLNK(status.st_mode);
      errno = is_link ? ELOOP : error;
      return opened;
    }
    struct stat status{}, root{};
    if (::fstat(opened.get(), &status) != 0 || ::fstat(root_, &root) != 0) return {};
    // O_PATH opens a symlink itself; every other way has failed with ELOOP.
    if (S_ISLNK(status.st_mode) || status.st_dev != root.st_dev) {
      errno = S_ISLNK(status.st_mode) ? ELOOP : EXDEV;
      return {};
    }
    return opened;
  }

  Descriptor open_by_walk(std::string_view path, int flags) const {
    Descriptor directory;
    for (;;) {
      std::string name(first_component(path));
      bool is_last = name.size() == path.size();
      int from = directory ? directory.get() : root_;
      Descriptor next = open_step(from, name, is_last ? flags : O_PATH | O_DIRECTORY);
      if (!next || is_last) return next;
      directory = std::move(next);
      path.remove_prefix(name.size() + 1);
    }
  }

  int root_;
  bool has_openat2_;
};

bool kernel_has_openat2(int directory) {
  Descriptor probe = Opener::open_by_kernel(directory, ".", O_PATH | O_DIRECTORY);
  // EPERM: what seccomp filters that do not know the call answer.
  return probe || (errno != ENOSYS && errno != EPERM);
}

std::unexpected<Error> refused(std::string_view what, std::string_view path, std::string_view why) {
  return fail(ErrorKind::denied, fmt::format("cannot {} '{}': {}", what, printable(path), why));
}

std::unexpected<Error> not_plain(std::string_view what, std::string_view path) {
  return refused(what, path, "not a plain relative path");
}

FileEntry entry_of(std::string path, const struct stat& status) {
  FileEntry entry;
  entry.path = std::move(path);
  entry.is_directory = S_ISDIR(status.st_mode);
  entry.size = entry.is_directory ? 0 : static_cast<std::size_t>(status.st_size);
  entry.modified_ns = std::int64_t{status.st_mtim.tv_sec} * 1'000'000'000 + status.st_mtim.tv_nsec;
  entry.inode = status.st_ino;
  return entry;
}

bool is_file_or_directory(const struct stat& status) { return S_ISREG(status.st_mode) || S_ISDIR(status.st_mode); }

bool is_listed(const dirent& entry) {
  std::string_view name = entry.d_name;
  bool has_type = entry.d_type == DT_REG || entry.d_type == DT_DIR || entry.d_type == DT_UNKNOWN;
  return has_type && name.find('/') == name.npos && is_plain_relative_path(name) && !name.starts_with(temporary_prefix);
}

struct CloseDirectory {
  void operator()(DIR* directory) const { ::closedir(directory); }
};

// The first `max_entries` names in order; never more than that many are held.
Result<std::set<std::string>> names_in(DIR* directory, std::string_view path, std::size_t max_entries) {
  std::set<std::string> names;
  for (;;) {
    errno = 0;
    const dirent* entry = ::readdir(directory);
    if (!entry && errno != 0) return fail(file_error(errno, "list", path));
    if (!entry) return names;
    if (!is_listed(*entry)) continue;
    names.emplace(entry->d_name);
    if (names.size() > max_entries) names.erase(std::prev(names.end()));
  }
}

std::string temporary_name() {
  std::array<unsigned char, 12> random{};
  fill_with_random(random);
  return std::string(temporary_prefix) + to_hex(random);
}

// The directory that holds the last component of `path`, made with its parents where it is missing.
Descriptor open_or_make_parent(const Opener& opener, std::string_view path) {
  Descriptor directory = opener.open(".", O_PATH | O_DIRECTORY);
  while (directory && path.find('/') != path.npos) {
    std::string name(first_component(path));
    Descriptor next = opener.open_child(directory.get(), name, O_PATH | O_DIRECTORY);
    if (!next && errno == ENOENT && (::mkdirat(directory.get(), name.c_str(), 0700) == 0 || errno == EEXIST)) {
      next = opener.open_child(directory.get(), name, O_PATH | O_DIRECTORY);
    }
    directory = std::move(next);
    path.remove_prefix(name.size() + 1);
  }
  return directory;
}

// Writes a new file beside the target and renames it over it: a reader sees the old bytes or the new ones.
Result<void> replace(int directory, const std::string& name, std::string_view path, std::string_view bytes) {
  std::string temporary = temporary_name();
  Descriptor file(::openat(directory, temporary.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
  if (!file) return fail(file_error(errno, "write", path));
  int error = write_all(file.get(), bytes);
  if (error == 0 && ::renameat(directory, temporary.c_str(), directory, name.c_str()) != 0) error = errno;
  if (error == 0) return {};
  ::unlinkat(directory, temporary.c_str(), 0);
  return fail(file_error(error, "write", path));
}

}  // namespace

bool is_plain_relative_path(std::string_view path) {
  if (path.empty() || path.size() > longest_path || path.find('\0') != path.npos || !is_valid_utf8(path)) return false;
  for (;;) {
    std::string_view component = first_component(path);
    if (component.empty() || component == "." || component == "..") return false;
    if (component.size() == path.size()) return true;
    path.remove_prefix(component.size() + 1);
  }
}

Result<Beneath> Beneath::open(const std::filesystem::path& root) {
  Descriptor directory(::open(root.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!directory) return fail(file_error(errno, "open directory", root.native()));
  bool has_openat2 = kernel_has_openat2(directory.get());
  return Beneath(directory.release(), has_openat2);
}

Beneath::Beneath(int descriptor, bool has_openat2) : descriptor_(descriptor), has_openat2_(has_openat2) {}
Beneath::Beneath(Beneath&& other) noexcept
    : descriptor_(std::exchange(other.descriptor_, -1)), has_openat2_(other.has_openat2_) {}
Beneath& Beneath::operator=(Beneath&& other) noexcept {
  std::swap(descriptor_, other.descriptor_);
  std::swap(has_openat2_, other.has_openat2_);
  return *this;
}
Beneath::~Beneath() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

Result<std::string> Beneath::read(std::string_view path, std::size_t max_bytes) const {
  if (!is_plain_relative_path(path)) return not_plain("read", path);
  Descriptor file = Opener(descriptor_, has_openat2_).open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY);
  if (!file) return fail(file_error(errno, "read", path));
  return read_regular(file.get(), path, max_bytes);
}

Result<FileEntry> Beneath::stat(std::string_view path) const {
  if (!is_root(path) && !is_plain_relative_path(path)) return not_plain("look at", path);
  Descriptor file = Opener(descriptor_, has_openat2_).open(path, O_PATH);
  struct stat status{};
  if (!file || ::fstat(file.get(), &status) != 0) return fail(file_error(errno, "look at", path));
  if (!is_file_or_directory(status)) return refused("look at", path, "neither a regular file nor a directory");
  return entry_of(std::string(is_root(path) ? "." : path), status);
}

Result<std::vector<FileEntry>> Beneath::list(std::string_view path, std::size_t max_entries) const {
  if (!is_root(path) && !is_plain_relative_path(path)) return not_plain("list", path);
  Descriptor opened = Opener(descriptor_, has_openat2_).open(path, O_RDONLY | O_DIRECTORY | O_NONBLOCK);
  if (!opened) return fail(file_error(errno, "list", path));
  struct stat directory_status{};
  if (::fstat(opened.get(), &directory_status) != 0) return fail(file_error(errno, "list", path));
  std::unique_ptr<DIR, CloseDirectory> directory(::fdopendir(opened.get()));
  if (!directory) return fail(file_error(errno, "list", path));
  int number = opened.release();  // now the DIR's

  Result<std::set<std::string>> names = names_in(directory.get(), path, max_entries);
  if (!names) return fail(names.error());
  std::vector<FileEntry> entries;
  for (const std::string& name : *names) {
    struct stat status{};
    bool is_there = ::fstatat(number, name.c_str(), &status, AT_SYMLINK_NOFOLLOW) == 0;
    if (!is_there || !is_file_or_directory(status) || status.st_dev != directory_status.st_dev) continue;
    entries.push_back(entry_of(is_root(path) ? name : fmt::format("{}/{}", path, name), status));
  }
  return entries;
}

Result<void> Beneath::write(std::string_view path, std::string_view bytes) const {
  if (!is_plain_relative_path(path)) return not_plain("write", path);
  Descriptor parent = open_or_make_parent(Opener(descriptor_, has_openat2_), path);
  if (!parent) return fail(file_error(errno, "write", path));
  std::string name(path.substr(path.rfind('/') + 1));  // npos + 1 is 0: the whole path
  struct stat status{};
  if (::fstatat(parent.get(), name.c_str(), &status, AT_SYMLINK_NOFOLLOW) == 0) {
    if (!S_ISREG(status.st_mode)) return refused("write", path, "not a regular file");
    if (status.st_nlink > 1) return refused("write", path, "the file has another name elsewhere (hard link)");
  } else if (errno != ENOENT) {
    return fail(file_error(errno, "write", path));
  }
  return replace(parent.get(), name, path, bytes);
}

}  // namespace usher
