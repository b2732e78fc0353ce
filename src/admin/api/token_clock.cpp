#include "admin/api/token_clock.h"

#include <algorithm>

namespace usher::admin {
namespace {

constexpr std::size_t kMaxSeen = 16'384;

}  // namespace

WallTime TokenClock::time_for(const Token& token) {
  const WallTime wall = clock_.wall();
  const auto seen = seen_.find(token.jti);
  if (seen == seen_.end()) {
    // Of a token that the wall clock refuses nothing is remembered: the clock may be the one that is wrong.
    if (!token.is_usable(wall)) return wall;
    if (order_.size() >= kMaxSeen) {
      seen_.erase(order_.front());
      order_.pop_front();
    }
    seen_.emplace(token.jti, Sighting{wall, clock_.monotonic()});
    order_.push_back(token.jti);
    return wall;
  }
  const auto run = std::chrono::duration_cast<std::chrono::milliseconds>(clock_.monotonic() - seen->second.monotonic);
  return std::max(wall, seen->second.wall + run);
}

bool TokenClock::is_usable(const Token& token) {
  const WallTime time = time_for(token);
  return token.is_usable(clock_.wall()) && time < token.expires_at;
}

std::chrono::milliseconds TokenClock::remaining(const Token& token) {
  return std::max(token.expires_at - time_for(token), std::chrono::milliseconds(0));
}

}  // namespace usher::admin
