// What the machine allows at best, measured with the least that does it.
#pragma once

#include <cstddef>
#include <filesystem>
#include <string>

namespace usher::bench {

// Microseconds of one append of 4 KiB and its fdatasync; the median of `count`.
double sync_time(const std::filesystem::path& folder, int count);

// Rows a second: SQLite in WAL with synchronous=FULL, one table, one prepared insert of `bytes`, `group` rows a commit.
double raw_insert_rate(const std::filesystem::path& folder, const std::string& bytes, std::size_t group,
                       std::size_t rows);

}  // namespace usher::bench
