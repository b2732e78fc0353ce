// Who may call next: calls wait here for their bucket and for the global limit, in order within a bucket. Event-loop
// thread only.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "base/async.h"
#include "base/result.h"
#include "channels/discord/rest/buckets.h"

namespace usher::discord {

struct TurnWish {
  std::string route;  // of bucket_route()
  bool counts_globally = true;
  bool is_patient = true;  // false: busy instead of waiting
};

// The right to make one call. Given up without an answer it counts as used.
class Turn;

class Turns {
 public:
  Turns();
  ~Turns();

  // Fails with busy at once where the wait would be longer than the deadline or too many wait already, and with
  // cancelled.
  Task<Result<Turn>> wait(TurnWish wish, Deadline deadline);
  bool may_go_now(const TurnWish& wish) const;

 private:
  friend class Turn;
  struct State;
  std::shared_ptr<State> state_;
};

class Turn {
 public:
  Turn(std::shared_ptr<Turns::State> turns, std::string route, Buckets::Place place);
  Turn(Turn&& other) noexcept = default;
  Turn& operator=(Turn&&) = delete;
  ~Turn();

  // The answer to the call has come. Once.
  void end(const std::optional<RateLimits>& limits, const std::optional<TooMany>& too_many);

 private:
  std::shared_ptr<Turns::State> turns_;
  std::string route_;
  Buckets::Place place_;  // null: given up
};

}  // namespace usher::discord
