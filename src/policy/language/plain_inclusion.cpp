#include "policy/language/plain_inclusion.h"

#include <algorithm>
#include <optional>

namespace usher::policy::language {
namespace {

constexpr std::size_t kStepsPerSymbol = 4;

bool is_subset(const Alphabet& alphabet, SetId inner, SetId outer, Budget& budget) {
  if (inner == outer) return true;
  const auto named_inner = alphabet.named(inner), named_outer = alphabet.named(outer);
  if (!budget.take_steps(named_inner.size() + named_outer.size())) return false;
  if (alphabet.is_negated(inner)) {
    return alphabet.is_negated(outer) && std::ranges::includes(named_inner, named_outer);
  }
  if (!alphabet.is_negated(outer)) return std::ranges::includes(named_outer, named_inner);
  return std::ranges::none_of(named_inner, [&](ClassId c) { return std::ranges::binary_search(named_outer, c); });
}

// Goes through the symbols of a pattern, its stars and its sets.
class Walk {
 public:
  Walk(const Positions& positions, PositionId start)
      : positions_(&positions), at_(start), is_behind_star_(!positions[start].loops) {}

  bool is_star() const { return !is_behind_star_; }
  bool is_over() const { return is_behind_star_ && (*positions_)[at_].is_end(); }
  SetId set() const { return (*positions_)[at_].set; }
  void advance() {
    if (is_star()) {
      is_behind_star_ = true;
    } else {
      at_ = (*positions_)[at_].next;
      is_behind_star_ = !(*positions_)[at_].loops;
    }
  }

 private:
  const Positions* positions_;
  PositionId at_;
  bool is_behind_star_;
};

}  // namespace

// Matches the outer pattern against the symbols of the inner one as against a text. As there, going back to the last
// star suffices: whether a symbol fits does not depend on what was matched before.
bool is_plainly_within(const Positions& positions, const Alphabet& alphabet, PositionId inner, PositionId outer,
                       Budget& budget) {
  Walk text(positions, inner), pattern(positions, outer);
  std::optional<Walk> text_retry, pattern_retry;
  for (;;) {
    if (!budget.take_steps(kStepsPerSymbol)) return false;
    if (!pattern.is_over() && pattern.is_star()) {
      pattern.advance();
      if (pattern.is_over()) return true;
      text_retry.emplace(text);
      pattern_retry.emplace(pattern);
    }
    if (text.is_over()) return pattern.is_over();
    if (!pattern.is_over() && !text.is_star() && is_subset(alphabet, text.set(), pattern.set(), budget)) {
      text.advance();
      pattern.advance();
      continue;
    }
    if (!text_retry) return false;
    text_retry->advance();
    text = *text_retry;
    pattern = *pattern_retry;
  }
}

}  // namespace usher::policy::language
