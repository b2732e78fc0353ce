// The transitions of a deterministic automaton, packed: most states differ from a common row in one or two classes, and
// only these differences are stored, rows laid over each other's gaps. A state *is* the offset of its row, and an entry
// belongs to the row that it names. So 10,000 patterns stay in the second-level cache, where full rows do not.
// Immutable; any thread.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "policy/matcher/character_classes.h"
#include "policy/matcher/outcome.h"

namespace usher::policy::matching {

// What a transition leads to: the next state; with kSpecial set an index of specials().
using Transition = std::uint32_t;
constexpr Transition kSpecial = 1u << 31;
using StateOffset = std::uint32_t;

// A transition after which something has matched already, or nothing more can.
struct Special {
  Outcome fired;
  bool is_end = false;
  StateOffset next = 0;
};

struct Difference {
  CharacterClass at = 0;
  Transition to = 0;
};

class TransitionTable {
 public:
  // Gives room to the next row, whose differences are of these classes.
  StateOffset place(std::span<const Difference> differences);
  // Once for each row placed.
  void fill(StateOffset state, std::span<const Difference> differences);
  // After the last row.
  void finish(std::vector<Transition> common_row);

  Transition next(StateOffset state, CharacterClass c) const {
    const auto entry = std::bit_cast<std::uint64_t>(entries_.data()[state + c]);
    const Transition common = common_row_.data()[c];
    return static_cast<std::uint32_t>(entry) == state ? static_cast<Transition>(entry >> 32) : common;
  }
  std::size_t bytes() const {
    return entries_.capacity() * sizeof(Entry) + common_row_.capacity() * sizeof(Transition);
  }

 private:
  static constexpr StateOffset kNobody = UINT32_MAX;
  struct Entry {
    StateOffset owner = kNobody;
    Transition to = 0;
  };
  bool fits(std::size_t state, std::span<const Difference> differences) const;

  std::vector<Entry> entries_;
  std::vector<Transition> common_row_;
  std::vector<bool> is_state_;  // offsets that are taken
  std::size_t first_gap_ = 0;   // nothing is free below, or it was not worth to fill
};

}  // namespace usher::policy::matching
