// What the parts of a matcher have in common. Pure values.
#pragma once

#include <algorithm>
#include <cstdint>
#include <string_view>

namespace usher::policy::matching {

// The first pattern of each list that matches, or of those that still may.
struct Outcome {
  static constexpr std::uint32_t kNone = UINT32_MAX;  // larger than every index, so that the smaller one is the first
  std::uint32_t denied = kNone;
  std::uint32_t allowed = kNone;

  void merge(const Outcome& other) {
    denied = std::min(denied, other.denied);
    allowed = std::min(allowed, other.allowed);
  }
  // Whether merging this into `other` would change it.
  bool improves(const Outcome& other) const { return denied < other.denied || allowed < other.allowed; }
  friend bool operator==(const Outcome&, const Outcome&) = default;
};

// A glob as it was written, and where. The text must outlive it.
struct Source {
  std::string_view glob;
  Outcome place;  // one of the two is its index
};

// Matches some of the patterns. Immutable to its users; any thread.
class Part {
 public:
  virtual ~Part() = default;
  // `text` must be valid UTF-8.
  virtual Outcome run(std::string_view text) const = 0;
};

}  // namespace usher::policy::matching
