#include "policy/matcher.h"

#include <algorithm>
#include <array>
#include <span>
#include <utility>

#include "base/text.h"
#include "policy/matcher/automaton.h"
#include "policy/matcher/lazy_automaton.h"
#include "policy/matcher/linear.h"
#include "policy/matcher/pattern_trie.h"

namespace usher::policy {
namespace {

using matching::AutomatonBound;
using matching::Outcome;
using matching::Part;
using matching::PatternTrie;
using matching::Source;

// Up to so many patterns of a group (see Groups) are matched one by one, which is the faster way then. Measured with
// texts of 22 bytes of which half match: 3 to 5 patterns take 20 to 50 ns one by one and 20 to 50 ns by an automaton,
// 8 take 60 and 30 to 50, 30 take 90 to 170 and 30 to 60.
constexpr std::size_t kMaxLinearPatterns = 4;

// What an automaton may cost: some 12 MB at rest and 50 ms. 10,000 ordinary patterns need a third of the visits.
constexpr AutomatonBound kBound{.max_states = 400'000, .max_differences = 1'500'000, .max_visits = 3'000'000};
// What lists of somebody untrusted may cost: an automaton as large as 1,500 ordinary patterns need, or so many bytes of
// patterns that are matched step by step.
constexpr AutomatonBound kUntrustedBound{.max_states = 32'768, .max_differences = 131'072, .max_visits = 1'000'000};
constexpr std::size_t kMaxUntrustedLinearBytes = 128;
constexpr std::size_t kMaxUntrustedLazyBytes = 2'048;
constexpr std::size_t kUntrustedLazyStates = 1'024;
// At most some 13 MB for each cache. With half as many, 300 hostile patterns on random texts no longer found theirs.
constexpr std::size_t kLazyStates = 8'192;

// Patterns that begin with a star and patterns that do not go into automata of their own. One automaton for both would
// need a state for nearly every pair of a place behind an inner star of the latter and a place in the former; apart,
// the latter follow the text as in a trie and mostly end early, the former as in the search for several words at once.
using Groups = std::array<std::vector<Source>, 2>;

void add_to(Groups& groups, const std::vector<std::string>& globs, std::uint32_t Outcome::* list) {
  for (std::size_t i = 0; i < globs.size(); ++i) {
    Outcome place;
    place.*list = static_cast<std::uint32_t>(i);
    const std::string& glob = globs[i];
    groups[glob.starts_with('*') ? 1 : 0].push_back({glob, place});
    // It matches everything: what follows is never the first.
    if (!glob.empty() && glob.find_first_not_of('*') == glob.npos) return;
  }
}

Groups groups_of(const std::vector<std::string>& denied, const std::vector<std::string>& allowed) {
  Groups groups;
  add_to(groups, denied, &Outcome::denied);
  add_to(groups, allowed, &Outcome::allowed);
  return groups;
}

class PartsMatcher final : public Matcher {
 public:
  void add(std::unique_ptr<const Part> part) { parts_.push_back(std::move(part)); }

  FirstMatches match(std::string_view text) const override {
    if (!is_valid_utf8(text)) return {};
    Outcome outcome;
    for (const auto& part : parts_) outcome.merge(part->run(text));
    return {index_of(outcome.denied), index_of(outcome.allowed)};
  }

 private:
  static std::int32_t index_of(std::uint32_t place) {
    return place == Outcome::kNone ? FirstMatches::kNone : static_cast<std::int32_t>(place);
  }

  std::vector<std::unique_ptr<const Part>> parts_;
};

// The automaton gives up early: where it stays feasible, it has few states for each place in the patterns.
AutomatonBound fitting_bound(const PatternTrie& trie) {
  AutomatonBound bound = kBound;
  bound.max_states = std::min(bound.max_states, 4'096 + 8 * trie.size());
  return bound;
}

std::unique_ptr<const Part> make_fitting(std::span<const Source> patterns) {
  if (patterns.size() <= kMaxLinearPatterns) return matching::make_linear(patterns);
  PatternTrie trie(patterns);
  if (auto automaton = matching::make_automaton(trie, fitting_bound(trie))) return automaton;
  return matching::make_lazy_automaton(std::move(trie), kLazyStates);
}

std::unique_ptr<const Part> make_untrusted(std::span<const Source> patterns) {
  std::size_t bytes = 0;
  for (const Source& source : patterns) bytes += source.glob.size();
  if (patterns.size() <= kMaxLinearPatterns && bytes <= kMaxUntrustedLinearBytes)
    return matching::make_linear(patterns);
  PatternTrie trie(patterns);
  if (auto automaton = matching::make_automaton(trie, kUntrustedBound)) return automaton;
  if (bytes > kMaxUntrustedLazyBytes) return nullptr;
  return matching::make_lazy_automaton(std::move(trie), kUntrustedLazyStates);
}

}  // namespace

std::unique_ptr<const Matcher> make_matcher(const std::vector<std::string>& denied,
                                            const std::vector<std::string>& allowed) {
  auto matcher = std::make_unique<PartsMatcher>();
  for (const auto& group : groups_of(denied, allowed)) {
    if (!group.empty()) matcher->add(make_fitting(group));
  }
  return matcher;
}

std::unique_ptr<const Matcher> make_bounded_matcher(const std::vector<std::string>& denied,
                                                    const std::vector<std::string>& allowed) {
  auto matcher = std::make_unique<PartsMatcher>();
  for (const auto& group : groups_of(denied, allowed)) {
    if (group.empty()) continue;
    auto part = make_untrusted(group);
    if (!part) return nullptr;
    matcher->add(std::move(part));
  }
  return matcher;
}

std::unique_ptr<const Matcher> make_linear_matcher(const std::vector<std::string>& denied,
                                                   const std::vector<std::string>& allowed) {
  auto matcher = std::make_unique<PartsMatcher>();
  for (const auto& group : groups_of(denied, allowed)) matcher->add(matching::make_linear(group));
  return matcher;
}

std::unique_ptr<const Matcher> make_automaton_matcher(const std::vector<std::string>& denied,
                                                      const std::vector<std::string>& allowed, std::size_t max_states) {
  auto matcher = std::make_unique<PartsMatcher>();
  for (const auto& group : groups_of(denied, allowed)) {
    AutomatonBound bound = kBound;
    bound.max_states = max_states;
    auto automaton = matching::make_automaton(PatternTrie(group), bound);
    if (!automaton) return nullptr;
    matcher->add(std::move(automaton));
  }
  return matcher;
}

std::unique_ptr<const Matcher> make_lazy_matcher(const std::vector<std::string>& denied,
                                                 const std::vector<std::string>& allowed, std::size_t max_states) {
  auto matcher = std::make_unique<PartsMatcher>();
  for (const auto& group : groups_of(denied, allowed)) {
    matcher->add(matching::make_lazy_automaton(PatternTrie(group), max_states));
  }
  return matcher;
}

}  // namespace usher::policy
