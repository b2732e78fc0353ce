// What usher has left on disk, read by the tests' own eyes. Blocks; any thread.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <utility>

#include "e2e/crash/history/history.h"

namespace usher::e2e::crash {

using States = std::map<std::pair<std::string, std::int64_t>, std::string>;

// The state of every message in gateway.db, by channel and update id. Reads a copy, so that whatever a killed process
// left in the log stays for the next one to recover. Empty when there is no database yet.
States states_beneath(const std::filesystem::path& data_dir);

// Everything else that the checker wants to know, once usher has ended: effects, charges, damaged databases.
Remains remains_beneath(const std::filesystem::path& data_dir);

}  // namespace usher::e2e::crash
