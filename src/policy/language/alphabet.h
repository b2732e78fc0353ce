// Code points put into classes: two code points are of one class when no set that occurs tells them apart, so that a
// search tries one character for each class instead of 1,112,064. Immutable once made; any thread.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

#include "policy/language/action_shape.h"
#include "policy/language/budget.h"
#include "policy/pattern.h"

namespace usher::policy::language {

using SetId = std::uint32_t;
using ClassId = std::uint32_t;

// Every set that occurs, once.
class Sets {
 public:
  SetId id_of(const CodePointSet& set);
  const std::vector<CodePointSet>& all() const { return sets_; }

 private:
  struct Hash {
    std::size_t operator()(const CodePointSet& set) const;
  };
  std::unordered_map<CodePointSet, SetId, Hash> ids_;
  std::vector<CodePointSet> sets_;
};

class Alphabet {
 public:
  // When the budget does not suffice the alphabet is of no use; the budget tells.
  Alphabet(const Sets& sets, Budget& budget);

  // Classes are numbered in the order in which a reader would like to see their representatives: lower-case letters,
  // digits, then other printable ASCII.
  ClassId size() const { return static_cast<ClassId>(representatives_.size()); }
  char32_t representative(ClassId id) const { return representatives_[id]; }
  ActionCharacter kind(ClassId id) const { return kinds_[id]; }
  std::span<const ClassId> of_kind(ActionCharacter kind) const { return by_kind_[static_cast<std::size_t>(kind)]; }

  bool contains(SetId set, ClassId id) const;
  // The classes that the set names one by one, sorted: those within it or, when is_negated, those without. It treats
  // all others alike.
  std::span<const ClassId> named(SetId set) const { return members_[set].named; }
  bool is_negated(SetId set) const { return members_[set].is_negated; }

 private:
  struct Members {
    std::vector<ClassId> named;
    bool is_negated = false;
  };
  std::vector<char32_t> representatives_;
  std::vector<ActionCharacter> kinds_;
  std::vector<ClassId> by_kind_[kActionCharacters];
  std::vector<Members> members_;  // by SetId
};

// `c` is what UTF-8 can write.
void append_utf8(std::string& text, char32_t c);

}  // namespace usher::policy::language
