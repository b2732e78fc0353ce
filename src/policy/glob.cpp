#include "policy/glob.h"

#include <cstddef>
#include <optional>
#include <utility>

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

struct GlobSet::Parsed {
  std::vector<std::string> globs;
  std::vector<std::optional<Pattern>> patterns;  // in the same order
};

GlobSet::GlobSet(std::vector<std::string> globs) {
  auto parsed = std::make_shared<Parsed>();
  parsed->patterns.reserve(globs.size());
  for (const std::string& glob : globs) parsed->patterns.push_back(parse_pattern(glob));
  parsed->globs = std::move(globs);
  parsed_ = std::move(parsed);
}

const std::vector<std::string>& GlobSet::patterns() const {
  static const std::vector<std::string> none;
  return parsed_ ? parsed_->globs : none;
}

const std::string* GlobSet::first_match(std::string_view text) const {
  if (!parsed_ || parsed_->globs.empty() || !is_valid_utf8(text)) return nullptr;
  for (std::size_t i = 0; i < parsed_->patterns.size(); ++i) {
    const std::optional<Pattern>& pattern = parsed_->patterns[i];
    if (pattern && policy::matches(*pattern, text)) return &parsed_->globs[i];
  }
  return nullptr;
}

}  // namespace usher::policy
