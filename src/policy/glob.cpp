#include "policy/glob.h"

#include <cstddef>

#include "base/text.h"
#include "base/unicode.h"

namespace usher::policy {
namespace {

std::size_t length_at(std::string_view text) { return decode_utf8(text).length; }

}  // namespace

// A failure goes back to the last star only: earlier stars have matched as little as they could.
bool matches(const Pattern& pattern, std::string_view text) {
  const std::vector<Element>& elements = pattern.elements;
  std::size_t at = 0;
  std::size_t after_star = 0;
  std::string_view retry;  // the text that the last star has not swallowed yet
  bool has_star = false;
  for (;;) {
    if (at < elements.size() && elements[at].is_star) {
      has_star = true;
      after_star = ++at;
      retry = text;
    }
    if (at == elements.size() && (text.empty() || (has_star && after_star == at))) return true;
    if (!text.empty() && at < elements.size()) {
      const CodePoint c = decode_utf8(text);
      if (contains(elements[at].set, c.value)) {
        text.remove_prefix(c.length);
        ++at;
        continue;
      }
    }
    if (!has_star || retry.empty()) return false;
    retry.remove_prefix(length_at(retry));
    text = retry;
    at = after_star;
  }
}

bool glob_matches(std::string_view glob, std::string_view text) {
  const std::optional<Pattern> pattern = parse_pattern(glob);
  return pattern && is_valid_utf8(text) && matches(*pattern, text);
}

GlobSet::GlobSet(std::vector<std::string> globs) : globs_(std::move(globs)) {
  parsed_.reserve(globs_.size());
  for (const std::string& glob : globs_) parsed_.push_back(parse_pattern(glob));
}

const std::string* GlobSet::first_match(std::string_view text) const {
  if (!is_valid_utf8(text)) return nullptr;
  for (std::size_t i = 0; i < parsed_.size(); ++i) {
    if (parsed_[i] && policy::matches(*parsed_[i], text)) return &globs_[i];
  }
  return nullptr;
}

}  // namespace usher::policy
