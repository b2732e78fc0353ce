// The doctor's look at this machine: files, disk, clock, databases. Each is blocking, safe beside a running gateway and
// on any thread, and changes nothing (check_writing makes a file and removes it).
#pragma once

#include <filesystem>

#include "app/doctor/finding.h"
#include "base/clock.h"
#include "config/config.h"

namespace usher::app {

// Modes and owners of config.toml, data_dir and all beneath it, and of the TLS key; whether a data_dir that is missing
// can be made.
Findings check_permissions(const config::Config& config);
// Space and inodes of data_dir's file system.
Findings check_disk(const config::Config& config);
// Whether a file can be written and synced in data_dir, and how long that takes.
Findings check_writing(const config::Config& config);
// The year, and the time zone of budgets.
Findings check_clock(const config::Config& config, WallTime now);
// The shared databases: schema, and their pages where no gateway is at work on them.
Findings check_databases(const config::Config& config, bool is_running);
// What was set aside as damaged, and what a restore or a kill left behind.
Findings check_leftovers(const config::Config& config);
// Whether ledger, key and checkpoints fit together, as a start would see it.
Findings check_ledger(const config::Config& config);
// Whether whoever can write data_dir could also sign a ledger.
Findings check_ledger_key(const config::Config& config);

// Pure, for check_disk.
Finding judge_space(std::uint64_t free_bytes, std::uint64_t all_bytes, const std::string& where);
Finding judge_inodes(std::uint64_t free, std::uint64_t all, const std::string& where);

}  // namespace usher::app
