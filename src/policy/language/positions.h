// Globs as one automaton. A position is what is left of a pattern to be matched: a star or none, one code point of a
// set, and the position after it. Patterns that end alike share their positions, so the positions are a forest whose
// roots are the two ends: "nothing more" and "anything more". Immutable once made; any thread.
//
// L(p) is the set of texts that p matches. Where q `loops` and lies on the way from p to its end, L(p) ⊆ L(q): every
// text of L(p) ends in a text of L(q), and q swallows whatever comes before it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "policy/language/alphabet.h"
#include "policy/pattern.h"

namespace usher::policy::language {

using PositionId = std::uint32_t;

struct Position {
  static constexpr SetId kEnd = ~SetId{0};
  SetId set = kEnd;
  PositionId next = 0;
  // The positions whose way to the end leads through this one are those of (its id, last_before].
  PositionId last_before = 0;
  bool loops = false;  // a star stands before the set, or at the end
  bool is_end() const { return set == kEnd; }
};

class Positions {
 public:
  // Together at most 2^28 elements.
  Positions(std::span<const std::optional<Pattern>> patterns, Sets& sets);

  // nullopt where the pattern matches nothing (not UTF-8, or with an empty set): every other position matches some
  // text.
  std::optional<PositionId> start(std::size_t pattern) const { return starts_[pattern]; }
  const Position& operator[](PositionId id) const { return positions_[id]; }
  // The end that matches any text.
  PositionId anything() const { return anything_; }

 private:
  class Builder;
  std::vector<Position> positions_;
  std::vector<std::optional<PositionId>> starts_;
  PositionId anything_ = 0;
};

}  // namespace usher::policy::language
