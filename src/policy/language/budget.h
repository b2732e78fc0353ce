// How much a comparison of languages may still do. Not for several threads at once.
#pragma once

#include <cstddef>
#include <limits>

namespace usher::policy::language {

// What is taken once stays taken; when a wish cannot be granted, none is granted from then on. A state may be cheap or
// dear (a set of positions may be long), so elementary steps are counted too.
class Budget {
 public:
  static constexpr std::size_t kStepsPerState = 256;

  explicit Budget(std::size_t max_states) : states_(max_states) {
    constexpr std::size_t most = std::numeric_limits<std::size_t>::max();
    steps_ = max_states > most / kStepsPerState ? most : max_states * kStepsPerState;
  }

  bool take_state() { return take(states_, 1); }
  // A step is of the order of some nanoseconds.
  bool take_steps(std::size_t count) { return take(steps_, count); }
  std::size_t steps_left() const { return steps_; }
  bool is_spent() const { return is_spent_; }

 private:
  bool take(std::size_t& left, std::size_t count) {
    if (left < count) is_spent_ = true;
    if (is_spent_) return false;
    left -= count;
    return true;
  }

  std::size_t states_;
  std::size_t steps_;
  bool is_spent_ = false;
};

}  // namespace usher::policy::language
