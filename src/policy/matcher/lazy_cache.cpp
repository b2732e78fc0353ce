#include "policy/matcher/lazy_cache.h"

#include <algorithm>
#include <span>
#include <utility>

namespace usher::policy::matching {
namespace {

constexpr SubsetId kDead = 0;  // the empty subset comes first

constexpr std::size_t kMaxRowBytes = 8u << 20;
// Means, for one state: more nodes than that are rare, and more firing transitions too.
constexpr std::size_t kNodesPerState = 128, kArrivalsPerState = 8;
// A full cache begins anew only when each state has served for so many bytes of text: making a state costs about as
// much as two or three steps without a cache.
constexpr std::size_t kBytesPerState = 8;

Outcome simulate_from(const PatternTrie& trie, Stepper& stepper, Subset active, std::string_view text, Outcome fired) {
  Subset next;
  while (!text.empty() && !active.empty()) {
    stepper.step(active, trie.classes().take(text), next, fired);
    std::swap(active, next);
  }
  fired.merge(stepper.ends(active));
  return fired;
}

}  // namespace

Outcome simulate(const PatternTrie& trie, std::string_view text) {
  Stepper stepper(trie);
  Subset active;
  Outcome fired;
  stepper.start(active, fired);
  return simulate_from(trie, stepper, std::move(active), text, fired);
}

LazyCache::LazyCache(const PatternTrie& trie, std::size_t max_states)
    : trie_(trie),
      max_states_(std::min(max_states, kMaxRowBytes / (sizeof(Transition) * trie.classes().count()))),
      stepper_(trie) {
  reset();
}

void LazyCache::reset() {
  subsets_.clear();
  rows_.clear();
  arrivals_.clear();
  endings_.clear();
  bytes_since_reset_ = 0;
  add_state({});
  start_ = {};
  stepper_.start(to_, start_.fired);
  start_.state = add_state(to_);
}

bool LazyCache::is_full() const {
  return subsets_.size() >= max_states_ || subsets_.total_nodes() >= max_states_ * kNodesPerState ||
         arrivals_.size() >= max_states_ * kArrivalsPerState;
}

// Whether the cache has begun anew; `state` then has a new number.
bool LazyCache::make_room(SubsetId& state) {
  if (bytes_since_reset_ < kBytesPerState * max_states_) return false;
  const std::span<const Node> nodes = subsets_[state];
  const Subset kept(nodes.begin(), nodes.end());
  reset();
  state = add_state(kept);
  return true;
}

SubsetId LazyCache::add_state(const Subset& subset) {
  const SubsetId state = subsets_.intern(subset);
  if (state == endings_.size()) {
    endings_.push_back(stepper_.ends(subset));
    rows_.resize(rows_.size() + trie_.classes().count(), kUnknown);
  }
  return state;
}

LazyCache::Transition LazyCache::add_transition(SubsetId from, CharacterClass c) {
  const std::span<const Node> nodes = subsets_[from];
  from_.assign(nodes.begin(), nodes.end());
  Outcome fired;
  stepper_.step(from_, c, to_, fired);
  Transition next = add_state(to_);
  if (next == kDead || fired != Outcome{}) {
    arrivals_.push_back({fired, next});
    next = kFired | static_cast<Transition>(arrivals_.size() - 1);
  }
  rows_[std::size_t{from} * trie_.classes().count() + c] = next;
  return next;
}

Outcome LazyCache::run(std::string_view text) {
  bytes_since_reset_ += text.size();
  Outcome outcome = start_.fired;
  SubsetId state = start_.state;
  while (!text.empty() && state != kDead) {
    const std::string_view rest = text;
    const CharacterClass c = trie_.classes().take(text);
    Transition next = rows_[std::size_t{state} * trie_.classes().count() + c];
    if (next == kUnknown) {
      if (is_full() && !make_room(state)) {
        const std::span<const Node> active = subsets_[state];
        return simulate_from(trie_, stepper_, Subset(active.begin(), active.end()), rest, outcome);
      }
      next = add_transition(state, c);
    }
    if ((next & kFired) != 0) {
      const Arrival& arrival = arrivals_[next & ~kFired];
      outcome.merge(arrival.fired);
      next = arrival.state;
    }
    state = next;
  }
  outcome.merge(endings_[state]);
  return outcome;
}

}  // namespace usher::policy::matching
