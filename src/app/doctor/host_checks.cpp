#include "app/doctor/host_checks.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <cstring>

#include "base/text.h"
#include "limits/budget.h"

namespace usher::app {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kMaxLookedAt = 200'000;
constexpr std::size_t kMaxNamed = 20;
constexpr std::uint64_t kMiB = 1u << 20;

struct Wrong {
  std::size_t count = 0;
  std::string first;
  void add(const fs::path& file) {
    if (count++ == 0) first = printable(file.native());
  }
};

Finding readable_by_others(const Wrong& wrong, const fs::path& data_dir) {
  return {
      Health::error,
      fmt::format("{} file{} or folder{} beneath data_dir can be used by other users: {}{}", wrong.count,
                  wrong.count == 1 ? "" : "s", wrong.count == 1 ? "" : "s", wrong.first, wrong.count > 1 ? ", …" : ""),
      data_dir.native(), fmt::format("chmod -R go= {}", data_dir.native())};
}

Finding of_another_user(const Wrong& wrong, uid_t owner, const fs::path& data_dir) {
  return {Health::error,
          fmt::format("{} file{} or folder{} beneath data_dir belong to another user than this one: {}", wrong.count,
                      wrong.count == 1 ? "" : "s", wrong.count == 1 ? "" : "s", wrong.first),
          data_dir.native(),
          fmt::format("run usher and its commands as one user, or chown -R {} {}", owner, data_dir.native())};
}

void check_tree(const fs::path& data_dir, Findings& findings) {
  Wrong open_to_others, foreign;
  std::size_t looked_at = 0;
  struct stat root{};
  // Root looks for everybody: then all must belong to whom data_dir belongs to.
  const uid_t owner = ::geteuid() == 0 && ::stat(data_dir.c_str(), &root) == 0 ? root.st_uid : ::geteuid();
  const auto look = [&](const fs::path& path) {
    struct stat info{};
    if (::lstat(path.c_str(), &info) != 0 || S_ISLNK(info.st_mode)) return;
    if ((info.st_mode & 077) != 0) open_to_others.add(path);
    if (info.st_uid != owner) foreign.add(path);
  };
  look(data_dir);
  std::error_code error;
  for (fs::recursive_directory_iterator at(data_dir, error);
       !error && at != fs::recursive_directory_iterator() && looked_at < kMaxLookedAt; at.increment(error)) {
    look(at->path());
    ++looked_at;
  }
  if (open_to_others.count > 0) findings.push_back(readable_by_others(open_to_others, data_dir));
  if (foreign.count > 0) findings.push_back(of_another_user(foreign, owner, data_dir));
  if (error) {
    findings.push_back({Health::error, "data_dir cannot be looked through: " + error.message(), data_dir.native(),
                        "run usher and its commands as the user that owns it"});
  } else if (findings.empty()) {
    findings.push_back(
        {Health::ok, fmt::format("data_dir is private: {} files and folders", looked_at + 1), data_dir.native(), ""});
  }
}

// A file that decides what usher does, or lets others pretend to be it. `mend`: what takes the forbidden bits away.
void check_file(const fs::path& file, mode_t forbidden, const char* mend, const char* what, Findings& findings) {
  struct stat info{};
  if (::stat(file.c_str(), &info) != 0) {
    findings.push_back({Health::error, fmt::format("{} cannot be looked at: {}", what, std::strerror(errno)),
                        file.native(), "see to it that usher's user can read it"});
  } else if ((info.st_mode & forbidden) != 0) {
    findings.push_back({Health::error, fmt::format("{} has mode {:04o}", what, info.st_mode & 07777), file.native(),
                        fmt::format("chmod {} {}", mend, file.native())});
  } else if (info.st_uid != ::geteuid() && info.st_uid != 0) {
    findings.push_back({Health::warning, fmt::format("{} belongs to another user", what), file.native(),
                        "let it belong to root or to usher's user: its owner decides what usher does"});
  } else {
    findings.push_back({Health::ok, fmt::format("{} has mode {:04o}", what, info.st_mode & 07777), file.native(), ""});
  }
}

bool is_there(const fs::path& path) {
  std::error_code error;
  return fs::exists(path, error);
}

// The nearest folder that exists.
fs::path existing(fs::path path) {
  while (!is_there(path) && path.has_relative_path()) path = path.parent_path();
  return path;
}

Finding missing_data_dir(const fs::path& data_dir) {
  const fs::path folder = existing(data_dir);
  std::error_code error;
  const int failed = !fs::is_directory(folder, error)                                      ? ENOTDIR
                     : ::faccessat(AT_FDCWD, folder.c_str(), W_OK | X_OK, AT_EACCESS) != 0 ? errno
                                                                                           : 0;
  if (failed == 0) return {Health::ok, "data_dir is not there yet; the first start makes it", data_dir.native(), ""};
  return {Health::error,
          fmt::format("data_dir is not there and cannot be made in {}: {}", folder.native(), std::strerror(failed)),
          data_dir.native(), "make it, as usher's user and with mode 0700, or let that user write to the folder above"};
}

std::string megabytes(std::uint64_t bytes) { return fmt::format("{} MiB", bytes / kMiB); }

int write_and_sync(int descriptor) {
  const std::array<char, 4096> bytes{};
  const bool is_written = ::write(descriptor, bytes.data(), bytes.size()) == static_cast<ssize_t>(bytes.size());
  return is_written && ::fsync(descriptor) == 0 ? 0 : errno;
}

}  // namespace

