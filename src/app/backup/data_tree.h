// What lies beneath a data_dir, and how each of it is copied. Blocking; any thread.
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace usher::app {

enum class Part {
  none,     // made again or only of this process: indexes, logs of databases, lock, socket
  shared,   // gateway.db, limits.db, api.db, ledger.db, links.db: from a snapshot
  segment,  // a closed part of the ledger: changes no more
  memory,   // open in the gateway alone, or closed
  file,     // bytes: what tools wrote, keys, checkpoints, what was set aside
};

// `path` beneath data_dir, with '/'.
Part part_of(std::string_view path);

// In the order in which their snapshots are taken: whatever one tells of, a later one knows.
inline constexpr std::string_view kSharedDatabases[] = {"gateway.db", "limits.db", "api.db", "ledger.db", "links.db"};

// Changes whenever the file or its log is written to.
struct Stamp {
  std::uint64_t inode = 0, bytes = 0, log_bytes = 0;
  std::chrono::nanoseconds written{0}, log_written{0};
  friend bool operator==(const Stamp&, const Stamp&) = default;
};

struct Found {
  std::string path;
  Part part = Part::none;
  Stamp stamp;
};

// Regular files but those of Part::none, in no order; symlinks are neither followed nor told. io when a folder cannot
// be read, invalid for a name that is not UTF-8.
Result<std::vector<Found>> walk(const std::filesystem::path& data_dir);

// The time of the file system's clock, which writes the stamps.
std::chrono::nanoseconds stamp_clock();

// Whether a file that had the stamp at `looked_at` may have been written to since without its showing: the clock of
// stamps goes in ticks.
bool is_racy(const Stamp& stamp, std::chrono::nanoseconds looked_at);

}  // namespace usher::app
