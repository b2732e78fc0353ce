#include "policy/matcher/pattern_trie.h"

#include <algorithm>
#include <map>
#include <optional>
#include <utility>

#include "policy/pattern.h"

namespace usher::policy::matching {
namespace {

struct LessSet {
  bool operator()(const CodePointSet& a, const CodePointSet& b) const {
    return std::ranges::lexicographical_compare(a, b, [](const CodePointRange& x, const CodePointRange& y) {
      return std::pair(x.first, x.last) < std::pair(y.first, y.last);
    });
  }
};

bool is_one_character(const CodePointSet& set) { return set.size() == 1 && set[0].first == set[0].last; }

// Symbols below are code points, from here on sets.
constexpr std::uint32_t kFirstSet = 0x110000;

}  // namespace

// Patterns as words over steps. A step is the symbol that is read and whether a star follows.
struct PatternTrie::Draft {
  struct Word {
    std::size_t begin = 0, end = 0;  // of `steps`
    Outcome place;
  };
  std::vector<std::uint32_t> steps;
  std::vector<Word> words;
  std::map<CodePointSet, std::uint32_t, LessSet> sets;
  bool begins_with_star = false;

  explicit Draft(std::span<const Source> patterns) {
    for (const Source& source : patterns) {
      if (const std::optional<Pattern> pattern = parse_pattern(source.glob)) add(*pattern, source.place);
    }
    std::ranges::sort(words, [this](const Word& a, const Word& b) {
      return std::ranges::lexicographical_compare(steps_of(a), steps_of(b));
    });
  }

  void add(const Pattern& pattern, const Outcome& place) {
    Word word{.begin = steps.size(), .place = place};
    for (const Element& element : pattern.elements) {
      if (element.is_star) {
        if (steps.size() == word.begin) {
          begins_with_star = true;
        } else {
          steps.back() |= 1;
        }
      } else if (element.set.empty()) {  // no character fits: the pattern matches nothing
        steps.resize(word.begin);
        return;
      } else {
        steps.push_back(symbol_of(element.set) << 1);
      }
    }
    word.end = steps.size();
    words.push_back(word);
  }

  std::uint32_t symbol_of(const CodePointSet& set) {
    if (is_one_character(set)) return set[0].first;
    return kFirstSet + sets.try_emplace(set, static_cast<std::uint32_t>(sets.size())).first->second;
  }

  std::span<const std::uint32_t> steps_of(const Word& word) const {
    return std::span(steps).subspan(word.begin, word.end - word.begin);
  }

  // Those of one character as well, in no order.
  std::vector<CodePointSet> all_sets() const {
    std::vector<std::uint32_t> characters;
    for (const std::uint32_t step : steps) {
      if ((step >> 1) < kFirstSet) characters.push_back(step >> 1);
    }
    std::ranges::sort(characters);
    const auto repeated = std::ranges::unique(characters);
    characters.erase(repeated.begin(), repeated.end());
    std::vector<CodePointSet> all;
    for (const char32_t c : characters) all.push_back({{c, c}});
    for (const auto& [set, index] : sets) all.push_back(set);
    return all;
  }
};

PatternTrie::PatternTrie(std::span<const Source> patterns) {
  const Draft draft(patterns);
  classes_ = CharacterClasses(draft.all_sets());
  sets_.resize(draft.sets.size());
  for (const auto& [set, index] : draft.sets) sets_[index] = classes_.classes_of(set);
  const std::vector<Origin> origins = grow(draft);
  link(origins);
  summarize(origins);
}

// Words come sorted, so each shares its beginning with the one before as far as with any. Answers how each node
// is reached.
std::vector<PatternTrie::Origin> PatternTrie::grow(const Draft& draft) {
  std::vector<Origin> origins{{}};
  places_.push_back({.loops = draft.begins_with_star});
  std::vector<Node> path{kRoot};
  std::span<const std::uint32_t> previous;
  for (const Draft::Word& word : draft.words) {
    const std::span<const std::uint32_t> steps = draft.steps_of(word);
    const auto shared = static_cast<std::size_t>(std::ranges::mismatch(steps, previous).in1 - steps.begin());
    path.resize(shared + 1);
    for (const std::uint32_t step : steps.subspan(shared)) {
      origins.push_back({path.back(), step >> 1});
      path.push_back(static_cast<Node>(places_.size()));
      places_.push_back({.loops = (step & 1) != 0});
    }
    Place& last = places_[path.back()];
    (last.loops ? last.fires : last.ends).merge(word.place);
    previous = steps;
  }
  return origins;
}

// Children are numbered in the order of their symbols: first characters, ascending as their classes do, then sets.
void PatternTrie::link(const std::vector<Origin>& origins) {
  for (Node node = 1; node < size(); ++node) ++places_[origins[node].parent].end_of_edges;
  std::uint32_t begin = 0;
  for (Place& place : places_) {
    place.edges = place.wide_edges = begin;
    begin += place.end_of_edges;
    place.end_of_edges = place.edges;
  }
  edges_.resize(begin);
  for (Node node = 1; node < size(); ++node) {
    Place& parent = places_[origins[node].parent];
    const bool is_narrow = origins[node].symbol < kFirstSet;
    edges_[parent.end_of_edges++] = {
        is_narrow ? classes_.class_of(origins[node].symbol) : origins[node].symbol - kFirstSet, node};
    if (is_narrow) parent.wide_edges = parent.end_of_edges;
  }
}

void PatternTrie::summarize(const std::vector<Origin>& origins) {
  for (Node node = static_cast<Node>(size()); node-- > 0;) {
    Place& place = places_[node];
    place.later.merge(place.ends);
    // The only child has the next number, and its chain is known.
    const bool goes_on = place.end_of_edges - place.edges == 1 && place.ends == Outcome{};
    place.chain = goes_on ? places_[node + 1].chain : node;
    if (node == kRoot) return;
    Outcome from_parent = place.later;
    from_parent.merge(place.fires);
    places_[origins[node].parent].later.merge(from_parent);
  }
}

}  // namespace usher::policy::matching
