#include "policy/matcher/automaton.h"

#include <algorithm>
#include <map>
#include <tuple>
#include <utility>
#include <vector>

#include "policy/matcher/stepper.h"
#include "policy/matcher/transition_table.h"

namespace usher::policy::matching {
namespace {

class Automaton final : public Part {
 public:
  Automaton(CharacterClasses classes, TransitionTable table, std::vector<Special> specials,
            std::vector<Outcome> endings, const Special& start)
      : classes_(std::move(classes)),
        table_(std::move(table)),
        specials_(std::move(specials)),
        endings_(std::move(endings)),
        start_(start) {}

  Outcome run(std::string_view text) const override {
    Outcome outcome = start_.fired;
    if (start_.is_end) return outcome;
    StateOffset state = start_.next;
    while (!text.empty()) {
      const Transition next = table_.next(state, classes_.take(text));
      if ((next & kSpecial) == 0) {
        state = next;
        continue;
      }
      const Special& special = specials_[next & ~kSpecial];
      outcome.merge(special.fired);
      if (special.is_end) return outcome;
      state = special.next;
    }
    outcome.merge(endings_[table_.next(state, kNoCharacter)]);
    return outcome;
  }

 private:
  CharacterClasses classes_;
  TransitionTable table_;
  std::vector<Special> specials_;
  std::vector<Outcome> endings_;  // what kNoCharacter leads to is an index of these; 0: nothing
  Special start_;
};

// Subset construction. A stack of states to do, not a queue: what follows in a text lies side by side in the table.
class Builder {
 public:
  Builder(const PatternTrie& trie, const AutomatonBound& bound) : trie_(trie), bound_(bound), stepper_(trie) {}

  std::unique_ptr<const Part> build();

 private:
  // Targets are numbers while states have no offsets: that of the subset, or with kSpecial an index of `specials_`,
  // whose `next` is such a number as well.
  struct Row {
    SubsetId state = 0;
    std::size_t begin = 0, end = 0;  // of `differences_`
  };

  Transition transition_to(const Subset& subset, const Outcome& fired);
  Transition target(const Subset& from, CharacterClass c);
  void make_row(SubsetId state);
  void touch(const PatternTrie::Place& place);
  void touch_classes(ClassRange range);
  void add_difference(CharacterClass c, Transition to);
  bool is_too_much() const;
  std::unique_ptr<const Part> pack(Special start);

