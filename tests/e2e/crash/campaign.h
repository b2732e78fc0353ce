// One process's part of a crash test: its seed, how often it kills, at which labels it must, and what it reports. Read
// from USHER_CRASH_SEED, _KILLS, _SHARD and _SHARDS; CONTRIBUTING.md says how. Plain data; one thread.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "e2e/crash/harness.h"
#include "e2e/crash/history/checker.h"

namespace usher::e2e::crash {

struct Campaign {
  // `all_kills` over all shards, unless USHER_CRASH_KILLS says otherwise. Drawn once a process is the seed.
  explicit Campaign(std::uint64_t all_kills);

  std::uint64_t shard, shards, seed, kills;
  // Those of base/failpoint.h at which this shard kills.
  std::vector<std::string_view> labels() const;
  // Prints how to replay it; at once, so that a run that is cut off can be replayed too.
  void announce() const;
  // Kills so often, at each of `at` too, and ends in peace.
  // `grows`: people of this platform see answers grow.
  void run(Harness& harness, std::uint64_t times, const std::vector<std::string_view>& at, bool grows = false) const;
};

// Fails the test for each property that is violated, with what there is to see of it.
void report(const Harness& harness, const std::vector<Violation>& violations);

}  // namespace usher::e2e::crash
