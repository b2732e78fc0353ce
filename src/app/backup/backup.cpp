#include "app/backup/backup.h"

#include <fmt/format.h>
#include <spdlog/spdlog.h>
#include <sys/stat.h>

#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <cerrno>
#include <cstring>
#include <utility>

#include "app/backup/copy_job.h"
#include "app/backup/file_copy.h"
#include "app/backup/manifest.h"

namespace usher::app {
namespace {

namespace fs = std::filesystem;
using State = admin::BackupProgress::State;

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

Task<Result<void>> make_backup(CopyJob& job, asio::any_io_executor pool, std::string made_at) {
  Result<void> copied = co_await copy_all(job, pool);
  if (!copied) co_return copied;
  job.progress.step = "checking, and waiting for the disk";
  Manifest manifest{
      .usher = USHER_VERSION, .made_at = std::move(made_at), .data_dir = job.data_dir.native(), .files = {}};
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
Task<void> run(std::shared_ptr<CopyJob> job, asio::any_io_executor pool, std::string made_at) {
  Result<void> made;
  try {
    made = co_await make_backup(*job, pool, std::move(made_at));
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
    job_ = std::make_shared<CopyJob>(data_dir_, target, memories_);
    asio::co_spawn(loop_, run(job_, pool_, to_iso8601(clock_.wall())), [](const std::exception_ptr&) {});
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
  std::shared_ptr<CopyJob> job_;
};

}  // namespace

std::unique_ptr<admin::Backups> make_backups(std::filesystem::path data_dir, asio::any_io_executor loop,
                                             asio::any_io_executor pool, memory::MemoryStores& memories,
                                             const Clock& clock) {
  return std::make_unique<Maker>(std::move(data_dir), std::move(loop), std::move(pool), memories, clock);
}

}  // namespace usher::app