  const PatternTrie& trie_;
  const AutomatonBound bound_;
  Stepper stepper_;
  SubsetStore subsets_;
  Subset scratch_;
  std::vector<SubsetId> pending_;
  std::vector<Row> rows_;  // in the order in which they were made
  std::vector<Difference> differences_;
  std::vector<Transition> common_row_;
  std::vector<Special> specials_;
  std::map<std::tuple<SubsetId, std::uint32_t, std::uint32_t>, Transition> special_numbers_;
  std::vector<Outcome> endings_{Outcome{}};
  std::vector<bool> is_touched_;
  std::vector<CharacterClass> touched_;
  std::size_t visits_ = 0;
};

// Where all begins with a star, most characters lead most states to where they lead the first one; else to nowhere.
std::unique_ptr<const Part> Builder::build() {
  const CharacterClass classes = trie_.classes().count();
  Subset start;
  Special begin;
  stepper_.start(start, begin.fired);
  begin.is_end = start.empty();
  const Transition nowhere = transition_to({}, {});
  common_row_.assign(classes, nowhere);
  common_row_[kNoCharacter] = 0;
  is_touched_.assign(classes, false);
  if (!begin.is_end) {
    begin.next = transition_to(start, {});
    if (trie_[PatternTrie::kRoot].loops) {
      for (CharacterClass c = kOtherCharacters; c < classes && !is_too_much(); ++c) common_row_[c] = target(start, c);
    }
  }
  while (!pending_.empty()) {
    const SubsetId state = pending_.back();
    pending_.pop_back();
    make_row(state);
    if (is_too_much()) return nullptr;
  }
  return pack(begin);
}

bool Builder::is_too_much() const {
  return subsets_.size() > bound_.max_states || differences_.size() > bound_.max_differences ||
         visits_ > bound_.max_visits;
}

Transition Builder::transition_to(const Subset& subset, const Outcome& fired) {
  const std::size_t known = subsets_.size();
  const SubsetId state = subsets_.intern(subset);
  if (state == known && !subset.empty()) pending_.push_back(state);
  if (!subset.empty() && fired == Outcome{}) return state;
  const auto number = kSpecial | static_cast<Transition>(specials_.size());
  const auto [at, is_new] = special_numbers_.try_emplace({state, fired.denied, fired.allowed}, number);
  if (is_new) specials_.push_back({.fired = fired, .is_end = subset.empty(), .next = state});
  return at->second;
}

Transition Builder::target(const Subset& from, CharacterClass c) {
  Outcome fired;
  stepper_.step(from, c, scratch_, fired);
  visits_ += from.size() + scratch_.size() + 1;
  for (const Node node : from) visits_ += trie_.wide_edges(trie_[node]).size();
  return transition_to(scratch_, fired);
}

void Builder::make_row(SubsetId state) {
  const std::span<const Node> nodes = subsets_[state];
  const Subset from(nodes.begin(), nodes.end());
  const std::size_t begin = differences_.size();
  if (const Outcome ending = stepper_.ends(from); ending != Outcome{}) {
    differences_.push_back({kNoCharacter, static_cast<Transition>(endings_.size())});
    endings_.push_back(ending);
  }
  // Where only the root loops (which then is the whole first state), other nodes make all the difference.
  const bool has_root = from.front() == PatternTrie::kRoot && trie_[PatternTrie::kRoot].loops;
  const auto loops = std::ranges::count_if(from, [this](Node node) { return trie_[node].loops; });
  const bool is_mostly_common = has_root && loops == 1;
  for (const Node node : from) {
    if (!is_mostly_common || node != PatternTrie::kRoot) touch(trie_[node]);
  }
  const Transition rest = is_mostly_common ? 0 : target(from, kNoCharacter);
  if (is_mostly_common || (loops == 0 && !trie_[PatternTrie::kRoot].loops)) {
    std::ranges::sort(touched_);
    for (auto c = touched_.begin(); c != touched_.end() && !is_too_much(); ++c) add_difference(*c, target(from, *c));
  } else {
    visits_ += common_row_.size();
    for (CharacterClass c = kOtherCharacters; c < common_row_.size() && !is_too_much(); ++c) {
      add_difference(c, is_touched_[c] ? target(from, c) : rest);
    }
  }
  for (const CharacterClass c : touched_) is_touched_[c] = false;
  touched_.clear();
  rows_.push_back({state, begin, differences_.size()});
}

void Builder::touch(const PatternTrie::Place& place) {
  for (const PatternTrie::Edge& edge : trie_.narrow_edges(place)) touch_classes({edge.key, edge.key});
  for (const PatternTrie::Edge& edge : trie_.wide_edges(place)) {
    for (const ClassRange& range : trie_.class_set(edge.key)) touch_classes(range);
  }
}

void Builder::touch_classes(ClassRange range) {
  visits_ += range.last - range.first + 1;
  for (CharacterClass c = range.first; c <= range.last; ++c) {
    if (is_touched_[c]) continue;
    is_touched_[c] = true;
    touched_.push_back(c);
  }
}

void Builder::add_difference(CharacterClass c, Transition to) {
  if (to != common_row_[c]) differences_.push_back({c, to});
}

std::unique_ptr<const Part> Builder::pack(Special start) {
  TransitionTable table;
  std::vector<StateOffset> offsets(subsets_.size());
  auto differences_of = [&](const Row& row) { return std::span(differences_).subspan(row.begin, row.end - row.begin); };
  auto translate = [&](Transition to) { return (to & kSpecial) != 0 ? to : offsets[to]; };
  for (const Row& row : rows_) offsets[row.state] = table.place(differences_of(row));
  for (const Row& row : rows_) {
    for (Difference& difference : differences_of(row)) {
      if (difference.at != kNoCharacter) difference.to = translate(difference.to);
    }
    table.fill(offsets[row.state], differences_of(row));
  }
  for (std::size_t c = kOtherCharacters; c < common_row_.size(); ++c) common_row_[c] = translate(common_row_[c]);
  table.finish(std::move(common_row_));
  for (Special& special : specials_) special.next = offsets[special.next];
  start.next = offsets[start.next];
  return std::make_unique<Automaton>(trie_.classes(), std::move(table), std::move(specials_), std::move(endings_),
                                     start);
}

}  // namespace

std::unique_ptr<const Part> make_automaton(const PatternTrie& trie, const AutomatonBound& bound) {
  return Builder(trie, bound).build();
}

}  // namespace usher::policy::matching
