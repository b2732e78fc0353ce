// One step of the subset construction, and the subsets met so far by number. Used by one thread at a time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "policy/matcher/pattern_trie.h"

namespace usher::policy::matching {

// Sorted. Empty = nothing more can match.
using Subset = std::vector<Node>;

class Stepper {
 public:
  // The trie must outlive it.
  explicit Stepper(const PatternTrie& trie) : trie_(trie) {}

  // Where matching begins; `fired` becomes what matches every text.
  void start(Subset& to, Outcome& fired);
  // What is active after a character of class `c`. Patterns that thereby match are merged into `fired`; what cannot
  // improve `fired` any more is dropped, so the caller must remember it. `to` must not be `from`.
  void step(std::span<const Node> from, CharacterClass c, Subset& to, Outcome& fired);
  // What matches if the text ends here.
  Outcome ends(std::span<const Node> subset) const;

 private:
  void arrive(Node node, Subset& to, Outcome& fired) const;
  void sort(Subset& subset);
  void prune(Subset& subset, const Outcome& fired) const;

  const PatternTrie& trie_;
  std::vector<std::uint64_t> bits_;  // one a node, all clear between calls; made when first needed
};

using SubsetId = std::uint32_t;

// Numbers equal subsets equally, from 0 in the order in which they come.
class SubsetStore {
 public:
  SubsetStore() { clear(); }
  SubsetId intern(std::span<const Node> subset);
  // Until the next intern() or clear().
  std::span<const Node> operator[](SubsetId id) const {
    return std::span(nodes_).subspan(begins_[id], begins_[id + 1] - begins_[id]);
  }
  std::size_t size() const { return hashes_.size(); }
  std::size_t total_nodes() const { return nodes_.size(); }
  void clear();

 private:
  void rehash(std::size_t slots);

  std::vector<Node> nodes_;
  std::vector<std::size_t> begins_;
  std::vector<std::uint64_t> hashes_;
  std::vector<SubsetId> slots_;  // open addressing; a power of two, at most half full
};

}  // namespace usher::policy::matching
