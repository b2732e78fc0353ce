// Logs go to stderr, as text or as one JSON object a line. Every line passes redact() before it is written.
// Use spdlog's free functions (spdlog::info("…", …)) anywhere; set_up_logging once in the composition root.
// Thread-safe.
#pragma once

#include <spdlog/spdlog.h>

#include <string>

namespace usher {

enum class LogFormat { text, json };

// level: trace | debug | info | warn | error | off (checked by config).
void set_up_logging(const std::string& level, LogFormat format);

}  // namespace usher
