// Patterns with their common beginnings shared: the nondeterministic automaton that the deterministic ones are made
// from. A node is a place in one or more patterns; a star is not a place but makes the one after it *loop*: it stays
// active whatever is read. Nodes are numbered parents first, each subtree in one run. Immutable; any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "policy/matcher/character_classes.h"
#include "policy/matcher/outcome.h"

namespace usher::policy::matching {

using Node = std::uint32_t;

class PatternTrie {
 public:
  static constexpr Node kRoot = 0;

  struct Edge {
    std::uint32_t key = 0;  // of a narrow edge its class, of a wide one an index of class_set()
    Node to = 0;
  };
  struct Place {
    std::uint32_t edges = 0, wide_edges = 0, end_of_edges = 0;
    // Nodes of one chain lie in the same patterns, none of which ends before the last of them.
    Node chain = 0;
    bool loops = false;
    Outcome ends;   // patterns that match when the text ends here
    Outcome fires;  // patterns that match as soon as this is reached: they end with a star
    Outcome later;  // all that may still come of being here: `ends`, and what lies below
  };

  // Either all patterns begin with a star or none does. Those that match nothing are left out.
  explicit PatternTrie(std::span<const Source> patterns);

  std::size_t size() const { return places_.size(); }
  const Place& operator[](Node node) const { return places_[node]; }
  const CharacterClasses& classes() const { return classes_; }
  const ClassSet& class_set(std::uint32_t index) const { return sets_[index]; }
  // Sorted by class; a class may have two.
  std::span<const Edge> narrow_edges(const Place& place) const {
    return std::span(edges_).subspan(place.edges, place.wide_edges - place.edges);
  }
  std::span<const Edge> wide_edges(const Place& place) const {
    return std::span(edges_).subspan(place.wide_edges, place.end_of_edges - place.wide_edges);
  }

 private:
  struct Draft;
  // How a node is reached.
  struct Origin {
    Node parent = 0;
    std::uint32_t symbol = 0;
  };
  std::vector<Origin> grow(const Draft& draft);
  void link(const std::vector<Origin>& origins);
  void summarize(const std::vector<Origin>& origins);

  std::vector<Place> places_;
  std::vector<Edge> edges_;
  CharacterClasses classes_;
  std::vector<ClassSet> sets_;
};

}  // namespace usher::policy::matching
