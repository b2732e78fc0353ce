// messages.toml of a workspace: the sentences that usher itself says there, by name. A flat table of strings.
#pragma once

#include <map>
#include <string>
#include <string_view>

#include "base/result.h"

namespace usher::config {

// At most 64 KiB; anything but a flat table of strings is invalid, with line and column.
Result<std::map<std::string, std::string>> parse_messages(std::string_view text);

}  // namespace usher::config
