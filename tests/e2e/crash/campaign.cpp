#include "e2e/crash/campaign.h"

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <random>

#include "base/failpoint.h"

namespace usher::e2e::crash {
namespace {

constexpr std::size_t kShown = 2;  // violations of each property
constexpr int kTriesForALabel = 3;

std::uint64_t number_from(const char* variable, std::uint64_t otherwise) {
  const char* text = std::getenv(variable);
  return text && *text ? std::strtoull(text, nullptr, 10) : otherwise;
}

std::uint64_t random_seed() {
  static const std::uint64_t seed = [] {
    std::random_device device;
    return (std::uint64_t{device()} << 32) | device();
  }();
  return seed;
}

}  // namespace

Campaign::Campaign(std::uint64_t all_kills)
    : shard(number_from("USHER_CRASH_SHARD", 1)),
      shards(number_from("USHER_CRASH_SHARDS", 1)),
      seed(number_from("USHER_CRASH_SEED", random_seed())),
      kills((number_from("USHER_CRASH_KILLS", all_kills) + shards - 1) / shards) {}

std::vector<std::string_view> Campaign::labels() const {
  std::vector<std::string_view> mine;
  for (std::size_t i = shard - 1; i < std::size(kFailpoints); i += shards) mine.push_back(kFailpoints[i]);
  return mine;
}

void Campaign::announce() const {
  fmt::print("USHER_CRASH_SEED={} replays shard {} of {}\n", seed, shard, shards);
  std::fflush(stdout);
}

void Campaign::run(Harness& harness, std::uint64_t times, const std::vector<std::string_view>& at, bool grows) const {
  Schedule schedule(seed + shard, at, grows);
  while (harness.kills() < static_cast<int>(times)) harness.live(schedule.next());
  for (std::string_view label : at) {
    for (int i = 0; i < kTriesForALabel && !harness.labels_reached().contains(label); ++i) {
      harness.live(schedule.kill_at(label, 1));
    }
  }
  harness.end_in_peace();
  for (std::string_view label : at) {
    const bool is_reached = harness.labels_reached().contains(label);
    CHECK_MESSAGE(is_reached, "never reached: ", label);
  }
}

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

}  // namespace usher::e2e::crash
