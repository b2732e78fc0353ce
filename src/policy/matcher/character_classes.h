// Characters that no pattern tells apart are one class: automata work on classes. A byte of ASCII finds its class in a
// table of 128 bytes, any other character is decoded and searched for. Immutable; any thread.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "policy/pattern.h"

namespace usher::policy::matching {

using CharacterClass = std::uint32_t;

// No character is of this class. Automata use it for "the text ends" and for "a character that no edge names".
constexpr CharacterClass kNoCharacter = 0;
// Every character that is in no set but the negated ones.
constexpr CharacterClass kOtherCharacters = 1;

// Both ends belong to it.
struct ClassRange {
  CharacterClass first = 0;
  CharacterClass last = 0;
};
// Sorted, disjoint.
using ClassSet = std::vector<ClassRange>;

bool contains(const ClassSet& set, CharacterClass c);

class CharacterClasses {
 public:
  CharacterClasses() : CharacterClasses(std::vector<CodePointSet>()) {}
  // Time n log n in the number of ranges.
  explicit CharacterClasses(const std::vector<CodePointSet>& sets);

  // Classes are numbered from kOtherCharacters to count() - 1.
  CharacterClass count() const { return count_; }
  // The classes of one of the sets that it was made from.
  ClassSet classes_of(const CodePointSet& set) const;
  CharacterClass class_of(char32_t c) const;

  // The class of the first character of `text`, valid UTF-8 and not empty, which is taken off.
  CharacterClass take(std::string_view& text) const {
    const auto byte = static_cast<unsigned char>(text.front());
    if (byte >= ascii_.size()) {
      const Decoded decoded = decode(text);  // by value: `text` stays in registers
      text.remove_prefix(decoded.length);
      return decoded.character_class;
    }
    text.remove_prefix(1);
    return ascii_.data()[byte];
  }

 private:
  struct Decoded {
    CharacterClass character_class = kOtherCharacters;
    std::uint32_t length = 1;
  };
  Decoded decode(std::string_view text) const;

  CharacterClass count_ = kOtherCharacters + 1;
  std::array<std::uint8_t, 128> ascii_{};  // classes ascend with the characters: those of ASCII are below 130
  std::vector<char32_t> starts_;           // of runs of characters of one class, ascending from 0
  std::vector<CharacterClass> classes_;    // of those runs
};

}  // namespace usher::policy::matching
