// Inclusion that can be read off two patterns: every star of the inner one is swallowed by a star of the outer one, and
// every set lies in a set or under a star. Sufficient, not necessary; cheap where an exact search may be dear.
#pragma once

#include "policy/language/alphabet.h"
#include "policy/language/budget.h"
#include "policy/language/positions.h"

namespace usher::policy::language {

// True means L(inner) ⊆ L(outer); false means nothing, as it does once the budget is spent. Time is that of matching a
// text as long as `inner`.
bool is_plainly_within(const Positions& positions, const Alphabet& alphabet, PositionId inner, PositionId outer,
                       Budget& budget);

}  // namespace usher::policy::language
