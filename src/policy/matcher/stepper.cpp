#include "policy/matcher/stepper.h"

#include <algorithm>
#include <bit>

namespace usher::policy::matching {
namespace {

constexpr SubsetId kFree = UINT32_MAX;
constexpr std::size_t kFirstSlots = 64;

std::uint64_t hash_of(std::span<const Node> subset) {
  std::uint64_t hash = subset.size();
  for (const Node node : subset) {
    hash = (hash ^ node) * 0x9E3779B97F4A7C15u;
    hash ^= hash >> 29;
  }
  return hash;
}

}  // namespace

void Stepper::start(Subset& to, Outcome& fired) {
  to.clear();
  arrive(PatternTrie::kRoot, to, fired);
  prune(to, fired);
}

void Stepper::step(std::span<const Node> from, CharacterClass c, Subset& to, Outcome& fired) {
  to.clear();
  for (const Node node : from) {
    const PatternTrie::Place& place = trie_[node];
    if (place.loops) to.push_back(node);
    const std::span<const PatternTrie::Edge> narrow = trie_.narrow_edges(place);
    auto edge = std::ranges::lower_bound(narrow, c, {}, &PatternTrie::Edge::key);
    for (; edge != narrow.end() && edge->key == c; ++edge) arrive(edge->to, to, fired);
    for (const PatternTrie::Edge& wide : trie_.wide_edges(place)) {
      if (contains(trie_.class_set(wide.key), c)) arrive(wide.to, to, fired);
    }
  }
  sort(to);
  prune(to, fired);
}

Outcome Stepper::ends(std::span<const Node> subset) const {
  Outcome outcome;
  for (const Node node : subset) outcome.merge(trie_[node].ends);
  return outcome;
}

void Stepper::arrive(Node node, Subset& to, Outcome& fired) const {
  fired.merge(trie_[node].fires);
  to.push_back(node);
}

// Without repetitions. Large subsets by way of a bit set: in linear time.
void Stepper::sort(Subset& subset) {
  constexpr std::size_t kSmall = 32;
  const std::size_t words = (trie_.size() + 63) / 64;
  if (subset.size() <= kSmall || subset.size() < words / 8) {
    if (!std::ranges::is_sorted(subset)) std::ranges::sort(subset);
    const auto repeated = std::ranges::unique(subset);
    subset.erase(repeated.begin(), repeated.end());
    return;
  }
  bits_.resize(words);
  for (const Node node : subset) bits_[node / 64] |= std::uint64_t{1} << (node % 64);
  subset.clear();
  for (std::size_t word = 0; word < words; ++word) {
    for (; bits_[word] != 0; bits_[word] &= bits_[word] - 1) {
      subset.push_back(static_cast<Node>(word * 64) + static_cast<Node>(std::countr_zero(bits_[word])));
    }
  }
}

// Drops what does not change any answer:
//  - a node below which no pattern comes earlier in its list than one that has fired;
//  - a node with a looping node further down its chain. Whatever still matches from the upper one has to pass the lower
//    one on the way, after some characters; the lower one stays over these characters and then matches the same. And
//    what fires at the lower one has fired when it was reached.
void Stepper::prune(Subset& subset, const Outcome& fired) const {
  constexpr Node kNoChain = UINT32_MAX;
  Node looping_chain = kNoChain;
  auto kept = subset.end();
  for (auto it = subset.end(); it != subset.begin();) {
    const PatternTrie::Place& place = trie_[*--it];
    const bool is_dominated = place.chain == looping_chain;
    if (place.loops) looping_chain = place.chain;
    if (!is_dominated && place.later.improves(fired)) *--kept = *it;
  }
  subset.erase(subset.begin(), kept);
}

SubsetId SubsetStore::intern(std::span<const Node> subset) {
  const std::uint64_t hash = hash_of(subset);
  std::size_t slot = hash & (slots_.size() - 1);
  for (; slots_[slot] != kFree; slot = (slot + 1) & (slots_.size() - 1)) {
    const SubsetId id = slots_[slot];
    if (hashes_[id] == hash && std::ranges::equal((*this)[id], subset)) return id;
  }
  const auto id = static_cast<SubsetId>(size());
  nodes_.insert(nodes_.end(), subset.begin(), subset.end());
  begins_.push_back(nodes_.size());
  hashes_.push_back(hash);
  slots_[slot] = id;
  if (size() * 2 > slots_.size()) rehash(slots_.size() * 2);
  return id;
}

void SubsetStore::clear() {
  nodes_.clear();
  begins_.assign(1, 0);
  hashes_.clear();
  slots_.assign(kFirstSlots, kFree);
}

void SubsetStore::rehash(std::size_t slots) {
  slots_.assign(slots, kFree);
  for (SubsetId id = 0; id < size(); ++id) {
    std::size_t slot = hashes_[id] & (slots - 1);
    while (slots_[slot] != kFree) slot = (slot + 1) & (slots - 1);
    slots_[slot] = id;
  }
}

}  // namespace usher::policy::matching
