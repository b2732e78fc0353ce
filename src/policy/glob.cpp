#include "policy/glob.h"

#include <algorithm>
#include <cstddef>

#include "base/text.h"
#include "base/unicode.h"

namespace usher::policy {

namespace {

constexpr std::size_t none = std::string_view::npos;

char32_t take(std::string_view& text) {
  CodePoint c = decode_utf8(text);
  text.remove_prefix(c.length);
  return c.value;
}

// The text between '[' and its ']', or the length `none` when it is never closed. `rest` begins after the '['. A ']'
// that comes first (also after '!') is a member, not the end.
std::size_t bracket_length(std::string_view rest, std::size_t last_close) {
  std::size_t from = 0;
  if (from < rest.size() && rest[from] == '!') ++from;
  if (from < rest.size() && rest[from] == ']') ++from;
  // Asked first: a pattern of many unclosed '[' must not be searched to its end for each of them.
  if (last_close == none || last_close < from) return none;
  return rest.find(']', from);
}

// Whether `c` is a member of the set written in `seq` (what stands between the brackets).
//
// fnmatch builds a regular expression: it takes ranges from left to right, drops the empty ones (z-a) and only then
// looks whether the set begins with '!'. So "[z-a!b]" is a negated set as well, and in "[z-a!-c]" the '-' has become a
// member.
bool in_set(std::string_view seq, char32_t c) {
  bool is_negated = seq.starts_with('!');
  if (is_negated) seq.remove_prefix(1);
  bool may_negate_yet = !is_negated;
  bool is_first = true;
  bool is_member = false;
  while (!seq.empty()) {
    char32_t low = take(seq);
    char32_t high = low;
    bool is_range = seq.size() > 1 && seq.front() == '-';
    if (is_range) {
      seq.remove_prefix(1);
      high = take(seq);
    }
    if (low > high) {
      is_first = false;
      continue;
    }
    if (may_negate_yet && !is_first && low == '!') {
      is_negated = true;
      is_member = is_range && (c == '-' || c == high);
    } else {
      is_member = is_member || (low <= c && c <= high);
    }
    may_negate_yet = false;
  }
  return is_member != is_negated;
}

// What is left of a pattern, one element at a time. Knows where the last ']' of the pattern is.
struct Pattern {
  std::string_view rest;
  const char* last_close;  // nullptr when there is none

  explicit Pattern(std::string_view pattern) : rest(pattern) {
    std::size_t at = pattern.rfind(']');
    last_close = at == none ? nullptr : pattern.data() + at;
  }

  bool is_empty() const { return rest.empty(); }
  bool is_at_star() const { return rest.starts_with('*'); }

  // Takes one element that is no star and says whether it matches `c`.
  bool take_and_match(char32_t c) {
    char32_t element = take(rest);
    if (element == '?') return true;
    if (element != '[') return element == c;
    std::size_t close =
        last_close && last_close >= rest.data() ? static_cast<std::size_t>(last_close - rest.data()) : none;
    std::size_t length = bracket_length(rest, close);
    if (length == none) return c == '[';
    bool is_member = in_set(rest.substr(0, length), c);
    rest.remove_prefix(length + 1);
    return is_member;
  }
};

// Both are valid UTF-8. A failure goes back to the last star only: earlier stars have matched as little as they could.
bool matches_valid(std::string_view pattern_text, std::string_view text) {
  Pattern pattern(pattern_text);
  Pattern after_star("");
  std::string_view retry;  // the text that the last star has not swallowed yet
  bool has_star = false;
  for (;;) {
    while (pattern.is_at_star()) {
      pattern.rest.remove_prefix(1);
      has_star = true;
      after_star = pattern;
      retry = text;
    }
    if (has_star && pattern.is_empty() && after_star.is_empty()) return true;  // a star at the end takes everything
    if (text.empty() && pattern.is_empty()) return true;
    bool matches = false;
    if (!text.empty() && !pattern.is_empty()) matches = pattern.take_and_match(take(text));
    if (matches) continue;
    if (!has_star || retry.empty()) return false;
    take(retry);
    text = retry;
    pattern = after_star;
  }
}

}  // namespace

bool glob_matches(std::string_view pattern, std::string_view text) {
  return is_valid_utf8(text) && is_valid_utf8(pattern) && matches_valid(pattern, text);
}

const std::string* GlobSet::first_match(std::string_view text) const {
  if (!is_valid_utf8(text)) return nullptr;
  auto found = std::ranges::find_if(
      patterns_, [&](const std::string& pattern) { return is_valid_utf8(pattern) && matches_valid(pattern, text); });
  return found == patterns_.end() ? nullptr : &*found;
}

}  // namespace usher::policy
