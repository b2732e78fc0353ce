#include "base/failpoint.h"

#ifdef USHER_FAILPOINTS

#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <charconv>
#include <cstdio>
#include <cstdlib>
#include <string>

namespace usher {
namespace {

struct Armed {
  std::string label;
  long left = 1;  // times until it kills
};

[[noreturn]] void give_up(const char* why, std::string_view label) {
  std::fprintf(stderr, "usher: USHER_FAILPOINT: %s '%.*s'\n", why, static_cast<int>(label.size()), label.data());
  std::abort();
}

Armed read_environment() {
  Armed armed;
  const char* text = std::getenv("USHER_FAILPOINT");
  if (!text || !*text) return armed;
  armed.label = text;
  const std::size_t colon = armed.label.find(':');
  if (colon != std::string::npos) {
    const char* begin = armed.label.data() + colon + 1;
    const char* end = armed.label.data() + armed.label.size();
    const auto [read, error] = std::from_chars(begin, end, armed.left);
    if (error != std::errc() || read != end || armed.left < 1) give_up("no number of times in", armed.label);
    armed.label.resize(colon);
  }
  if (std::ranges::find(kFailpoints, armed.label) == std::end(kFailpoints)) give_up("no such label:", armed.label);
  return armed;
}

}  // namespace

void failpoint(std::string_view label) {
  static const Armed armed = read_environment();
  static std::atomic<long> left{armed.left};
  if (label != armed.label) return;
  if (left.fetch_sub(1) == 1) ::kill(::getpid(), SIGKILL);
}

}  // namespace usher

#endif
