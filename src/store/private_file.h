// Making the file of a database, so that it is private (0600) from its first moment and never inherits the log of a
// removed predecessor. Safe against other threads and processes that make the same file.
#pragma once

#include <filesystem>
#include <string_view>

#include "base/result.h"

namespace usher::store {

// Makes an empty file when there is none (unless it may not: then not_found), and tightens an existing one to 0600.
Result<void> ensure_private_file(const std::filesystem::path& file, bool may_create);

// Makes the file whole with these bytes; an existing one is left as it is.
Result<void> create_private_file(const std::filesystem::path& file, std::string_view bytes);

}  // namespace usher::store
