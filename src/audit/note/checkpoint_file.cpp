#include "audit/note/checkpoint_file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <system_error>

#include "base/descriptor.h"
#include "base/failpoint.h"

namespace usher::audit {
namespace {

namespace fs = std::filesystem;

// More than two notes.
constexpr off_t kTailBytes = 3 * kMaxNoteBytes;

std::unexpected<Error> system_failure(const fs::path& file, const char* doing) {
  return fail(ErrorKind::io, fmt::format("{}: {}: {}", file.string(), doing, std::generic_category().message(errno)));
}

// A file that is new is on disk once its folder is.
Result<void> sync_folder_of(const fs::path& file) {
  const fs::path folder = file.has_parent_path() ? file.parent_path() : fs::path(".");
  const Descriptor descriptor(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (descriptor && ::fsync(descriptor.get()) == 0) return {};
  return system_failure(folder, "cannot sync");
}

struct Tail {
  off_t begin = 0;  // where the text stands in the file
  off_t size = 0;   // of the file
  std::string text;
};

Result<Tail> read_tail(int descriptor, const fs::path& file) {
  struct stat info{};
  if (::fstat(descriptor, &info) != 0) return system_failure(file, "cannot read");
  if (!S_ISREG(info.st_mode)) return fail(ErrorKind::io, fmt::format("{}: not a regular file", file.string()));
  Tail tail{.begin = std::max<off_t>(0, info.st_size - kTailBytes), .size = info.st_size};
  tail.text.resize(static_cast<std::size_t>(tail.size - tail.begin));
  std::size_t filled = 0;
  while (filled < tail.text.size()) {
    const ssize_t got = ::pread(descriptor, tail.text.data() + filled, tail.text.size() - filled,
                                tail.begin + static_cast<off_t>(filled));
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return system_failure(file, "cannot read");
    filled += static_cast<std::size_t>(got);
  }
  return tail;
}

Result<std::optional<Checkpoint>> newest_of(const Tail& tail, const fs::path& file, const VerifyKey& key) {
  const NoteFile notes = split_notes(tail.text);
  if (notes.notes.empty()) {
    if (tail.begin == 0) return std::nullopt;  // empty, or the first note is torn
    return fail(ErrorKind::invalid, fmt::format("{}: its end is no checkpoint", file.string()));
  }
  Result<Checkpoint> newest = open_checkpoint(notes.notes.back().note, key);
  if (newest) return std::move(*newest);
  return fail(newest.error().kind, fmt::format("{}: its newest checkpoint: {}", file.string(), newest.error().message));
}

// Whole, and where a torn one was; or the file is as before.
Result<void> write_at_end(int descriptor, const fs::path& file, const Tail& tail, std::string note) {
  const NoteFile notes = split_notes(tail.text);
  const off_t end = tail.begin + static_cast<off_t>(notes.whole_bytes);
  const std::string_view whole = std::string_view(tail.text).substr(0, notes.whole_bytes);
  if (!whole.empty() && !whole.ends_with("\n\n")) note.insert(0, "\n");
  if (end != tail.size && ::ftruncate(descriptor, end) != 0) return system_failure(file, "cannot cut a torn note off");
  if (::lseek(descriptor, end, SEEK_SET) != end) return system_failure(file, "cannot write");
  const int failed = write_all(descriptor, note);
  if (failed == 0 && ::fsync(descriptor) == 0) return {};
  errno = failed != 0 ? failed : errno;
  Result<void> result = system_failure(file, "cannot write");
  (void)!::ftruncate(descriptor, end);  // where this fails too, the next one cuts it off
  return result;
}

}  // namespace

Result<void> append_checkpoint(const fs::path& file, const Checkpoint& checkpoint, const SigningKey& key) {
  const Descriptor descriptor(::open(file.c_str(), O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK, 0600));
  if (!descriptor) return system_failure(file, "cannot open");
  while (::flock(descriptor.get(), LOCK_EX) != 0) {
    if (errno != EINTR) return system_failure(file, "cannot lock");
  }
  Result<Tail> tail = read_tail(descriptor.get(), file);
  if (!tail) return fail(std::move(tail.error()));
  Result<std::optional<Checkpoint>> newest = newest_of(*tail, file, key.verify_key());
  if (!newest) return fail(std::move(newest.error()));
  if (*newest && (*newest)->size >= checkpoint.size) return {};
  if (tail->size == 0) {
    Result<void> synced = sync_folder_of(file);
    if (!synced) return synced;
  }
  std::string note = key.sign(checkpoint.text()) + "\n";
  failpoint("checkpoint.signed");
  Result<void> written = write_at_end(descriptor.get(), file, *tail, std::move(note));
  if (written) failpoint("checkpoint.written");
  return written;
}

Result<std::optional<Checkpoint>> newest_checkpoint(const fs::path& file, const VerifyKey& key) {
  const Descriptor descriptor(::open(file.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (!descriptor && errno == ENOENT) return std::nullopt;
  if (!descriptor) return system_failure(file, "cannot open");
  Result<Tail> tail = read_tail(descriptor.get(), file);
  if (!tail) return fail(std::move(tail.error()));
  return newest_of(*tail, file, key);
}

}  // namespace usher::audit
