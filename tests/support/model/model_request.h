// What OpenAI's chat completions refuse with 400, as far as a gateway can get it wrong. Pure.
#pragma once

#include <string>

#include "base/json.h"

namespace usher::testing {

// "" for a request that the vendor takes, else what is wrong with it.
std::string complaint_about(const json::object& request);

}  // namespace usher::testing
