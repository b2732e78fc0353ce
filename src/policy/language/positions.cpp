#include "policy/language/positions.h"

#include <unordered_map>

namespace usher::policy::language {

// Positions in the order in which they are met: each after its next.
class Positions::Builder {
 public:
  explicit Builder(Sets& sets) : sets_(sets) {
    positions_.push_back({});
    positions_.push_back({.loops = true});
  }

  std::optional<PositionId> add(const Pattern& pattern) {
    const std::vector<Element>& elements = pattern.elements;
    std::size_t left = elements.size();
    PositionId at = kNothing;
    if (left > 0 && elements[left - 1].is_star) {
      at = kAnything;
      --left;
    }
    while (left > 0) {
      const CodePointSet& set = elements[--left].set;
      if (set.empty()) return std::nullopt;
      const bool loops = left > 0 && elements[left - 1].is_star;
      if (loops) --left;
      at = before(at, sets_.id_of(set), loops);
    }
    return at;
  }

  // Numbers the positions anew, each followed by those before it.
  std::vector<PositionId> number(std::vector<Position>& out) const {
    std::vector<PositionId> sizes(positions_.size(), 1);
    for (std::size_t i = positions_.size(); i-- > kRoots;) sizes[positions_[i].next] += sizes[i];
    std::vector<PositionId> ids(positions_.size()), free(positions_.size());
    out.resize(positions_.size());
    for (std::size_t i = 0; i < positions_.size(); ++i) {
      if (i < kRoots) {
        ids[i] = i == kNothing ? 0 : sizes[kNothing];
      } else {
        PositionId& next_free = free[positions_[i].next];
        ids[i] = next_free;
        next_free += sizes[i];
      }
      free[i] = ids[i] + 1;
      Position& position = out[ids[i]];
      position = positions_[i];
      position.next = i < kRoots ? ids[i] : ids[positions_[i].next];
      position.last_before = ids[i] + sizes[i] - 1;
    }
    return ids;
  }

  static constexpr PositionId kNothing = 0, kAnything = 1, kRoots = 2;

 private:
  PositionId before(PositionId next, SetId set, bool loops) {
    const std::uint64_t key = (std::uint64_t{next} << 32) | (std::uint64_t{set} << 1) | (loops ? 1 : 0);
    const auto [at, is_new] = known_.try_emplace(key, static_cast<PositionId>(positions_.size()));
    if (is_new) positions_.push_back({.set = set, .next = next, .loops = loops});
    return at->second;
  }

  Sets& sets_;
  std::vector<Position> positions_;
  std::unordered_map<std::uint64_t, PositionId> known_;
};

Positions::Positions(std::span<const std::optional<Pattern>> patterns, Sets& sets) {
  Builder builder(sets);
  starts_.reserve(patterns.size());
  for (const std::optional<Pattern>& pattern : patterns) {
    starts_.push_back(pattern ? builder.add(*pattern) : std::nullopt);
  }
  const std::vector<PositionId> ids = builder.number(positions_);
  for (std::optional<PositionId>& start : starts_) {
    if (start) start = ids[*start];
  }
  anything_ = ids[Builder::kAnything];
}

}  // namespace usher::policy::language
