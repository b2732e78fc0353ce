#include "policy/matcher/transition_table.h"

#include <algorithm>

namespace usher::policy::matching {

bool TransitionTable::fits(std::size_t state, std::span<const Difference> differences) const {
  if (state < is_state_.size() && is_state_[state]) return false;
  return std::ranges::all_of(differences, [&](const Difference& difference) {
    const std::size_t slot = state + difference.at;
    return slot >= entries_.size() || entries_[slot].owner == kNobody;
  });
}

// The first place that fits, from where the first gap is. After some tries the gap is given up: packing stays linear.
StateOffset TransitionTable::place(std::span<const Difference> differences) {
  constexpr std::size_t kTries = 64;
  while (first_gap_ < entries_.size() && entries_[first_gap_].owner != kNobody) ++first_gap_;
  const CharacterClass first = differences.empty() ? 0 : differences.front().at;
  std::size_t state = first_gap_ > first ? first_gap_ - first : 0;
  std::size_t tries = 0;
  while (!fits(state, differences)) {
    ++state;
    if (++tries == kTries) first_gap_ += kTries / 2;
  }
  const std::size_t end = state + (differences.empty() ? 0 : differences.back().at) + 1;
  if (entries_.size() < end) entries_.resize(end);
  if (is_state_.size() < state + 1) is_state_.resize(state + 1);
  is_state_[state] = true;
  const auto offset = static_cast<StateOffset>(state);
  for (const Difference& difference : differences) entries_[state + difference.at].owner = offset;
  return offset;
}

void TransitionTable::fill(StateOffset state, std::span<const Difference> differences) {
  for (const Difference& difference : differences) entries_[state + difference.at].to = difference.to;
}

// No lookup needs to ask whether it is still within the table.
void TransitionTable::finish(std::vector<Transition> common_row) {
  common_row_ = std::move(common_row);
  entries_.resize(std::max(entries_.size(), is_state_.size() + common_row_.size()));
  entries_.shrink_to_fit();
  is_state_ = {};
}

}  // namespace usher::policy::matching
