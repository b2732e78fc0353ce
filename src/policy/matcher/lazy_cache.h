// The states that a lazy automaton has made so far. Used by one thread at a time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "policy/matcher/stepper.h"

namespace usher::policy::matching {

class LazyCache {
 public:
  // The trie must outlive it.
  LazyCache(const PatternTrie& trie, std::size_t max_states);

  // `text` must be valid UTF-8. After an exception (memory ran out) the cache must not be used again.
  Outcome run(std::string_view text);

 private:
  // The next state, or with kFired set an index of `arrivals_`, or kUnknown.
  using Transition = std::uint32_t;
  static constexpr Transition kFired = 1u << 31;
  static constexpr Transition kUnknown = UINT32_MAX;
  // Where a transition leads on which something fires or nothing is left.
  struct Arrival {
    Outcome fired;
    SubsetId state = 0;
  };

  void reset();
  bool is_full() const;
  bool make_room(SubsetId& state);
  SubsetId add_state(const Subset& subset);
  Transition add_transition(SubsetId from, CharacterClass c);

  const PatternTrie& trie_;
  const std::size_t max_states_;
  Stepper stepper_;
  SubsetStore subsets_;
  std::vector<Transition> rows_;  // for each state one entry for each class
  std::vector<Arrival> arrivals_;
  std::vector<Outcome> endings_;  // of each state
  Arrival start_;
  Subset from_, to_;                   // only while a transition is added
  std::size_t bytes_since_reset_ = 0;  // of texts
};

// Without any cache.
Outcome simulate(const PatternTrie& trie, std::string_view text);

}  // namespace usher::policy::matching
