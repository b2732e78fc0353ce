#include "channel/trouble.h"

#include <algorithm>
#include <cstdint>
#include <utility>

#include "base/clock.h"

namespace usher::channel {

using std::chrono::milliseconds;

Trouble::Trouble(milliseconds first, milliseconds longest) : first_(first), longest_(longest), next_(first) {}

bool Trouble::note(std::string what) {
  if (what == what_) return false;
  if (what_.empty()) since_ = to_iso8601(SystemClock().wall());
  what_ = std::move(what);
  text_ = "since " + since_ + ": " + what_;
  return true;
}

bool Trouble::clear() {
  next_ = first_;
  if (what_.empty()) return false;
  what_.clear();
  text_.clear();
  return true;
}

milliseconds Trouble::next_wait() {
  const milliseconds wait = next_;
  next_ = std::min(longest_, next_ * 2);
  return milliseconds(std::uniform_int_distribution<std::int64_t>(wait.count() / 2, wait.count())(random_));
}

}  // namespace usher::channel
