// Remembrance as JSON and back: what a reply carries in the journal until it is in its sender's memory. The path is
// kept relative to `data_dir`, which may stand elsewhere when it is read again. Pure.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>

#include "base/result.h"
#include "gateway/journal.h"

namespace usher::gateway {

// "" where nothing is to be kept.
std::string to_json(const Remembrance& remembrance, const std::filesystem::path& data_dir);
// Refuses a path that leaves data_dir.
Result<Remembrance> remembrance_from_json(std::string_view text, const std::filesystem::path& data_dir);

}  // namespace usher::gateway
