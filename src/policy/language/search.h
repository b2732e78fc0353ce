// The shortest text that some patterns match and others do not: inclusion of regular languages, decided by a search
// that makes the right side deterministic only where it must and keeps of all states only the strongest ("antichains").
// Exact: it finds a shortest text, or there is none, or the budget was spent.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>

#include "policy/language/alphabet.h"
#include "policy/language/budget.h"
#include "policy/language/positions.h"
#include "policy/language/unions.h"

namespace usher::policy::language {

// Texts that both match. Positions::anything() asks for nothing.
struct Both {
  PositionId one = 0, other = 0;
};

enum class Texts {
  any,
  actions,  // well-formed ones, of at most kMaxActionBytes: asked for where any text was found
};

// What the search walks through.
struct Space {
  const Alphabet& alphabet;
  const Positions& positions;
  Unions& unions;
  Budget& budget;
};

// A shortest one of the texts that one of `left` matches and `right` does not; of equally short ones always the same.
// nullopt when there is none, which holds only as long as the budget is not spent.
std::optional<std::string> find_shortest(const Space& space, std::span<const Both> left, UnionId right, Texts texts);

}  // namespace usher::policy::language
