#include "app/backup/backup.h"

#include <fmt/format.h>
#include <spdlog/spdlog.h>
#include <sys/stat.h>

#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <cerrno>
#include <cstring>
#include <map>
#include <set>
#include <utility>

#include "app/backup/data_tree.h"
#include "app/backup/file_copy.h"
#include "app/backup/manifest.h"
#include "base/files.h"
#include "store/copy.h"

namespace usher::app {
namespace {

namespace fs = std::filesystem;
using std::chrono::milliseconds;
using std::chrono::nanoseconds;
using State = admin::BackupProgress::State;

// How long everybody may have to wait for the last of it, and how often that is worth another pass.
constexpr milliseconds kMaxHold{500};
constexpr std::int64_t kMaxPasses = 3;
// What copying is reckoned at: more than it takes.
constexpr nanoseconds kFileCost = std::chrono::microseconds(500);
constexpr std::uint64_t kBytesPerMillisecond = 200'000;

bool is_in_memory_or_file(const Found& found) { return found.part == Part::memory || found.part == Part::file; }

// One backup. What runs on the pool touches the file system only.
struct Job {
  Job(fs::path from, admin::BackupProgress begun, memory::MemoryStores& stores, const Clock& given_clock)
      : data_dir(std::move(from)), progress(std::move(begun)), memories(stores), clock(given_clock) {}

  struct Copied {
    Stamp stamp;
    nanoseconds looked_at;
  };
  // A walk, and when it began.
  struct Look {
    std::vector<Found> found;
    nanoseconds at;
    nanoseconds took;
  };

  const fs::path data_dir;
  admin::BackupProgress progress;
  memory::MemoryStores& memories;
  const Clock& clock;
  std::map<std::string, Copied> copied;
  std::vector<std::pair<std::string, store::Snapshot>> snapshots;

  fs::path target(const std::string& path) const { return progress.directory / path; }

  bool is_changed(const Found& found) const {
    const auto known = copied.find(found.path);
    return known == copied.end() || known->second.stamp != found.stamp ||
           is_racy(known->second.stamp, known->second.looked_at);
  }

  nanoseconds cost_of_changes(const Look& look) const {
    nanoseconds cost = look.took;
    for (const Found& found : look.found) {
      if (!is_in_memory_or_file(found) || !is_changed(found)) continue;
      cost += kFileCost + milliseconds((found.stamp.bytes + found.stamp.log_bytes) / kBytesPerMillisecond);
    }
    return cost;
  }

  void remember(const Found& found, nanoseconds looked_at) {
    if (!copied.contains(found.path)) ++progress.files;
    progress.bytes += static_cast<std::int64_t>(found.stamp.bytes);
    copied[found.path] = {found.stamp, looked_at};
  }

  // An older copy makes room.
  Result<fs::path> clear_target(const std::string& path) const {
    const fs::path to = target(path);
    Result<void> made = make_private_directories(to.parent_path());
    if (!made) return fail(std::move(made.error()));
    std::error_code error;
    fs::remove(to, error);
    if (error) return fail(ErrorKind::io, fmt::format("{}: cannot be replaced: {}", to.native(), error.message()));
    return to;
  }

