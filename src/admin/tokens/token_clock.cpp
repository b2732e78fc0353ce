#include "admin/tokens/token_clock.h"

#include <algorithm>

namespace usher::admin {
namespace {

constexpr std::size_t kMaxSeen = 16'384;

}  // namespace

WallTime TokenClock::time_for(const Token& token) const {
  const WallTime wall = clock_.wall();
  const auto seen = seen_.find(token.jti);
  if (seen == seen_.end()) return wall;
  const auto run = std::chrono::duration_cast<std::chrono::milliseconds>(clock_.monotonic() - seen->second.monotonic);
  return std::max(wall, seen->second.wall + run);
}

void TokenClock::remember(const Token& token) {
  const WallTime wall = clock_.wall();
  // Of a token that the wall clock refuses nothing is remembered: the clock may be the one that is wrong.
  if (seen_.contains(token.jti) || !token.is_usable(wall)) return;
  if (order_.size() >= kMaxSeen) {
    seen_.erase(order_.front());
    order_.pop_front();
  }
  seen_.emplace(token.jti, Sighting{wall, clock_.monotonic()});
  order_.push_back(token.jti);
}

bool TokenClock::would_be_usable(const Token& token) const {
  return token.is_usable(clock_.wall()) && time_for(token) < token.expires_at;
}

bool TokenClock::is_usable(const Token& token) {
  remember(token);
  return would_be_usable(token);
}

std::chrono::milliseconds TokenClock::remaining(const Token& token) {
  remember(token);
  return std::max(token.expires_at - time_for(token), std::chrono::milliseconds(0));
}

}  // namespace usher::admin
