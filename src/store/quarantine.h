// Setting a damaged database aside, so that a fresh one can take its place and nothing that is left of it is lost. Any
// thread; two that do it to the same file at once find two names.
#pragma once

#include <filesystem>

#include "base/clock.h"
#include "base/result.h"

namespace usher::store {

// Part of the name of every file that was set aside.
inline constexpr const char* quarantine_mark = ".corrupt-";

// Renames the file to `<file>.corrupt-<UTC time>` (20261121T233141.123Z) and its log to the same name with "-wal"
// behind it, so that the two can still be opened together. Never replaces a file; nothing is moved when one of them
// cannot be. Who still has the database open goes on with the moved one. Returns the new name.
Result<std::filesystem::path> quarantine(const std::filesystem::path& file, WallTime now);

}  // namespace usher::store
