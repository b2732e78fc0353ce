// Globs as Python's fnmatch.fnmatchcase reads them: `*` any run (crosses ':' and '/'), `?` one code point, `[seq]`,
// `[!seq]`, `\` literal, an unclosed `[` literal. Invalid UTF-8 never matches. Time linear in text × pattern, no
// backtracking beyond the last star. Pure; values may be shared between threads.
//
// For lists of a few globs (tool names). A policy, whose lists may be long, compiles them: policy/matcher.h.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "policy/pattern.h"

namespace usher::policy {

bool glob_matches(std::string_view glob, std::string_view text);
// `text` must be valid UTF-8.
bool matches(const Pattern& pattern, std::string_view text);

// An ordered set of globs. Empty matches nothing. Copies share what was parsed.
class GlobSet {
 public:
  GlobSet() = default;
  explicit GlobSet(std::vector<std::string> globs);

  // As they were written.
  const std::vector<std::string>& patterns() const;
  bool matches(std::string_view text) const { return first_match(text) != nullptr; }
  // The first glob that matches, or nullptr.
  const std::string* first_match(std::string_view text) const;

 private:
  struct Parsed;
  std::shared_ptr<const Parsed> parsed_;  // null: empty
};

}  // namespace usher::policy
