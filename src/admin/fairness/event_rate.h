// How many events a family (see Caller::family) asked for lately, whatever was answered: each is judged, and may be
// stored, at the cost of all. In memory; event-loop thread.
#pragma once

#include <chrono>
#include <cstddef>
#include <deque>
#include <map>
#include <optional>
#include <string>

#include "base/clock.h"

namespace usher::admin {

constexpr std::size_t kMaxEventsPerWindow = 600;
constexpr std::chrono::seconds kEventWindow{60};  // slides

class EventRate {
 public:
  explicit EventRate(const Clock& clock) : clock_(clock) {}

  // Counts one more. Where that would be too many it is not counted, and the answer is how long to wait, in whole
  // seconds, at least one.
  std::optional<std::chrono::seconds> count(const std::string& family);
  // Of whom anything is remembered.
  std::size_t families() const { return windows_.size(); }

 private:
  void forget_idle(MonotonicTime now);

  const Clock& clock_;
  std::map<std::string, std::deque<MonotonicTime>> windows_;  // the oldest first
  std::optional<MonotonicTime> forgot_at_;
};

}  // namespace usher::admin