const char* to_string(Health health) {
  switch (health) {
    case Health::ok:
      return "ok";
    case Health::warning:
      return "warning";
    case Health::error:
      break;
  }
  return "error";
}

Findings check_permissions(const config::Config& config) {
  Findings findings;
  const fs::path& data_dir = config.gateway.data_dir;
  if (is_there(data_dir)) {
    check_tree(data_dir, findings);
  } else {
    findings.push_back(missing_data_dir(data_dir));
  }
  check_file(config.file, 022, "go-w", "the configuration", findings);
  if (!config.gateway.tls_key.empty()) check_file(config.gateway.tls_key, 037, "g-wx,o=", "the TLS key", findings);
  return findings;
}

Finding judge_space(std::uint64_t free_bytes, std::uint64_t all_bytes, const std::string& where) {
  Finding finding{Health::ok, fmt::format("{} free", megabytes(free_bytes)), where, ""};
  const bool is_short = free_bytes < 1024 * kMiB && free_bytes < all_bytes / 20;
  if (free_bytes >= 100 * kMiB && !is_short) return finding;
  finding.health = free_bytes < 100 * kMiB ? Health::error : Health::warning;
  finding.advice = "make room: with a full disk nothing is accepted or answered";
  return finding;
}

Finding judge_inodes(std::uint64_t free, std::uint64_t all, const std::string& where) {
  Finding finding{Health::ok, fmt::format("{} inodes free", free), where, ""};
  if (all == 0 || (free >= 1000 && free >= all / 50)) return finding;
  finding.health = free < 1000 ? Health::error : Health::warning;
  finding.advice = "delete many small files: each sender has a few";
  return finding;
}

Findings check_disk(const config::Config& config) {
  const fs::path folder = existing(config.gateway.data_dir);
  struct statvfs info{};
  if (::statvfs(folder.c_str(), &info) != 0) {
    return {{Health::error, fmt::format("the disk cannot be looked at: {}", std::strerror(errno)), folder.native(),
             "see whether the file system is mounted"}};
  }
  return {judge_space(info.f_bavail * info.f_frsize, info.f_blocks * info.f_frsize, folder.native()),
          judge_inodes(info.f_favail, info.f_files, folder.native())};
}

