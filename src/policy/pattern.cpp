#include "policy/pattern.h"

#include <algorithm>
#include <cstddef>

#include "base/text.h"
#include "base/unicode.h"

namespace usher::policy {
namespace {

constexpr std::size_t kNone = std::string_view::npos;
constexpr char32_t kFirstSurrogate = 0xD800, kLastSurrogate = 0xDFFF, kLastCodePoint = 0x10FFFF;

char32_t take(std::string_view& text) {
  CodePoint c = decode_utf8(text);
  text.remove_prefix(c.length);
  return c.value;
}

// The text between '[' and its ']', or the length kNone when it is never closed. `rest` begins after the '['. A ']'
// that comes first (also after '!') is a member, not the end.
std::size_t bracket_length(std::string_view rest, std::size_t last_close) {
  std::size_t from = 0;
  if (from < rest.size() && rest[from] == '!') ++from;
  if (from < rest.size() && rest[from] == ']') ++from;
  // Asked first: a glob of many unclosed '[' must not be searched to its end for each of them.
  if (last_close == kNone || last_close < from) return kNone;
  return rest.find(']', from);
}

// The set written in `seq` (what stands between the brackets).
//
// fnmatch builds a regular expression: it takes ranges from left to right, drops the empty ones (z-a) and only then
// looks whether the set begins with '!'. So "[z-a!b]" is a negated set as well, and in "[z-a!-c]" the '-' has become a
// member.
CodePointSet set_of(std::string_view seq) {
  bool is_negated = seq.starts_with('!');
  if (is_negated) seq.remove_prefix(1);
  bool may_negate_yet = !is_negated;
  bool is_first = true;
  std::vector<CodePointRange> members;
  while (!seq.empty()) {
    const char32_t low = take(seq);
    char32_t high = low;
    const bool is_range = seq.size() > 1 && seq.front() == '-';
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
      if (is_range) {
        members.push_back({U'-', U'-'});
        members.push_back({high, high});
      }
    } else {
      members.push_back({low, high});
    }
    may_negate_yet = false;
  }
  CodePointSet set = normalized(std::move(members));
  return is_negated ? complement(set) : set;
}

}  // namespace

bool contains(const CodePointSet& set, char32_t c) {
  if (set.size() == 1) return set.front().first <= c && c <= set.front().last;
  const auto after = std::ranges::upper_bound(set, c, {}, &CodePointRange::first);
  return after != set.begin() && c <= std::prev(after)->last;
}

const CodePointSet& all_code_points() {
  static const CodePointSet all{{0, kFirstSurrogate - 1}, {kLastSurrogate + 1, kLastCodePoint}};
  return all;
}

CodePointSet normalized(std::vector<CodePointRange> ranges) {
  std::ranges::sort(ranges, {}, &CodePointRange::first);
  CodePointSet joined;
  for (const CodePointRange& range : ranges) {
    if (!joined.empty() && range.first <= joined.back().last + 1) {
      joined.back().last = std::max(joined.back().last, range.last);
    } else {
      joined.push_back(range);
    }
  }
  CodePointSet valid;
  for (const CodePointRange& range : joined) {
    for (const CodePointRange& part : all_code_points()) {
      const CodePointRange common{std::max(range.first, part.first), std::min(range.last, part.last)};
      if (common.first <= common.last) valid.push_back(common);
    }
  }
  return valid;
}

CodePointSet complement(const CodePointSet& set) {
  CodePointSet outside;
  char32_t next = 0;
  for (const CodePointRange& range : set) {
    if (range.first > next) outside.push_back({next, range.first - 1});
    next = range.last + 1;
  }
  if (next <= kLastCodePoint) outside.push_back({next, kLastCodePoint});
  return normalized(std::move(outside));
}

std::optional<Pattern> parse_pattern(std::string_view glob) {
  if (!is_valid_utf8(glob)) return std::nullopt;
  Pattern pattern;
  const std::size_t last_close = glob.rfind(']');
  std::string_view rest = glob;
  while (!rest.empty()) {
    const char32_t c = take(rest);
    if (c == U'*') {
      if (pattern.elements.empty() || !pattern.elements.back().is_star) pattern.elements.push_back({.is_star = true});
      continue;
    }
    Element element;
    if (c == U'?') {
      element.set = all_code_points();
    } else {
      element.set = {{c, c}};
    }
    if (c == U'[') {
      const std::size_t at = glob.size() - rest.size();
      const std::size_t close = last_close != kNone && last_close >= at ? last_close - at : kNone;
      const std::size_t length = bracket_length(rest, close);
      if (length != kNone) {
        element.set = set_of(rest.substr(0, length));
        rest.remove_prefix(length + 1);
      }
    }
    pattern.elements.push_back(std::move(element));
  }
  return pattern;
}

}  // namespace usher::policy
