// How much one connection may still send: Discord closes it after more than 120 messages in 60 s. Pure: time is passed
// in. One thread at a time.
#pragma once

#include <array>
#include <chrono>
#include <cstddef>

namespace usher::discord {

class SendBudget {
 public:
  using Time = std::chrono::steady_clock::time_point;
  static constexpr std::size_t kMessages = 120;
  static constexpr std::chrono::seconds kWindow{60};

  SendBudget() { sent_.fill(Time::min()); }

  // True when one more may go out, and counts it. `spare` so many are left to others.
  bool take(Time now, std::size_t spare = 0) {
    // The message that has to be out of the window for this one to fit in.
    const Time oldest = sent_[(next_ + spare) % kMessages];
    if (oldest != Time::min() && now - oldest < kWindow) return false;
    sent_[next_] = now;
    next_ = (next_ + 1) % kMessages;
    return true;
  }

 private:
  std::array<Time, kMessages> sent_;  // a ring: next_ is the oldest
  std::size_t next_ = 0;
};

}  // namespace usher::discord
