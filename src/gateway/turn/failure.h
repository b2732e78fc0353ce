// What a person is told when their turn fails, and what the log says of it.
#pragma once

#include <string>

#include "base/result.h"
#include "gateway/room/texts.h"

namespace usher::gateway {

// Logs the error and returns the sentence for the person, which holds nothing of the machine. `who`: the sender;
// `model`: its vendor's name, "?" before one was found.
std::string explain_failure(const Error& error, const Texts& texts, const std::string& who, const std::string& model);

}  // namespace usher::gateway
