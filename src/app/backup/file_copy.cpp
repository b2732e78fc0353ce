#include "app/backup/file_copy.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <vector>

#include "base/files.h"
#include "base/hash.h"

namespace usher::app {
namespace {

constexpr std::size_t kPieceBytes = 256u << 10;

std::unexpected<Error> failed(const std::filesystem::path& file, const char* doing) {
  const ErrorKind kind = errno == ENOENT ? ErrorKind::not_found : ErrorKind::io;
  return fail(kind, fmt::format("{}: cannot {}: {}", file.native(), doing, std::strerror(errno)));
}

struct Open {
  explicit Open(int opened) : number(opened) {}
  Open(const Open&) = delete;
  Open& operator=(const Open&) = delete;
  ~Open() {
    if (number >= 0) ::close(number);
  }
  int number;
};

bool is_regular(int descriptor) {
  struct stat info{};
  return ::fstat(descriptor, &info) == 0 && S_ISREG(info.st_mode);
}

// The schema version stands at byte 60 of a database, big-endian.
std::optional<std::int64_t> schema_in(std::string_view head) {
  constexpr std::string_view magic("SQLite format 3\0", 16);
  if (head.size() < 100 || !head.starts_with(magic)) return std::nullopt;
  std::int64_t version = 0;
  for (std::size_t i = 60; i < 64; ++i) version = version * 256 + static_cast<unsigned char>(head[i]);
  return version;
}

bool write_all(int descriptor, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t written = ::write(descriptor, bytes.data(), bytes.size());
    if (written < 0 && errno != EINTR) return false;
    if (written > 0) bytes.remove_prefix(static_cast<std::size_t>(written));
  }
  return true;
}

// Reads to the end; writes what was read to `to` unless that is -1.
Result<FileDigest> digest(const std::filesystem::path& from, int to) {
  // O_NONBLOCK: a pipe in the place of a file must not hang us.
  const Open file(::open(from.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK));
  if (file.number < 0) return failed(from, "open");
  if (!is_regular(file.number)) return fail(ErrorKind::io, fmt::format("{}: not a regular file", from.native()));
  std::vector<char> piece(kPieceBytes);
  FileDigest result;
  Sha256 hash;
  for (;;) {
    const ssize_t got = ::read(file.number, piece.data(), piece.size());
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return failed(from, "read");
    if (got == 0) break;
    const std::string_view bytes(piece.data(), static_cast<std::size_t>(got));
    if (result.bytes == 0) result.schema = schema_in(bytes);
    result.bytes += bytes.size();
    hash.add(bytes);
    if (to >= 0 && !write_all(to, bytes)) return failed(from, "be copied");
  }
  result.sha256 = to_hex(hash.finish());
  return result;
}

}  // namespace

Result<FileDigest> copy_bytes_of(const std::filesystem::path& from, const std::filesystem::path& to) {
  Result<void> made = make_private_directories(to.parent_path());
  if (!made) return fail(std::move(made.error()));
  const Open copy(::open(to.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (copy.number < 0) return fail(ErrorKind::io, failed(to, "create").error().message);
  Result<FileDigest> copied = digest(from, copy.number);
  if (!copied) ::unlink(to.c_str());
  return copied;
}

Result<FileDigest> digest_file(const std::filesystem::path& file) { return digest(file, -1); }

Result<void> write_synced(const std::filesystem::path& file, std::string_view bytes) {
  const std::filesystem::path fresh = file.native() + ".new";
  {
    const Open written(::open(fresh.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600));
    if (written.number < 0) return failed(fresh, "create");
    if (!write_all(written.number, bytes) || ::fsync(written.number) != 0) return failed(fresh, "write");
  }
  if (::rename(fresh.c_str(), file.c_str()) != 0) return failed(file, "create");
  return sync_folder(file.parent_path());
}

Result<void> sync_file_system(const std::filesystem::path& folder) {
  const Open opened(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (opened.number < 0 || ::syncfs(opened.number) != 0) return failed(folder, "sync");
  return {};
}

Result<void> sync_folder(const std::filesystem::path& folder) {
  const Open opened(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (opened.number < 0 || ::fsync(opened.number) != 0) return failed(folder, "sync");
  return {};
}

}  // namespace usher::app
