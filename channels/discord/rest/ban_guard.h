// Counts what Discord bans addresses for: 10,000 answers of 401, 403 or 429 within ten minutes. From 9,000 on nothing
// may go out. Pure: time is passed in. One thread at a time.
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>

#include "channels/discord/rest/buckets.h"

namespace usher::discord {

class BanGuard {
 public:
  static constexpr std::size_t kWorrying = 1'000;
  static constexpr std::size_t kTooMany = 9'000;

  // True when the count has just become worrying, or too high: worth a line in the log.
  bool note(RestTime now);
  // How long nothing may go out; zero = it may.
  std::chrono::milliseconds wait(RestTime now) const;
  std::size_t count(RestTime now) const;

 private:
  struct Slice {
    std::int64_t number = -1;  // of ten seconds each, since the clock's epoch
    std::size_t count = 0;
  };
  // Ten minutes and the slice that is running.
  std::array<Slice, 61> slices_{};
};

}  // namespace usher::discord
