// Time, injected: everything that measures windows, ages or days takes a Clock& and never asks the system itself.
// Lifetime: the composition root owns one SystemClock; tests own a ManualClock (tests/support). Thread-safe.
#pragma once

#include <chrono>
#include <string>

namespace usher {

// Time since boot, suspension included (CLOCK_BOOTTIME): never set back, not affected by clock changes.
using MonotonicTime = std::chrono::nanoseconds;
// UTC.
using WallTime = std::chrono::sys_time<std::chrono::milliseconds>;

class Clock {
 public:
  virtual ~Clock() = default;
  virtual MonotonicTime monotonic() const = 0;
  virtual WallTime wall() const = 0;
  // Names the boot that monotonic() counts from; values of two boots cannot be compared.
  virtual std::string boot_id() const = 0;
};

// The machine's own clocks.
class SystemClock final : public Clock {
 public:
  MonotonicTime monotonic() const override;
  WallTime wall() const override;
  std::string boot_id() const override;
};

// "2026-11-21T23:31:41.123Z"
std::string to_iso8601(WallTime time);

}  // namespace usher
