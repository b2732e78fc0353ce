// Globs as Python's fnmatch.fnmatchcase reads them: `*` any run (crosses ':' and '/'), `?` one code point, `[seq]`,
// `[!seq]`, `\` literal, an unclosed `[` literal. Invalid UTF-8 never matches. Time linear in text × pattern, no
// backtracking beyond the last star. Pure; values may be shared between threads.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace usher::policy {

bool glob_matches(std::string_view pattern, std::string_view text);

// An ordered set of globs. Empty matches nothing.
class GlobSet {
 public:
  GlobSet() = default;
  explicit GlobSet(std::vector<std::string> patterns) : patterns_(std::move(patterns)) {}

  const std::vector<std::string>& patterns() const { return patterns_; }
  bool matches(std::string_view text) const { return first_match(text) != nullptr; }
  // The first pattern that matches, or nullptr.
  const std::string* first_match(std::string_view text) const;

 private:
  std::vector<std::string> patterns_;
};

}  // namespace usher::policy
