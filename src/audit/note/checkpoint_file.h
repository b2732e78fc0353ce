// The file of checkpoints: signed notes, each followed by a blank line, only ever appended to. Several processes may
// append; each call takes the file's lock. Blocks: not on the event loop.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "audit/note/checkpoint.h"

namespace usher::audit {

// Appends and syncs; creates the file (0600). What a crash left of a torn note is cut off first. Does nothing when the
// newest note there is that of as many rows or more. On an error the file is as it was.
Result<void> append_checkpoint(const std::filesystem::path& file, const Checkpoint& checkpoint, const SigningKey& key);

// The newest checkpoint; nullopt when the file is missing or empty, denied when it is not signed by that key, invalid
// when the end of the file is no note. Reads only the end.
Result<std::optional<Checkpoint>> newest_checkpoint(const std::filesystem::path& file, const VerifyKey& key);

}  // namespace usher::audit
