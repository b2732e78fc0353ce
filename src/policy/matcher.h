// A deny list and an allow list compiled together: one pass over a text tells the first pattern of each that matches.
// Immutable; any thread.
//
// Three ways, chosen when it is made: few patterns are matched one by one; more become one deterministic automaton over
// UTF-8 bytes; where that would grow beyond its bound, its states are built while texts are read, in a cache of bounded
// size. Patterns that begin with a star and those that do not are chosen for apart. All ways take time at most linear
// in the text times the patterns, and none of them ever answers anything but the truth.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace usher::policy {

struct FirstMatches {
  static constexpr std::int32_t kNone = -1;
  std::int32_t denied = kNone;   // index into the deny list
  std::int32_t allowed = kNone;  // index into the allow list
  friend bool operator==(const FirstMatches&, const FirstMatches&) = default;
};

class Matcher {
 public:
  virtual ~Matcher() = default;
  // Nothing matches a text that is not valid UTF-8.
  virtual FirstMatches match(std::string_view text) const = 0;
};

// The fitting one. The lists must outlive it.
std::unique_ptr<const Matcher> make_matcher(const std::vector<std::string>& denied,
                                            const std::vector<std::string>& allowed);

// For lists that somebody untrusted wrote: a look-up a character, or, for some short intricate patterns, a few
// milliseconds for a text of 1 KiB at worst; some 10 MB at most. nullptr where the patterns would need more.
std::unique_ptr<const Matcher> make_bounded_matcher(const std::vector<std::string>& denied,
                                                    const std::vector<std::string>& allowed);

// One each, for tests and benchmarks.
std::unique_ptr<const Matcher> make_linear_matcher(const std::vector<std::string>& denied,
                                                   const std::vector<std::string>& allowed);
// nullptr when an automaton would need more than `max_states`, or unreasonably much time or memory.
std::unique_ptr<const Matcher> make_automaton_matcher(const std::vector<std::string>& denied,
                                                      const std::vector<std::string>& allowed, std::size_t max_states);
// Keeps at most `max_states`, for each of at most four threads at once.
std::unique_ptr<const Matcher> make_lazy_matcher(const std::vector<std::string>& denied,
                                                 const std::vector<std::string>& allowed, std::size_t max_states);

}  // namespace usher::policy