  // What was deleted since it was copied.
  void drop_what_is_gone(const Look& look) {
    std::set<std::string_view> there;
    for (const Found& found : look.found) there.insert(found.path);
    std::erase_if(copied, [&](const auto& each) {
      if (there.contains(each.first)) return false;
      std::error_code ignored;
      fs::remove(target(each.first), ignored);
      --progress.files;
      return true;
    });
  }
};

Result<Job::Look> look_through(const fs::path& data_dir) {
  const auto begun = std::chrono::steady_clock::now();
  const nanoseconds at = stamp_clock();
  Result<std::vector<Found>> found = walk(data_dir);
  if (!found) return fail(std::move(found.error()));
  return Job::Look{std::move(*found), at, std::chrono::steady_clock::now() - begun};
}

// Nothing is wrong with a file that was deleted meanwhile; false then.
Result<bool> unless_gone(const Result<void>& copied) {
  if (copied) return true;
  if (copied.error().kind == ErrorKind::not_found) return false;
  return fail(copied.error());
}

// While others go on. False when it is in use or gone.
Task<Result<bool>> copy_memory(Job& job, const Found& found) {
  const Result<fs::path> to = job.clear_target(found.path);
  if (!to) co_return fail(to.error());
  Result<bool> copied = co_await job.memories.copy(job.data_dir / found.path, *to);
  if (!copied && copied.error().kind == ErrorKind::not_found) co_return false;
  co_return copied;
}

Result<bool> copy_bytes(const Job& job, const Found& found) {
  const Result<fs::path> to = job.clear_target(found.path);
  if (!to) return fail(to.error());
  const Result<FileDigest> copied = copy_bytes_of(job.data_dir / found.path, *to);
  return unless_gone(copied ? Result<void>() : Result<void>(fail(copied.error())));
}

Task<Result<void>> make_pass(Job& job, asio::any_io_executor pool, const Job::Look& look) {
  ++job.progress.passes;
  for (const Found& found : look.found) {
    if (!is_in_memory_or_file(found) || !job.is_changed(found)) continue;
    Result<bool> copied = false;
    if (found.part == Part::memory) {
      copied = co_await copy_memory(job, found);
    } else {
      copied = co_await run_on(pool, [&job, &found] { return copy_bytes(job, found); });
    }
    if (!copied) co_return fail(std::move(copied.error()));
    if (*copied) job.remember(found, look.at);
  }
  co_return Result<void>();
}

// While nothing else runs on the event loop. Whoever writes on other threads has what it writes in the ledger already.
Result<void> copy_changes_now(Job& job) {
  const Result<Job::Look> look = look_through(job.data_dir);
  if (!look) return fail(look.error());
  job.drop_what_is_gone(*look);
  for (const Found& found : look->found) {
    if (!is_in_memory_or_file(found) || !job.is_changed(found)) continue;
    Result<bool> copied = false;
    if (found.part == Part::memory) {
      const Result<fs::path> to = job.clear_target(found.path);
      if (!to) return fail(to.error());
      copied = unless_gone(job.memories.copy_now(job.data_dir / found.path, *to));
    } else {
      copied = copy_bytes(job, found);
    }
    if (!copied) return fail(std::move(copied.error()));
    if (*copied) job.remember(found, look->at);
  }
  for (const std::string_view name : kSharedDatabases) {
    Result<store::Snapshot> snapshot = store::Snapshot::take(job.data_dir / name);
    if (!snapshot && snapshot.error().kind == ErrorKind::not_found) continue;
    if (!snapshot) return fail(std::move(snapshot.error()));
    job.snapshots.emplace_back(name, std::move(*snapshot));
  }
  return {};
}

Result<void> hold_and_copy(Job& job) {
  const auto begun = std::chrono::steady_clock::now();
  Result<void> copied = copy_changes_now(job);
  const auto held = std::chrono::steady_clock::now() - begun;
  job.progress.held_us = std::chrono::duration_cast<std::chrono::microseconds>(held).count();
  job.progress.was_held_long = held > kMaxHold;
  return copied;
}

// On the pool.
Result<void> copy_snapshots(const fs::path& data_dir, const fs::path& directory,
                            std::vector<std::pair<std::string, store::Snapshot>> snapshots) {
  for (auto& [name, snapshot] : snapshots) {
    Result<void> copied = snapshot.copy_to(directory / name);
    if (!copied) return copied;
  }
  snapshots.clear();
  // After the ledger: rows that leave it are in a segment before.
  const Result<std::vector<Found>> found = walk(data_dir);
  if (!found) return fail(found.error());
  for (const Found& each : *found) {
    if (each.part != Part::segment) continue;
    Result<store::Snapshot> segment = store::Snapshot::take(data_dir / each.path);
    if (!segment) return fail(std::move(segment.error()));
    Result<void> copied = segment->copy_to(directory / each.path);
    if (!copied) return copied;
  }
  return {};
}

// On the pool.
Result<std::int64_t> write_manifest(const fs::path& directory, Manifest manifest) {
  std::error_code error;
  for (fs::recursive_directory_iterator at(directory, error); !error && at != fs::recursive_directory_iterator();
       at.increment(error)) {
    std::error_code ignored;
    if (!at->is_regular_file(ignored)) continue;
    Result<FileDigest> digest = digest_file(at->path());
    if (!digest) return fail(std::move(digest.error()));
    manifest.files.push_back({.path = at->path().lexically_relative(directory).native(),
                              .bytes = digest->bytes,
                              .sha256 = std::move(digest->sha256),
                              .schema = digest->schema});
  }
  if (error) return fail(ErrorKind::io, fmt::format("{}: {}", directory.native(), error.message()));
  std::ranges::sort(manifest.files, {}, &BackedUpFile::path);
  const Result<std::string> text = to_json(manifest);
  if (!text) return fail(text.error());
  Result<void> done = sync_file_system(directory);
  if (done) done = sync_folder(directory.parent_path());
  if (done) done = write_synced(directory / kManifestName, *text);
  if (!done) return fail(std::move(done.error()));
  return static_cast<std::int64_t>(manifest.files.size());
}

Task<Result<void>> copy_all(Job& job, asio::any_io_executor pool) {
  job.progress.step = "copying memories and files";
  Result<Job::Look> look = co_await run_on(pool, [&job] { return look_through(job.data_dir); });
  while (look) {
    Result<void> passed = co_await make_pass(job, pool, *look);
    if (!passed) co_return passed;
    look = co_await run_on(pool, [&job] { return look_through(job.data_dir); });
    const bool is_little = look && job.cost_of_changes(*look) <= kMaxHold;
    if (is_little || job.progress.passes == kMaxPasses) break;
  }
  if (!look) co_return fail(std::move(look.error()));
  Result<void> held = hold_and_copy(job);
  if (!held) co_return held;
  job.progress.step = "copying databases";
  auto copy = [&job] { return copy_snapshots(job.data_dir, job.progress.directory, std::move(job.snapshots)); };
  Result<void> copied = co_await run_on(pool, std::move(copy));
  co_return copied;
}

Task<Result<void>> make_backup(Job& job, asio::any_io_executor pool) {
  Result<void> copied = co_await copy_all(job, pool);
  if (!copied) co_return copied;
  job.progress.step = "checking, and waiting for the disk";
  Manifest manifest{
      .usher = USHER_VERSION, .made_at = to_iso8601(job.clock.wall()), .data_dir = job.data_dir.native(), .files = {}};
  auto write = [&job, &manifest] { return write_manifest(job.progress.directory, std::move(manifest)); };
  Result<std::int64_t> written = co_await run_on(pool, std::move(write));
  if (!written) co_return fail(std::move(written.error()));
  job.progress.files = *written;
  co_return Result<void>();
}

void tell(const admin::BackupProgress& progress) {
  if (progress.state == State::failed) {
    spdlog::error("backup: {} stays incomplete: {}", progress.directory.native(), progress.why);
    return;
  }
  spdlog::info("backup: {} is complete: {} files, {} passes; everything stood still for {:.1f} ms",
               progress.directory.native(), progress.files, progress.passes,
               static_cast<double>(progress.held_us) / 1000);
  if (progress.was_held_long) {
    spdlog::warn("backup: that was longer than meant, because too much is written; a quieter hour is better for it");
  }
}

// Owns the job, so it may outlive who began it.
Task<void> run(std::shared_ptr<Job> job, asio::any_io_executor pool) {
  Result<void> made;
  try {
    made = co_await make_backup(*job, pool);
  } catch (const std::exception& error) {
    made = fail(ErrorKind::internal, error.what());
  }
  job->progress.step.clear();
  job->progress.state = made ? State::done : State::failed;
  if (!made) job->progress.why = made.error().message;
  job->snapshots.clear();
  tell(job->progress);
}

// What the place of a backup must be; makes it.
Result<void> make_directory(const fs::path& directory, const fs::path& data_dir) {
  if (!directory.is_absolute()) return fail(ErrorKind::invalid, "the folder for a backup must be an absolute path");
  std::error_code error;
  const fs::path real = fs::weakly_canonical(directory, error), data = fs::weakly_canonical(data_dir, error);
  const auto [end, ignored] = std::ranges::mismatch(data, real);
  if (end == data.end()) return fail(ErrorKind::invalid, fmt::format("{} lies within data_dir", directory.native()));
  if (::mkdir(directory.c_str(), 0700) == 0) return {};
  if (errno != EEXIST) {
    return fail(ErrorKind::io, fmt::format("cannot make {}: {}", directory.native(), std::strerror(errno)));
  }
  const bool is_empty = fs::is_directory(directory, error) && fs::is_empty(directory, error) && !error;
  if (!is_empty) return fail(ErrorKind::invalid, fmt::format("{} is no empty folder", directory.native()));
  if (::chmod(directory.c_str(), 0700) == 0) return {};
  return fail(ErrorKind::io, fmt::format("cannot make {} private: {}", directory.native(), std::strerror(errno)));
}

class Maker final : public admin::Backups {
 public:
  Maker(fs::path data_dir, asio::any_io_executor loop, asio::any_io_executor pool, memory::MemoryStores& memories,
        const Clock& clock)
      : data_dir_(std::move(data_dir)),
        loop_(std::move(loop)),
        pool_(std::move(pool)),
        memories_(memories),
        clock_(clock) {}