Findings check_writing(const config::Config& config) {
  const fs::path& data_dir = config.gateway.data_dir;
  if (!is_there(data_dir)) return {};
  const fs::path file = data_dir / fmt::format(".doctor-{}", ::getpid());
  const auto begun = std::chrono::steady_clock::now();
  const int descriptor = ::open(file.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
  const int error = descriptor < 0 ? errno : write_and_sync(descriptor);
  if (descriptor >= 0) {
    ::close(descriptor);
    ::unlink(file.c_str());
  }
  const auto took = std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now() - begun);
  if (error != 0) {
    return {{Health::error, fmt::format("data_dir cannot be written to: {}", std::strerror(error)), data_dir.native(),
             "nothing is accepted before that is mended: look at mounts, quotas, permissions and the disk"}};
  }
  if (took > std::chrono::milliseconds(200)) {
    return {{Health::warning, fmt::format("writing and syncing 4 KiB took {} ms", took.count()), data_dir.native(),
             "every message waits for the disk: a faster or less busy one answers sooner"}};
  }
  return {
      {Health::ok, fmt::format("data_dir can be written to ({} ms with sync)", took.count()), data_dir.native(), ""}};
}

Findings check_clock(const config::Config& config, WallTime now) {
  Findings findings;
  const auto year = static_cast<int>(std::chrono::year_month_day(std::chrono::floor<std::chrono::days>(now)).year());
  if (year < 2025 || year > 2100) {
    findings.push_back({Health::error, fmt::format("this machine believes that it is {}", to_iso8601(now)), "clock",
                        "set the clock: tokens, budgets and certificates depend on it"});
  } else {
    findings.push_back({Health::ok, fmt::format("it is {}", to_iso8601(now)), "clock", ""});
  }
  const std::string& zone = config.gateway.timezone;
  const bool has_zone = limits::Calendar::open(zone).has_value();
  findings.push_back({has_zone ? Health::ok : Health::error,
                      has_zone ? fmt::format("days of budgets begin at midnight in {}", zone)
                               : fmt::format("the time zone '{}' cannot be read", zone),
                      "[gateway] timezone", has_zone ? "" : "install the package tzdata, or use \"UTC\""});
  return findings;
}

Findings check_leftovers(const config::Config& config) {
  Findings findings;
  const fs::path& data_dir = config.gateway.data_dir;
  std::error_code error;
  std::size_t looked_at = 0;
  for (fs::recursive_directory_iterator at(data_dir, error);
       !error && at != fs::recursive_directory_iterator() && looked_at < kMaxLookedAt; at.increment(error)) {
    ++looked_at;
    const std::string name = at->path().filename().native();
    if (at.depth() == 1 && name == "files") at.disable_recursion_pending();  // what tools wrote
    if (!name.contains(".corrupt-") || name.ends_with("-wal") || findings.size() >= kMaxNamed) continue;
    findings.push_back({Health::warning, "a database was damaged and set aside; a fresh one took its place",
                        printable(at->path().native()),
                        "save what can be read (sqlite3 FILE .recover), restore it from a backup, or delete it"});
  }
  const std::string prefix = data_dir.filename().native() + ".restore-";
  for (fs::directory_iterator at(data_dir.parent_path(), error); !error && at != fs::directory_iterator();
       at.increment(error)) {
    if (!at->path().filename().native().starts_with(prefix)) continue;
    findings.push_back({Health::warning, "a restore was interrupted and left this behind",
                        printable(at->path().native()),
                        "look at it, then delete it: either it never became data_dir, or it is the one before"});
  }
  return findings;
}

// By the file alone: the key that signs lies where what it signs lies.
Findings check_ledger_key(const config::Config& config) {
  const config::Audit& audit = config.audit;
  if (!is_there(audit.key_file)) return {};
  Findings findings;
  check_file(audit.key_file, 077, "go=", "the ledger's key", findings);
  const std::string key = audit.key_file.native();
  if (audit.verify_key.empty()) {
    findings.push_back({Health::warning,
                        "the ledger's key is not pinned: who can write data_dir can make another ledger", key,
                        "keep a copy of ledger.pub elsewhere and name what it says as verify_key in [audit]"});
  } else {
    findings.push_back({Health::ok, "the ledger's key is pinned", key, ""});
  }
  if (audit.is_key_file_default) {
    findings.push_back({Health::warning,
                        "the ledger's key lies in data_dir, so who can change the ledger can also sign it", key,
                        "move it elsewhere, readable by usher alone, and name it as key_file in [audit]"});
  }
  return findings;
}

}  // namespace usher::app
