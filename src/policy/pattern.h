// A glob read into its elements: what the linear matcher, the automata and the comparison of languages all work on, so
// that the syntax is read in one place. The syntax is that of Python's fnmatch.fnmatchcase (see policy/glob.h). Pure
// values; any thread.
#pragma once

#include <optional>
#include <string_view>
#include <vector>

namespace usher::policy {

// Both ends belong to it.
struct CodePointRange {
  char32_t first = 0;
  char32_t last = 0;
  friend bool operator==(const CodePointRange&, const CodePointRange&) = default;
};

// Sorted, disjoint, not adjacent, without surrogates: U+0000–D7FF and U+E000–10FFFF only. Empty = no character.
using CodePointSet = std::vector<CodePointRange>;

bool contains(const CodePointSet& set, char32_t c);
// Every code point that UTF-8 can write: what '?' stands for.
const CodePointSet& all_code_points();
// Sorts, joins and takes surrogates out.
CodePointSet normalized(std::vector<CodePointRange> ranges);
// What all_code_points() has and `set` has not.
CodePointSet complement(const CodePointSet& set);

// A run of any length, or one code point out of a set.
struct Element {
  bool is_star = false;
  CodePointSet set;  // of a star: empty
  friend bool operator==(const Element&, const Element&) = default;
};

// Never two stars side by side.
struct Pattern {
  std::vector<Element> elements;
  friend bool operator==(const Pattern&, const Pattern&) = default;
};

// nullopt for a glob that is not valid UTF-8: it matches nothing. Time linear in the glob.
std::optional<Pattern> parse_pattern(std::string_view glob);

}  // namespace usher::policy
