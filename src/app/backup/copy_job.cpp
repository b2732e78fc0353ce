#include "app/backup/copy_job.h"

#include <fmt/format.h>

#include <set>
#include <utility>

#include "app/backup/file_copy.h"
#include "base/files.h"

namespace usher::app {
namespace {

namespace fs = std::filesystem;
using std::chrono::milliseconds;
using std::chrono::nanoseconds;

// How long everybody may have to wait for the last of it, and how often that is worth another pass.
constexpr milliseconds kMaxHold{500};
constexpr std::int64_t kMaxPasses = 3;
// What copying is reckoned at: more than it takes.
constexpr nanoseconds kFileCost = std::chrono::microseconds(500);
constexpr std::uint64_t kBytesPerMillisecond = 200'000;

bool is_in_memory_or_file(const Found& found) { return found.part == Part::memory || found.part == Part::file; }

// A walk, and when it began.
struct Look {
  std::vector<Found> found;
  nanoseconds at;
  nanoseconds took;
};

bool is_changed(const CopyJob& job, const Found& found) {
  const auto known = job.copied.find(found.path);
  return known == job.copied.end() || known->second.stamp != found.stamp ||
         is_racy(known->second.stamp, known->second.looked_at);
}

nanoseconds cost_of_changes(const CopyJob& job, const Look& look) {
  nanoseconds cost = look.took;
  for (const Found& found : look.found) {
    if (!is_in_memory_or_file(found) || !is_changed(job, found)) continue;
    cost += kFileCost + milliseconds((found.stamp.bytes + found.stamp.log_bytes) / kBytesPerMillisecond);
  }
  return cost;
}

void remember(CopyJob& job, const Found& found, nanoseconds looked_at) {
  if (!job.copied.contains(found.path)) ++job.progress.files;
  job.progress.bytes += static_cast<std::int64_t>(found.stamp.bytes);
  job.copied[found.path] = {found.stamp, looked_at};
}

// An older copy makes room.
Result<fs::path> clear_target(const CopyJob& job, const std::string& path) {
  fs::path to = job.progress.directory / path;
  Result<void> made = make_private_directories(to.parent_path());
  if (!made) return fail(std::move(made.error()));
  std::error_code error;
  fs::remove(to, error);
  if (error) return fail(ErrorKind::io, fmt::format("{}: cannot be replaced: {}", to.native(), error.message()));
  return to;
}

// What was deleted since it was copied.
void drop_what_is_gone(CopyJob& job, const Look& look) {
  std::set<std::string_view> there;
  for (const Found& found : look.found) there.insert(found.path);
  std::erase_if(job.copied, [&](const auto& each) {
    if (there.contains(each.first)) return false;
    std::error_code ignored;
    fs::remove(job.progress.directory / each.first, ignored);
    --job.progress.files;
    return true;
  });
}

Result<Look> look_through(const fs::path& data_dir) {
  const auto begun = std::chrono::steady_clock::now();
  const nanoseconds at = stamp_clock();
  Result<std::vector<Found>> found = walk(data_dir);
  if (!found) return fail(std::move(found.error()));
  return Look{std::move(*found), at, std::chrono::steady_clock::now() - begun};
}

// Nothing is wrong with a file that was deleted meanwhile; false then.
Result<bool> unless_gone(const Result<void>& copied) {
  if (copied) return true;
  if (copied.error().kind == ErrorKind::not_found) return false;
  return fail(copied.error());
}

// While others go on. False when it is in use or gone.
Task<Result<bool>> copy_memory(CopyJob& job, const Found& found) {
  const Result<fs::path> to = clear_target(job, found.path);
  if (!to) co_return fail(to.error());
  Result<bool> copied = co_await job.memories.copy(job.data_dir / found.path, *to);
  if (!copied && copied.error().kind == ErrorKind::not_found) co_return false;
  co_return copied;
}

Result<bool> copy_bytes(const CopyJob& job, const Found& found) {
  const Result<fs::path> to = clear_target(job, found.path);
  if (!to) return fail(to.error());
  const Result<FileDigest> copied = copy_bytes_of(job.data_dir / found.path, *to);
  return unless_gone(copied ? Result<void>() : Result<void>(fail(copied.error())));
}

Task<Result<void>> make_pass(CopyJob& job, asio::any_io_executor pool, const Look& look) {
  ++job.progress.passes;
  for (const Found& found : look.found) {
    if (!is_in_memory_or_file(found) || !is_changed(job, found)) continue;
    Result<bool> copied = false;
    if (found.part == Part::memory) {
      copied = co_await copy_memory(job, found);
    } else {
      copied = co_await run_on(pool, [&job, &found] { return copy_bytes(job, found); });
    }
    if (!copied) co_return fail(std::move(copied.error()));
    if (*copied) remember(job, found, look.at);
  }
  co_return Result<void>();
}

// While nothing else runs on the event loop. Whoever writes on other threads has what it writes in the ledger already.
Result<void> copy_changes_now(CopyJob& job) {
  const Result<Look> look = look_through(job.data_dir);
  if (!look) return fail(look.error());
  drop_what_is_gone(job, *look);
  for (const Found& found : look->found) {
    if (!is_in_memory_or_file(found) || !is_changed(job, found)) continue;
    Result<bool> copied = false;
    if (found.part == Part::memory) {
      const Result<fs::path> to = clear_target(job, found.path);
      if (!to) return fail(to.error());
      copied = unless_gone(job.memories.copy_now(job.data_dir / found.path, *to));
    } else {
      copied = copy_bytes(job, found);
    }
    if (!copied) return fail(std::move(copied.error()));
    if (*copied) remember(job, found, look->at);
  }
  job.snapshots.clear();
  for (const std::string_view name : kSharedDatabases) {
    Result<store::Snapshot> snapshot = store::Snapshot::take(job.data_dir / name);
    if (!snapshot && snapshot.error().kind == ErrorKind::not_found) continue;
    if (!snapshot) return fail(std::move(snapshot.error()));
    job.snapshots.emplace_back(name, std::move(*snapshot));
  }
  return {};
}

Result<void> hold_and_copy(CopyJob& job) {
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

}  // namespace

Task<Result<void>> copy_all(CopyJob& job, asio::any_io_executor pool) {
  job.progress.step = "copying memories and files";
  Result<Look> look = co_await run_on(pool, [&job] { return look_through(job.data_dir); });
  for (bool is_copied = false; !is_copied;) {
    if (!look) co_return fail(std::move(look.error()));
    Result<void> passed = co_await make_pass(job, pool, *look);
    if (!passed) co_return passed;
    look = co_await run_on(pool, [&job] { return look_through(job.data_dir); });
    if (!look) co_return fail(std::move(look.error()));
    const bool is_last = job.progress.passes >= kMaxPasses;
    if (!is_last && cost_of_changes(job, *look) > kMaxHold) continue;
    Result<void> held = hold_and_copy(job);
    is_copied = held.has_value();
    // busy: the pool had one of them for too long.
    if (!held && (is_last || held.error().kind != ErrorKind::busy)) co_return held;
  }
  job.progress.step = "copying databases";
  auto copy = [&job] { return copy_snapshots(job.data_dir, job.progress.directory, std::move(job.snapshots)); };
  Result<void> copied = co_await run_on(pool, std::move(copy));
  co_return copied;
}

}  // namespace usher::app
