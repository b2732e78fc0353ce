// links: policy
//
// Any bytes as patterns and a text: no crash, no endless loop, truths that hold for every pair, and the same answer
// from every way of matching.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "base/text.h"
#include "policy/glob.h"
#include "policy/matcher.h"

namespace {

using namespace usher::policy;

void demand(bool holds) {
  if (!holds) std::abort();
}

std::vector<std::string> lines_of(std::string_view text) {
  std::vector<std::string> lines;
  while (!text.empty()) {
    const std::size_t end = text.find('\n');
    lines.emplace_back(text.substr(0, end));
    text.remove_prefix(end == text.npos ? text.size() : end + 1);
  }
  return lines;
}

std::int32_t first(const std::vector<std::string>& globs, std::string_view text) {
  for (std::size_t i = 0; i < globs.size(); ++i) {
    if (glob_matches(globs[i], text)) return static_cast<std::int32_t>(i);
  }
  return FirstMatches::kNone;
}

}  // namespace

// The first line is the text, the others are patterns: denied and allowed by turns.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size > 4096) return 0;
  const std::vector<std::string> lines = lines_of({reinterpret_cast<const char*>(data), size});
  if (lines.empty()) return 0;
  const std::string& text = lines.front();
  std::vector<std::string> denied, allowed;
  for (std::size_t i = 1; i < lines.size(); ++i) {
    const bool matches = glob_matches(lines[i], text);
    demand(!matches || usher::is_valid_utf8(text));
    demand(!matches || glob_matches(lines[i] + "*", text));
    demand(matches == GlobSet({lines[i]}).matches(text));
    (i % 2 ? denied : allowed).push_back(lines[i]);
  }
  const FirstMatches expected{first(denied, text), first(allowed, text)};
  demand(make_matcher(denied, allowed)->match(text) == expected);
  demand(make_linear_matcher(denied, allowed)->match(text) == expected);
  demand(make_lazy_matcher(denied, allowed, 64)->match(text) == expected);
  const auto automaton = make_automaton_matcher(denied, allowed, 4096);
  if (automaton) demand(automaton->match(text) == expected);
  return 0;
}
