// ${NAME}, ${NAME:-fallback} and $${ inside strings, replaced before anything is validated.
#pragma once

#include <filesystem>

#include "config/load.h"
#include "config/reading/document.h"
#include "config/reading/problems.h"

namespace usher::config {

// Replaces the placeholders of every string beneath `root`. A value comes from the variable NAME, else from the file
// that NAME_FILE names (relative to `base`), else from $CREDENTIALS_DIRECTORY/NAME, else from the fallback. A string
// that fails is reported with its key and marked broken.
void replace_placeholders(Value& root, const Environment& env, const std::filesystem::path& base, Problems& problems);

// True when the string as written holds anything but placeholders without a fallback: a secret that stands in the file.
bool holds_literal(std::string_view written);

}  // namespace usher::config
