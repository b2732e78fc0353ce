// Whether a token is usable now, whatever is done to the machine's clock while the process runs: a token expires when
// the wall clock says so, or when as much time has passed since it was first seen, whichever comes first. Event-loop
// thread.
#pragma once

#include <deque>
#include <map>
#include <string>

#include "admin/tokens.h"
#include "base/clock.h"

namespace usher::admin {

class TokenClock {
 public:
  explicit TokenClock(const Clock& clock) : clock_(clock) {}

  WallTime now() const { return clock_.wall(); }
  bool is_usable(const Token& token);
  // The same, without remembering a token that was not seen before: a long list of them would push others out.
  bool would_be_usable(const Token& token) const;
  // How long the token is valid from now on, by the clock that says less; never negative.
  std::chrono::milliseconds remaining(const Token& token);

 private:
  // When both clocks agreed about a token.
  struct Sighting {
    WallTime wall;
    MonotonicTime monotonic;
  };
  // The later of the wall clock and of the time that has run since the token was first seen.
  WallTime time_for(const Token& token) const;
  void remember(const Token& token);

  const Clock& clock_;
  std::map<std::string, Sighting> seen_;
  std::deque<std::string> order_;  // of seen_, the oldest first: bounded
};

}  // namespace usher::admin
