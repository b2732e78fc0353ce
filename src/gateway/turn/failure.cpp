#include "gateway/turn/failure.h"

#include <spdlog/spdlog.h>

#include "base/secret.h"
#include "base/text.h"

namespace usher::gateway {

std::string explain_failure(const Error& error, const Texts& texts, const std::string& who, const std::string& model) {
  switch (error.kind) {
    case ErrorKind::limit:
      spdlog::info("{} limited: {}", who, error.message);
      if (!error.retry_after) return texts.say("blocked", {{"reason", error.message}});
      return texts.say("limit", {{"reason", error.message}, {"time", in_words(*error.retry_after)}});
    case ErrorKind::timeout:
      spdlog::warn("turn of {} timed out: {}", who, error.message);
      return texts.say("timeout");
    case ErrorKind::cancelled:
      return texts.say("stopped");
    case ErrorKind::corrupt:
      spdlog::error("turn of {} met a damaged memory: {}", who, printable(error.message, 400));
      return texts.say("memory_damaged");
    case ErrorKind::busy:
    case ErrorKind::unavailable:
    case ErrorKind::protocol:
      spdlog::warn("model {} failed {}: {}", model, who, printable(redact(error.message), 400));
      return texts.say("outage");
    default:
      spdlog::error("turn of {} failed: {}: {}", who, to_string(error.kind), printable(redact(error.message), 400));
      return texts.say("unavailable");
  }
}

}  // namespace usher::gateway
