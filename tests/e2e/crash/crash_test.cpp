// The real binary, killed at every label and at hundreds of other moments, and then judged by what everybody saw.
// USHER_CRASH_SEED and USHER_CRASH_KILLS replay or prolong; CONTRIBUTING.md says how.
#include <doctest/doctest.h>
#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <random>

#include "base/failpoint.h"
#include "e2e/crash/harness.h"
#include "e2e/crash/history/checker.h"

namespace usher::e2e::crash {
namespace {

#if defined(__SANITIZE_ADDRESS__) || __has_feature(address_sanitizer)
constexpr std::uint64_t kKills = 60;  // over all shards
#else
constexpr std::uint64_t kKills = 330;
#endif
constexpr std::size_t kShown = 2;  // violations of each property
constexpr int kTriesForALabel = 3;

std::uint64_t number_from(const char* variable, std::uint64_t otherwise) {
  const char* text = std::getenv(variable);
  return text && *text ? std::strtoull(text, nullptr, 10) : otherwise;
}

// Drawn once a process.
std::uint64_t random_seed() {
  static const std::uint64_t seed = [] {
    std::random_device device;
    return (std::uint64_t{device()} << 32) | device();
  }();
  return seed;
}

// Which part of the kills and labels this process does.
struct Shard {
  std::uint64_t number = number_from("USHER_CRASH_SHARD", 1), of = number_from("USHER_CRASH_SHARDS", 1);
  std::uint64_t seed = number_from("USHER_CRASH_SEED", random_seed());
  std::uint64_t kills = (number_from("USHER_CRASH_KILLS", kKills) + of - 1) / of;

  std::vector<std::string_view> labels() const {
    std::vector<std::string_view> mine;
    for (std::size_t i = number - 1; i < std::size(kFailpoints); i += of) mine.push_back(kFailpoints[i]);
    return mine;
  }
};

void report(const Harness& harness, const std::vector<Violation>& violations) {
  const History history = harness.history();
  std::map<std::string, std::size_t> counts;
  int last = 0;
  for (const Violation& violation : violations) {
    if (++counts[violation.property] > kShown) continue;
    last = std::max(last, violation.life);
    FAIL_CHECK(explain(history, violation), "log of life ", violation.life, ":\n", harness.log_of(violation.life));
  }
  for (const auto& [property, count] : counts) FAIL_CHECK(count, " violations of: ", property);
  if (!violations.empty()) MESSAGE("the schedule:\n", harness.lives_until(last == 0 ? harness.lives() : last));
}

void kill_often(Harness& harness, Schedule& schedule, std::uint64_t kills) {
  while (harness.kills() < static_cast<int>(kills)) harness.live(schedule.next());
}

// At once, so that a run that is cut off can be replayed too.
void announce(const Shard& shard) {
  fmt::print("USHER_CRASH_SEED={} replays shard {} of {}\n", shard.seed, shard.number, shard.of);
  std::fflush(stdout);
}

TEST_CASE("nothing is lost and nothing happens twice, whatever kills usher and when") {
  const Shard shard;
  announce(shard);
  Harness harness;
  Schedule schedule(shard.seed + shard.number, shard.labels());
  kill_often(harness, schedule, shard.kills);
  for (std::string_view label : shard.labels()) {
    for (int i = 0; i < kTriesForALabel && !harness.labels_reached().contains(label); ++i) {
      harness.live(schedule.kill_at(label, 1));
    }
  }
  harness.end_in_peace();
  fmt::print("{}\n", harness.summary());

  report(harness, check(harness.history()));
  for (std::string_view label : shard.labels()) {
    const bool is_reached = harness.labels_reached().contains(label);
    CHECK_MESSAGE(is_reached, "never reached: ", label);
  }
}

TEST_CASE("with resend_unknown every message is answered, and nothing but answers happens twice") {
  const Shard shard;
  announce(shard);
  Harness harness({}, "resend_unknown = true\n");
  Schedule schedule(shard.seed + shard.number, {});
  kill_often(harness, schedule, shard.kills / 8);
  harness.end_in_peace();
  fmt::print("resending: {}\n", harness.summary());

  std::vector<Violation> violations = check(harness.history());
  std::erase_if(violations, [](const Violation& violation) { return violation.property == "once"; });
  report(harness, violations);
  for (const auto& [message, state] : harness.history().remains.states) CHECK_MESSAGE(state == "sent", "T", message);
}

}  // namespace
}  // namespace usher::e2e::crash
