#include "policy/matcher/character_classes.h"

#include <algorithm>
#include <iterator>

#include "base/unicode.h"

namespace usher::policy::matching {
namespace {

constexpr char32_t kLastCodePoint = 0x10FFFF;

// A set that reaches to the last code point is taken for a negated one. Two characters that are in none of the positive
// sets and in all negated ones are told apart by none: that is the class kOtherCharacters.
//
// A set of one character never is: a literal needs a class of its own, above those that no literal has.
bool is_negated(const CodePointSet& set) {
  if (set.empty() || set.back().last != kLastCodePoint) return false;
  return set.size() > 1 || set.front().first != kLastCodePoint;
}

struct Boundary {
  char32_t at = 0;
  int depth_change = 0;
};

std::vector<Boundary> boundaries_of(const std::vector<CodePointSet>& sets) {
  std::vector<Boundary> boundaries{{0, 0}};
  auto add = [&](const CodePointSet& set) {
    for (const CodePointRange& range : set) {
      boundaries.push_back({range.first, 1});
      boundaries.push_back({range.last + 1, -1});
    }
  };
  for (const CodePointSet& set : sets) add(is_negated(set) ? complement(set) : set);
  std::ranges::sort(boundaries, {}, &Boundary::at);
  return boundaries;
}

}  // namespace

bool contains(const ClassSet& set, CharacterClass c) {
  const auto after = std::ranges::upper_bound(set, c, {}, &ClassRange::first);
  return after != set.begin() && c <= std::prev(after)->last;
}

CharacterClasses::CharacterClasses(const std::vector<CodePointSet>& sets) {
  const std::vector<Boundary> boundaries = boundaries_of(sets);
  int depth = 0;
  for (std::size_t i = 0; i < boundaries.size(); ++i) {
    depth += boundaries[i].depth_change;
    const bool is_last_here = i + 1 == boundaries.size() || boundaries[i + 1].at != boundaries[i].at;
    if (!is_last_here) continue;
    starts_.push_back(boundaries[i].at);
    classes_.push_back(depth > 0 ? count_++ : kOtherCharacters);
  }
  for (std::size_t byte = 0; byte < ascii_.size(); ++byte) {
    ascii_[byte] = static_cast<std::uint8_t>(class_of(static_cast<char32_t>(byte)));
  }
}

CharacterClass CharacterClasses::class_of(char32_t c) const {
  const auto after = std::ranges::upper_bound(starts_, c);
  return classes_[static_cast<std::size_t>(after - starts_.begin()) - 1];
}

CharacterClasses::Decoded CharacterClasses::decode(std::string_view text) const {
  const CodePoint c = decode_utf8(text);
  return {class_of(c.value), static_cast<std::uint32_t>(c.length)};
}

// The runs that a positive range covers have classes of their own, numbered one after the other.
ClassSet CharacterClasses::classes_of(const CodePointSet& set) const {
  ClassSet positive;
  const bool negated = is_negated(set);
  for (const CodePointRange& range : negated ? complement(set) : set) {
    positive.push_back({class_of(range.first), class_of(range.last)});
  }
  if (!negated) return positive;
  ClassSet outside;
  CharacterClass next = kOtherCharacters;
  for (const ClassRange& range : positive) {
    if (range.first > next) outside.push_back({next, range.first - 1});
    next = range.last + 1;
  }
  if (next < count_) outside.push_back({next, count_ - 1});
  return outside;
}

}  // namespace usher::policy::matching
