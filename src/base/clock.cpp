#include "base/clock.h"

#include <errno.h>
#include <fmt/format.h>
#include <time.h>

#include <random>
#include <system_error>

#include "base/files.h"
#include "base/text.h"

namespace usher {

namespace {

std::string read_boot_id() {
  Result<std::string> id = read_file("/proc/sys/kernel/random/boot_id", 128);
  if (id && !trim(*id).empty()) return std::string(trim(*id));
  // Without the kernel's word no stored monotonic time may be trusted: a name that no other process has.
  std::random_device random;
  return fmt::format("unknown-{:08x}{:08x}", random(), random());
}

}  // namespace

MonotonicTime SystemClock::monotonic() const {
  timespec now{};
  if (::clock_gettime(CLOCK_BOOTTIME, &now) != 0)
    throw std::system_error(errno, std::generic_category(), "CLOCK_BOOTTIME");
  return std::chrono::seconds(now.tv_sec) + std::chrono::nanoseconds(now.tv_nsec);
}

WallTime SystemClock::wall() const {
  return std::chrono::floor<std::chrono::milliseconds>(std::chrono::system_clock::now());
}

std::string SystemClock::boot_id() const {
  static const std::string id = read_boot_id();
  return id;
}

std::string to_iso8601(WallTime time) {
  auto day = std::chrono::floor<std::chrono::days>(time);
  std::chrono::year_month_day date(day);
  std::chrono::hh_mm_ss clock(time - day);
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:03}Z", static_cast<int>(date.year()),
                     static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()), clock.hours().count(),
                     clock.minutes().count(), clock.seconds().count(), clock.subseconds().count());
}

}  // namespace usher
