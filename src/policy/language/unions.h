// Unions of patterns, made deterministic as they are walked through: a union is a set of positions, every set is kept
// once and remembers where each class of code points leads. Not for several threads at once.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <span>
#include <unordered_set>
#include <vector>

#include "policy/language/alphabet.h"
#include "policy/language/budget.h"
#include "policy/language/positions.h"

namespace usher::policy::language {

using UnionId = std::uint32_t;

class Unions {
 public:
  // Stands for every union that was seen to match any text.
  static constexpr UnionId kAnything = 0;

  // All three must outlive it.
  Unions(const Positions& positions, const Alphabet& alphabet, Budget& budget);

  // What any of the positions matches. Takes what it is given as scratch.
  UnionId of(std::vector<PositionId>& positions);
  // What may follow a character of the class. Once the budget is spent the answer is any union.
  UnionId step(UnionId id, ClassId c);
  // The classes that the union tells from others, sorted; all others lead the same way. Valid as long as this object.
  std::span<const ClassId> named(UnionId id);
  // What it is the union of, sorted.
  std::span<const PositionId> positions(UnionId id) const { return unions_[id].positions; }
  // Whether it matches "".
  bool is_final(UnionId id) const { return unions_[id].is_final; }

  // Both are sufficient, not necessary: L(position) ⊆ L(id); L(small) ⊆ L(large).
  bool covers(UnionId id, PositionId position) const;
  bool within(UnionId small, UnionId large);

 private:
  static constexpr UnionId kUnknown = ~UnionId{0};
  // No position leads through another one that loops: it would add nothing.
  struct Union {
    std::vector<PositionId> positions;  // sorted
    std::vector<ClassId> named;         // filled with `next` when it is first walked through
    std::vector<UnionId> next;          // for each named class, then for all others
    bool is_final = false;
  };
  struct Hash {
    const std::deque<Union>* unions;
    std::size_t operator()(UnionId id) const;
  };
  struct Equal {
    const std::deque<Union>* unions;
    bool operator()(UnionId a, UnionId b) const { return (*unions)[a].positions == (*unions)[b].positions; }
  };

  void open(Union& entry);

  const Positions& positions_;
  const Alphabet& alphabet_;
  Budget& budget_;
  std::deque<Union> unions_;
  std::unordered_set<UnionId, Hash, Equal> known_;
  std::vector<PositionId> scratch_;
};

}  // namespace usher::policy::language
