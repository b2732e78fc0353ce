#include "policy/matcher/linear.h"

#include <cstddef>
#include <optional>
#include <string_view>
#include <vector>

#include "policy/glob.h"
#include "policy/pattern.h"

namespace usher::policy::matching {
namespace {

// prefix*word*word*suffix, or the literal `prefix` alone: matched by bytes, since in valid UTF-8 no character begins
// within another one. Or anything else between a literal beginning and a literal end. Views are of the glob as written.
struct Candidate {
  enum class Kind { literal, words, other };

  Kind kind = Kind::other;
  std::string_view prefix, suffix;
  std::vector<std::string_view> words;
  Pattern pattern;  // only of the kind `other`
  Outcome place;

  bool matches(std::string_view text) const {
    if (kind == Kind::literal) return text == prefix;
    if (text.size() < prefix.size() + suffix.size()) return false;
    if (!text.starts_with(prefix) || !text.ends_with(suffix)) return false;
    return kind == Kind::words ? has_words(text.substr(prefix.size(), text.size() - prefix.size() - suffix.size()))
                               : policy::matches(pattern, text);
  }

  // One after the other: each as early as possible leaves the most for the next.
  bool has_words(std::string_view text) const {
    for (const std::string_view word : words) {
      const std::size_t at = text.find(word);
      if (at == text.npos) return false;
      text.remove_prefix(at + word.size());
    }
    return true;
  }
};

// What stands between stars, of a part of a glob that begins and ends with one.
std::vector<std::string_view> words_of(std::string_view glob) {
  std::vector<std::string_view> words;
  for (std::size_t at = glob.find_first_not_of('*'); at != glob.npos;) {
    const std::size_t end = glob.find('*', at);
    words.push_back(glob.substr(at, end - at));
    at = glob.find_first_not_of('*', end);
  }
  return words;
}

std::optional<Candidate> candidate_of(const Source& source) {
  const std::string_view glob = source.glob;
  std::optional<Pattern> pattern = parse_pattern(glob);
  if (!pattern) return std::nullopt;
  Candidate candidate{.place = source.place};
  const std::size_t first = glob.find_first_of("*?[");
  candidate.prefix = glob.substr(0, first);
  if (first == glob.npos) {
    candidate.kind = Candidate::Kind::literal;
    return candidate;
  }
  // A ']' may be the end of a set: what follows the last of these is literal.
  const std::size_t last = glob.find_last_of("*?[]");
  candidate.suffix = glob.substr(last + 1);
  const std::string_view between = glob.substr(first, last + 1 - first);
  if (between.ends_with('*') && between.find_first_of("?[") == between.npos) {
    candidate.kind = Candidate::Kind::words;
    candidate.words = words_of(between);
  } else {
    candidate.pattern = std::move(*pattern);
  }
  return candidate;
}

class Linear final : public Part {
 public:
  explicit Linear(std::span<const Source> patterns) {
    for (const Source& source : patterns) {
      std::optional<Candidate> candidate = candidate_of(source);
      if (!candidate) continue;
      (source.place.denied != Outcome::kNone ? denied_ : allowed_).push_back(std::move(*candidate));
    }
  }

  Outcome run(std::string_view text) const override {
    Outcome outcome;
    add_first(denied_, text, outcome);
    add_first(allowed_, text, outcome);
    return outcome;
  }

 private:
  static void add_first(const std::vector<Candidate>& candidates, std::string_view text, Outcome& outcome) {
    for (const Candidate& candidate : candidates) {
      if (!candidate.matches(text)) continue;
      outcome.merge(candidate.place);
      return;
    }
  }

  std::vector<Candidate> denied_, allowed_;
};

}  // namespace

std::unique_ptr<const Part> make_linear(std::span<const Source> patterns) { return std::make_unique<Linear>(patterns); }

}  // namespace usher::policy::matching
