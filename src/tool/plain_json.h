// JSON as people and jq expect to read it. Pure.
#pragma once

#include <string>

#include "base/json.h"

namespace usher::tool {

// As json::serialize, but a fraction as "0.03" where Boost.JSON writes 3E-2, and "25" for 2.5E1.
std::string plain_json(const json::value& value);

}  // namespace usher::tool
