#include "support/disk/faulty_disk.h"

#include <fmt/format.h>
#include <signal.h>
#include <sqlite3.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <mutex>
#include <optional>
#include <sstream>

#include "store/sqlite.h"

namespace usher::testing {
namespace {

// What the file of rules looked like when it was last read.
struct Look {
  ino_t inode = 0;
  off_t size = -1;
  timespec changed{};
  bool operator==(const Look& other) const {
    return inode == other.inode && size == other.size && changed.tv_sec == other.changed.tv_sec &&
           changed.tv_nsec == other.changed.tv_nsec;
  }
};

class Disk {
 public:
  // The fault of this operation, which is about to happen.
  std::optional<DiskFault> fault_of(const char* path, DiskOperation operation) {
    const std::lock_guard lock(mutex_);
    look_at_file();
    if (!path) return std::nullopt;
    std::optional<DiskFault> fault;
    for (Counted& counted : rules_) {
      if (counted.rule.operation != operation || !is_meant(counted.rule.file, path)) continue;
      const std::size_t count = ++counted.count;
      if (count == counted.rule.nth || (counted.rule.is_lasting && count > counted.rule.nth))
        fault = counted.rule.fault;
    }
    if (fault) ++failures_;
    if (fault == DiskFault::kill) ::kill(::getpid(), SIGKILL);
    return fault;
  }

  void set(std::vector<DiskRule> rules) {
    const std::lock_guard lock(mutex_);
    set_locked(std::move(rules));
  }

  bool is_ruled_by_file() const { return file_ != nullptr; }

  std::size_t failures() {
    const std::lock_guard lock(mutex_);
    return failures_;
  }

 private:
  struct Counted {
    DiskRule rule;
    std::size_t count = 0;
  };

  static bool is_meant(std::string_view file, std::string_view path) {
    return file.ends_with('$') ? path.ends_with(file.substr(0, file.size() - 1)) : path.contains(file);
  }

  void set_locked(std::vector<DiskRule> rules) {
    rules_.clear();
    for (DiskRule& rule : rules) rules_.push_back({std::move(rule)});
    failures_ = 0;
  }

  void look_at_file() {
    if (!file_) return;
    struct stat info{};
    Look look;
    if (::stat(file_, &info) == 0) look = {info.st_ino, info.st_size, info.st_mtim};
    if (look == look_) return;
    look_ = look;
    std::ifstream stream(file_);
    const std::string text((std::istreambuf_iterator<char>(stream)), std::istreambuf_iterator<char>());
    Result<std::vector<DiskRule>> rules = disk_rules_of(text);
    if (!rules) {
      std::fprintf(stderr, "%s: %s\n", file_, rules.error().message.c_str());
      std::abort();
    }
    set_locked(std::move(*rules));
  }

  const char* file_ = std::getenv("USHER_FAULTY_DISK");
  std::mutex mutex_;
  Look look_;
  std::vector<Counted> rules_;
  std::size_t failures_ = 0;
};

Disk& disk() {
  static Disk the_disk;
  return the_disk;
}

sqlite3_vfs* real_vfs = nullptr;

// As SQLite sees it; the file of the real VFS follows it in memory.
struct FaultyFile {
  sqlite3_file base{};
  const char* path = nullptr;  // SQLite keeps it until the file is closed

