// A deterministic automaton whose states are made while texts are read, for patterns whose automaton would be too
// large: texts visit few of its states. They are kept in caches of bounded size, one for each thread that is matching
// at the moment. A cache that fills faster than it serves is not filled on: the text is then matched by stepping
// through the patterns themselves, in time linear in the text times the patterns.
#pragma once

#include <cstddef>
#include <memory>

#include "policy/matcher/outcome.h"
#include "policy/matcher/pattern_trie.h"

namespace usher::policy::matching {

// The bound is that of one cache; there are at most four.
std::unique_ptr<const Part> make_lazy_automaton(PatternTrie trie, std::size_t max_states);

}  // namespace usher::policy::matching
