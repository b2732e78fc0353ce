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

  struct Refusal {
    std::chrono::seconds wait{1};  // whole seconds, at least one
    bool is_first = true;  // since one was counted: the one to write down, so that a flood does not fill the disk
  };
  // Counts one more; where that would be too many it is not counted.
  std::optional<Refusal> count(const std::string& family);
  // Of whom anything is remembered.
  std::size_t families() const { return windows_.size(); }

 private:
  void forget_idle(MonotonicTime now);

  struct Window {
    std::deque<MonotonicTime> counted;  // the oldest first
    bool was_refused = false;
  };
  const Clock& clock_;
  std::map<std::string, Window> windows_;
  std::optional<MonotonicTime> forgot_at_;
};

}  // namespace usher::admin
