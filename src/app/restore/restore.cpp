#include "app/restore/restore.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <optional>

#include "app/backup/file_copy.h"
#include "app/backup/manifest.h"
#include "app/data_lock.h"
#include "app/restore/restored_ledger.h"
#include "base/files.h"
#include "store/copy.h"

namespace usher::app {
namespace {

namespace fs = std::filesystem;

std::unexpected<Error> refuse(std::string why) { return fail(ErrorKind::invalid, std::move(why)); }

// Removed again unless it takes the place of data_dir.
class Staging {
 public:
  explicit Staging(fs::path path) : path_(std::move(path)) {}
  Staging(const Staging&) = delete;
  Staging& operator=(const Staging&) = delete;
  ~Staging() {
    std::error_code ignored;
    if (!path_.empty()) fs::remove_all(path_, ignored);
  }
  const fs::path& path() const { return path_; }
  void keep() { path_.clear(); }

 private:
  fs::path path_;
};

Result<Manifest> read_manifest(const fs::path& backup) {
  const Result<std::string> text = read_file(backup / kManifestName, kMaxManifestBytes);
  if (text) return parse_manifest(*text);
  if (text.error().kind != ErrorKind::not_found) return fail(text.error());
  return refuse(fmt::format("{} is no complete backup: {} is missing", backup.native(), kManifestName));
}

// What a lock or a killed gateway leaves behind is nothing.
bool holds_something(const fs::path& data_dir) {
  std::error_code error;
  for (const fs::directory_entry& entry : fs::directory_iterator(data_dir, error)) {
    const std::string name = entry.path().filename().native();
    if (name != "usher.lock" && name != "usher.sock") return true;
  }
  return false;
}

Result<void> check_database(const fs::path& file, const std::string& path) {
  const Result<std::string> damage = store::find_damage(file, true);
  std::error_code ignored;
  for (const char* log : {"-wal", "-shm"}) fs::remove(file.native() + log, ignored);
  if (!damage) return refuse(fmt::format("{} in the backup cannot be used: {}", path, damage.error().message));
  if (!damage->empty()) return refuse(fmt::format("{} in the backup is damaged: {}", path, *damage));
  return {};
}

// Some bytes that were set aside as damaged are still bytes of the backup.
bool is_database(const BackedUpFile& file) { return file.schema && file.path.ends_with(".db"); }

Result<void> copy_checked(const fs::path& backup, const fs::path& staging, const BackedUpFile& file) {
  const Result<FileDigest> copied = copy_bytes_of(backup / file.path, staging / file.path);
  if (!copied && copied.error().kind == ErrorKind::not_found) {
    return refuse(fmt::format("{} is missing in the backup", file.path));
  }
  if (!copied) return fail(copied.error());
  if (copied->bytes != file.bytes || copied->sha256 != file.sha256) {
    return refuse(fmt::format("{} in the backup is not what was backed up: its digest differs", file.path));
  }
  return is_database(file) ? check_database(staging / file.path, file.path) : Result<void>();
}

Result<void> copy_all(const fs::path& backup, const fs::path& staging, const Manifest& manifest,
                      const std::function<void(std::int64_t, std::int64_t)>& on_progress) {
  std::int64_t files = 0, bytes = 0;
  for (const BackedUpFile& file : manifest.files) {
    Result<void> copied = copy_checked(backup, staging, file);
    if (!copied) return copied;
    bytes += static_cast<std::int64_t>(file.bytes);
    on_progress(++files, bytes);
  }
  return {};
}

std::unexpected<Error> swap_failure(const fs::path& data_dir) {
  const char* why =
      errno == EBUSY ? "it is where something is mounted; name a folder within it as data_dir" : std::strerror(errno);
  return fail(ErrorKind::io, fmt::format("cannot put anything in the place of {}: {}", data_dir.native(), why));
}

// At once where the file system can; then there is no moment without a data_dir. Afterwards `staging` is the old one.
Result<void> swap(const fs::path& staging, const fs::path& data_dir) {
  if (::renameat2(AT_FDCWD, staging.c_str(), AT_FDCWD, data_dir.c_str(), RENAME_EXCHANGE) == 0) return {};
  if (errno != EINVAL && errno != ENOSYS) return swap_failure(data_dir);
  const fs::path old = staging.native() + ".old";
  if (::rename(data_dir.c_str(), old.c_str()) != 0) return swap_failure(data_dir);
  if (::rename(staging.c_str(), data_dir.c_str()) == 0) {
    if (::rename(old.c_str(), staging.c_str()) == 0) return {};
    return fail(ErrorKind::io, fmt::format("restored, but what was there is left as {}", old.native()));
  }
  const Result<void> failure = swap_failure(data_dir);
  ::rename(old.c_str(), data_dir.c_str());
  return failure;
}

// "20261127T203028Z"
std::string stamp(WallTime time) {
  std::string text = to_iso8601(time);
  std::erase_if(text, [](char c) { return c == '-' || c == ':'; });
  return text.substr(0, text.find('.')) + "Z";
}

// A name beside `data_dir` that nothing has.
fs::path free_name(const fs::path& data_dir, const std::string& suffix) {
  fs::path name = data_dir.native() + suffix;
  std::error_code error;
  for (int i = 2; fs::exists(fs::symlink_status(name, error)); ++i) {
    name = fmt::format("{}{}-{}", data_dir.native(), suffix, i);
  }
  return name;
}

// Where a file of data_dir is until the swap; one that lies elsewhere stays there.
fs::path staged(const fs::path& file, const fs::path& data_dir, const fs::path& staging) {
  std::error_code error;
  const fs::path real = fs::weakly_canonical(file.parent_path(), error) / file.filename();
  const fs::path within = real.lexically_relative(data_dir);
  return error || within.empty() || *within.begin() == ".." ? file : staging / within;
}

config::Config staged_config(config::Config config, const fs::path& data_dir, const fs::path& staging) {
  config.audit.key_file = staged(config.audit.key_file, data_dir, staging);
  config.audit.checkpoint_file = staged(config.audit.checkpoint_file, data_dir, staging);
  config.gateway.data_dir = staging;
  return config;
}

// What is said of the staging is said of the backup: nobody knows the other name.
std::string renamed(std::string text, const fs::path& staging, const fs::path& other) {
  for (std::size_t at = 0; (at = text.find(staging.native(), at)) != std::string::npos; at += other.native().size()) {
    text.replace(at, staging.native().size(), other.native());
  }
  return text;
}

// `before`: how many rows were signed in what is replaced.
audit::Record restore_record(const fs::path& backup, const Restored& restored, const LedgerFit& fit,
                             std::optional<std::uint64_t> before) {
  std::string detail = fmt::format("made at {}, with {} rows", restored.made_at, fit.rows);
  if (before) detail += fmt::format("; rows to {} were signed before", *before);
  if (!restored.moved_to.empty()) detail += fmt::format("; what was there is now {}", restored.moved_to.native());
  if (!restored.checkpoints_moved_to.empty()) {
    detail += fmt::format("; {}: those checkpoints are now {}, and the first {} rows go on as signed", fit.misfit,
                          restored.checkpoints_moved_to.native(), fit.common_rows);
  }
  return {.kind = audit::Kind::operator_action,
          .outcome = audit::Outcome::allowed,
          .who = "operator",
          .source = "shell",
          .action = "operator:restore:data_dir",
          .resource = backup.native(),
          .rule = restored.checkpoints_moved_to.empty() ? "" : "--accept-lost-rows",
          .detail = std::move(detail)};
}

// Makes the staged ledger one on which usher starts, and that says where it comes from.
Result<std::optional<CheckpointsAside>> prepare_ledger(const RestoreRequest& request, const fs::path& data_dir,
                                                       const fs::path& staging, Restored& restored) {
  std::error_code ignored;
  const fs::path backup = fs::absolute(request.backup, ignored).lexically_normal();
  const config::Config config = staged_config(request.config, data_dir, staging);
  Result<LedgerFit> fit = hold_against_checkpoints(config);
  if (!fit) return fail(fit.error().kind, "usher would not start: " + renamed(fit.error().message, staging, backup));
  fit->misfit = renamed(fit->misfit, staging, backup);
  const std::optional<std::uint64_t> before = signed_rows(request.config);
  std::optional<CheckpointsAside> aside;
  if (!fit->misfit.empty()) {
    const fs::path& file = config.audit.checkpoint_file;
    const fs::path target = free_name(file, ".before-restore-" + stamp(request.now));
    restored.checkpoints_moved_to = renamed(target.native(), staging, data_dir);
    if (!request.accepts_lost_rows) {
      return refuse(
          fmt::format("{}. Is there a newer backup? With --accept-lost-rows those checkpoints are kept as {}, new "
                      "ones go on from row {}, and the restored ledger says so",
                      fit->misfit, restored.checkpoints_moved_to.native(), fit->common_rows));
    }
    Result<CheckpointsAside> moved = CheckpointsAside::move(file, target, fit->notes);
    if (!moved) return fail(std::move(moved.error()));
    aside.emplace(std::move(*moved));
  }
  const Result<void> written = append_to_ledger(config, restore_record(backup, restored, *fit, before));
  if (!written) return fail(written.error());
  return aside;
}

// After the swap nothing fails any more.
void finish(const RestoreRequest& request, const fs::path& data_dir, Staging& staging, Restored& restored) {
  if (!restored.moved_to.empty()) {
    const fs::path old = staging.path();
    staging.keep();
    if (::rename(old.c_str(), restored.moved_to.c_str()) != 0) restored.moved_to = old;
  }
  (void)sync_folder(data_dir.parent_path());
  const Result<void> is_signed = sign_ledger(request.config);
  if (!is_signed) restored.unsigned_why = is_signed.error().message;
}

}  // namespace

Result<Restored> restore(const RestoreRequest& request,
                         const std::function<void(std::int64_t files, std::int64_t bytes)>& on_progress) {
  const Result<Manifest> manifest = read_manifest(request.backup);
  if (!manifest) return fail(manifest.error());
  const Result<DataLock> lock = DataLock::acquire(request.config.gateway.data_dir);
  if (!lock) return fail(lock.error());
  std::error_code error;
  const fs::path data_dir = fs::canonical(request.config.gateway.data_dir, error);
  if (error) return fail(ErrorKind::io, "data_dir: " + error.message());
  const bool was_used = holds_something(data_dir);
  if (was_used && !request.by_force) {
    return refuse(fmt::format("{} holds data already; --force moves it aside", data_dir.native()));
  }
  Staging staging(free_name(data_dir, fmt::format(".restore-{}", ::getpid())));
  if (::mkdir(staging.path().c_str(), 0700) != 0) {
    return fail(ErrorKind::io, fmt::format("cannot make {}: {}", staging.path().native(), std::strerror(errno)));
  }
  Result<void> done = copy_all(request.backup, staging.path(), *manifest, on_progress);
  if (!done) return fail(std::move(done.error()));
  Restored restored{.made_at = manifest->made_at, .files = static_cast<std::int64_t>(manifest->files.size())};
  if (was_used) restored.moved_to = free_name(data_dir, ".before-restore-" + stamp(request.now));
  Result<std::optional<CheckpointsAside>> aside = prepare_ledger(request, data_dir, staging.path(), restored);
  if (!aside) return fail(std::move(aside.error()));
  done = sync_file_system(staging.path());
  if (done) done = swap(staging.path(), data_dir);
  if (!done) return fail(std::move(done.error()));
  if (*aside) (*aside)->keep();
  finish(request, data_dir, staging, restored);
  return restored;
}

}  // namespace usher::app