  sqlite3_file* real() { return reinterpret_cast<sqlite3_file*>(this + 1); }
};

FaultyFile& faulty(sqlite3_file* file) { return *reinterpret_cast<FaultyFile*>(file); }
sqlite3_file* real(sqlite3_file* file) { return faulty(file).real(); }

int code_of(DiskFault fault, int broken) { return fault == DiskFault::full ? SQLITE_FULL : broken; }

int close_file(sqlite3_file* file) { return real(file)->pMethods->xClose(real(file)); }
int read_file(sqlite3_file* file, void* bytes, int count, sqlite3_int64 offset) {
  return real(file)->pMethods->xRead(real(file), bytes, count, offset);
}
int write_file(sqlite3_file* file, const void* bytes, int count, sqlite3_int64 offset) {
  const std::optional<DiskFault> fault = disk().fault_of(faulty(file).path, DiskOperation::write);
  if (!fault) return real(file)->pMethods->xWrite(real(file), bytes, count, offset);
  if (fault == DiskFault::half_write) real(file)->pMethods->xWrite(real(file), bytes, count / 2, offset);
  return code_of(*fault, SQLITE_IOERR_WRITE);
}
int truncate_file(sqlite3_file* file, sqlite3_int64 size) {
  const std::optional<DiskFault> fault = disk().fault_of(faulty(file).path, DiskOperation::truncate);
  if (fault) return code_of(*fault, SQLITE_IOERR_TRUNCATE);
  return real(file)->pMethods->xTruncate(real(file), size);
}
int sync_file(sqlite3_file* file, int flags) {
  const std::optional<DiskFault> fault = disk().fault_of(faulty(file).path, DiskOperation::sync);
  if (fault) return code_of(*fault, SQLITE_IOERR_FSYNC);
  return disk().is_ruled_by_file() ? real(file)->pMethods->xSync(real(file), flags) : SQLITE_OK;
}
int size_of_file(sqlite3_file* file, sqlite3_int64* size) { return real(file)->pMethods->xFileSize(real(file), size); }
int lock_file(sqlite3_file* file, int level) { return real(file)->pMethods->xLock(real(file), level); }
int unlock_file(sqlite3_file* file, int level) { return real(file)->pMethods->xUnlock(real(file), level); }
int check_lock(sqlite3_file* file, int* is_locked) {
  return real(file)->pMethods->xCheckReservedLock(real(file), is_locked);
}
int control_file(sqlite3_file* file, int operation, void* argument) {
  return real(file)->pMethods->xFileControl(real(file), operation, argument);
}
int sector_size(sqlite3_file* file) { return real(file)->pMethods->xSectorSize(real(file)); }
int characteristics(sqlite3_file* file) { return real(file)->pMethods->xDeviceCharacteristics(real(file)); }
int map_shared(sqlite3_file* file, int page, int size, int extends, void volatile** memory) {
  return real(file)->pMethods->xShmMap(real(file), page, size, extends, memory);
}
int lock_shared(sqlite3_file* file, int offset, int count, int flags) {
  return real(file)->pMethods->xShmLock(real(file), offset, count, flags);
}
void barrier_shared(sqlite3_file* file) { real(file)->pMethods->xShmBarrier(real(file)); }
int unmap_shared(sqlite3_file* file, int removes) { return real(file)->pMethods->xShmUnmap(real(file), removes); }

// Version 2: shared memory, but no mapped pages, which would be written past us.
constexpr sqlite3_io_methods methods = {
    2,           close_file,     read_file,    write_file,   truncate_file, sync_file,       size_of_file,
    lock_file,   unlock_file,    check_lock,   control_file, sector_size,   characteristics, map_shared,
    lock_shared, barrier_shared, unmap_shared, nullptr,      nullptr};

int open_file(sqlite3_vfs*, const char* path, sqlite3_file* file, int flags, int* flags_out) {
  auto* made = new (file) FaultyFile;
  if (disk().fault_of(path, DiskOperation::open)) return SQLITE_CANTOPEN;
  const int code = real_vfs->xOpen(real_vfs, path, made->real(), flags, flags_out);
  made->path = path;
  if (made->real()->pMethods) made->base.pMethods = &methods;
  return code;
}

sqlite3_vfs make_vfs() {
  sqlite3_vfs vfs = *real_vfs;
  vfs.szOsFile = static_cast<int>(sizeof(FaultyFile)) + real_vfs->szOsFile;
  vfs.pNext = nullptr;
  vfs.zName = "faulty";
  vfs.xOpen = open_file;  // the other functions of SQLite's own VFS do not look at the object they are called with
  return vfs;
}

std::optional<DiskOperation> operation_of(std::string_view word) {
  if (word == "write") return DiskOperation::write;
  if (word == "sync") return DiskOperation::sync;
  if (word == "truncate") return DiskOperation::truncate;
  if (word == "open") return DiskOperation::open;
  return std::nullopt;
}

std::optional<DiskFault> fault_of(std::string_view word) {
  if (word == "full") return DiskFault::full;
  if (word == "broken") return DiskFault::broken;
  if (word == "half_write") return DiskFault::half_write;
  if (word == "kill") return DiskFault::kill;
  return std::nullopt;
}

std::optional<DiskRule> rule_of(const std::string& line) {
  std::istringstream words(line);
  std::string file, operation, count, fault, more;
  if (!(words >> file >> operation >> count >> fault) || words >> more) return std::nullopt;
  const bool is_lasting = count.ends_with('+');
  if (is_lasting) count.pop_back();
  DiskRule rule{.file = file, .is_lasting = is_lasting};
  const auto [end, error] = std::from_chars(count.data(), count.data() + count.size(), rule.nth);
  const std::optional<DiskOperation> known_operation = operation_of(operation);
  const std::optional<DiskFault> known_fault = fault_of(fault);
  const bool is_number = error == std::errc() && end == count.data() + count.size() && rule.nth > 0;
  if (!is_number || !known_operation || !known_fault) return std::nullopt;
  rule.operation = *known_operation;
  rule.fault = *known_fault;
  return rule;
}

}  // namespace

Result<std::vector<DiskRule>> disk_rules_of(std::string_view text) {
  std::vector<DiskRule> rules;
  std::istringstream lines{std::string(text)};
  for (std::string line; std::getline(lines, line);) {
    std::optional<DiskRule> rule = rule_of(line);
    if (!rule) return fail(ErrorKind::invalid, fmt::format("not FILE OPERATION N FAULT: '{}'", line));
    rules.push_back(std::move(*rule));
  }
  return rules;
}

void install_faulty_disk() {
  static std::once_flag once;
  std::call_once(once, [] {
    // SQLite is set up by whoever opens first, and registering a VFS would be that.
    (void)store::empty_image({});
    real_vfs = sqlite3_vfs_find(nullptr);
    static sqlite3_vfs vfs = make_vfs();
    sqlite3_vfs_register(&vfs, 1);
  });
}

FaultyDisk::FaultyDisk() {
  install_faulty_disk();
  mend();
}
FaultyDisk::~FaultyDisk() { mend(); }
void FaultyDisk::fail(std::vector<DiskRule> rules) { disk().set(std::move(rules)); }
std::size_t FaultyDisk::failures() const { return disk().failures(); }

}  // namespace usher::testing
