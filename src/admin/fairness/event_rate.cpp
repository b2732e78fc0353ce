#include "admin/fairness/event_rate.h"

#include <algorithm>
#include <utility>

namespace usher::admin {

std::optional<EventRate::Refusal> EventRate::count(const std::string& family) {
  const MonotonicTime now = clock_.monotonic();
  forget_idle(now);
  Window& window = windows_[family];
  std::deque<MonotonicTime>& counted = window.counted;
  while (!counted.empty() && now - counted.front() >= kEventWindow) counted.pop_front();
  if (counted.size() < kMaxEventsPerWindow) {
    counted.push_back(now);
    window.was_refused = false;
    return std::nullopt;
  }
  const auto wait = std::chrono::ceil<std::chrono::seconds>(kEventWindow - (now - counted.front()));
  return Refusal{std::max(std::chrono::seconds(1), wait), !std::exchange(window.was_refused, true)};
}

// Once in a window is enough: what is remembered stays within what two of them hold.
void EventRate::forget_idle(MonotonicTime now) {
  if (!forgot_at_) forgot_at_ = now;
  if (now - *forgot_at_ < kEventWindow) return;
  forgot_at_ = now;
  std::erase_if(windows_, [&](const auto& entry) { return now - entry.second.counted.back() >= kEventWindow; });
}

}  // namespace usher::admin
