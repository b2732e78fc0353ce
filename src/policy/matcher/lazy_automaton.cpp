#include "policy/matcher/lazy_automaton.h"

#include <array>
#include <atomic>
#include <exception>
#include <optional>
#include <utility>

#include "policy/matcher/lazy_cache.h"

namespace usher::policy::matching {
namespace {

struct Slot {
  std::atomic<bool> is_taken = false;
  std::optional<LazyCache> cache;  // made when first needed
};

// Gives a slot back. A cache that was left by an exception may be half changed: the next user makes a new one.
class Lease {
 public:
  explicit Lease(Slot& slot) : slot_(slot), exceptions_(std::uncaught_exceptions()) {}
  ~Lease() {
    if (std::uncaught_exceptions() > exceptions_) slot_.cache.reset();
    slot_.is_taken.store(false, std::memory_order_release);
  }
  Lease(const Lease&) = delete;
  Lease& operator=(const Lease&) = delete;

 private:
  Slot& slot_;
  const int exceptions_;
};

class LazyAutomaton final : public Part {
 public:
  LazyAutomaton(PatternTrie trie, std::size_t max_states) : trie_(std::move(trie)), max_states_(max_states) {}

  // The first slot that is free: a single thread always finds the same warm cache, and nobody waits for anybody.
  Outcome run(std::string_view text) const override {
    for (Slot& slot : slots_) {
      if (slot.is_taken.load(std::memory_order_relaxed) || slot.is_taken.exchange(true, std::memory_order_acquire)) {
        continue;
      }
      const Lease lease(slot);
      if (!slot.cache) slot.cache.emplace(trie_, max_states_);
      return slot.cache->run(text);
    }
    return simulate(trie_, text);
  }

 private:
  const PatternTrie trie_;
  const std::size_t max_states_;
  mutable std::array<Slot, 4> slots_;
};

}  // namespace

std::unique_ptr<const Part> make_lazy_automaton(PatternTrie trie, std::size_t max_states) {
  return std::make_unique<LazyAutomaton>(std::move(trie), max_states);
}

}  // namespace usher::policy::matching