  Result<void> start(const fs::path& directory) override {
    if (job_ && job_->progress.state == State::running) {
      return fail(ErrorKind::busy, fmt::format("a backup to {} is being made", job_->progress.directory.native()));
    }
    fs::path target = directory.lexically_normal();
    if (!target.has_filename()) target = target.parent_path();
    Result<void> made = make_directory(target, data_dir_);
    if (!made) return made;
    job_ = std::make_shared<Job>(data_dir_, admin::BackupProgress{.directory = target}, memories_, clock_);
    asio::co_spawn(loop_, run(job_, pool_), [](const std::exception_ptr&) {});
    return {};
  }

  std::optional<admin::BackupProgress> progress() const override {
    if (!job_) return std::nullopt;
    return job_->progress;
  }

 private:
  fs::path data_dir_;
  asio::any_io_executor loop_;
  asio::any_io_executor pool_;
  memory::MemoryStores& memories_;
  const Clock& clock_;
  std::shared_ptr<Job> job_;
};

}  // namespace

std::unique_ptr<admin::Backups> make_backups(std::filesystem::path data_dir, asio::any_io_executor loop,
                                             asio::any_io_executor pool, memory::MemoryStores& memories,
                                             const Clock& clock) {
  return std::make_unique<Maker>(std::move(data_dir), std::move(loop), std::move(pool), memories, clock);
}

}  // namespace usher::app
