// One deterministic automaton for all the patterns, made beforehand: the fastest way, where it stays small.
#pragma once

#include <cstddef>
#include <memory>

#include "policy/matcher/outcome.h"
#include "policy/matcher/pattern_trie.h"

namespace usher::policy::matching {

// What making one may cost before it is given up.
struct AutomatonBound {
  std::size_t max_states = 0;
  std::size_t max_differences = 0;  // stored transitions: 8 bytes each, and as many while it is made
  std::size_t max_visits = 0;       // of nodes by steps of the construction: some 10 ns each
};

// nullptr when the bound is reached.
std::unique_ptr<const Part> make_automaton(const PatternTrie& trie, const AutomatonBound& bound);

}  // namespace usher::policy::matching
