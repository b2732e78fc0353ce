#include "admin/fairness/event_rate.h"

#include <algorithm>

namespace usher::admin {

std::optional<std::chrono::seconds> EventRate::count(const std::string& family) {
  const MonotonicTime now = clock_.monotonic();
  forget_idle(now);
  std::deque<MonotonicTime>& window = windows_[family];
  while (!window.empty() && now - window.front() >= kEventWindow) window.pop_front();
  if (window.size() < kMaxEventsPerWindow) {
    window.push_back(now);
    return std::nullopt;
  }
  return std::max(std::chrono::seconds(1),
                  std::chrono::ceil<std::chrono::seconds>(kEventWindow - (now - window.front())));
}

// Once in a window is enough: what is remembered stays within what two of them hold.
void EventRate::forget_idle(MonotonicTime now) {
  if (!forgot_at_) forgot_at_ = now;
  if (now - *forgot_at_ < kEventWindow) return;
  forgot_at_ = now;
  std::erase_if(windows_, [&](const auto& entry) { return now - entry.second.back() >= kEventWindow; });
}

}  // namespace usher::admin
