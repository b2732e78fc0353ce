#include "base/clock.h"

#include <doctest/doctest.h>

#include "base/files.h"

namespace usher {
namespace {

using std::chrono::milliseconds;

TEST_CASE("wall time is written as ISO 8601 in UTC") {
  CHECK(to_iso8601(WallTime(milliseconds(0))) == "1970-01-01T00:00:00.000Z");
  CHECK(to_iso8601(WallTime(milliseconds(1'795'303'901'123))) == "2026-11-21T23:31:41.123Z");
  CHECK(to_iso8601(WallTime(milliseconds(1'709'164'799'999))) == "2024-02-28T23:59:59.999Z");
  CHECK(to_iso8601(WallTime(milliseconds(1'709'164'800'000))) == "2024-02-29T00:00:00.000Z");
  CHECK(to_iso8601(WallTime(milliseconds(-1))) == "1969-12-31T23:59:59.999Z");
}

TEST_CASE("the system's monotonic time never goes back") {
  SystemClock clock;
  MonotonicTime before = clock.monotonic();
  for (int i = 0; i < 1'000; ++i) {
    MonotonicTime now = clock.monotonic();
    REQUIRE(now >= before);
    before = now;
  }
  CHECK(before.count() > 0);
}

TEST_CASE("the boot has one name, the kernel's") {
  SystemClock clock;
  CHECK(clock.boot_id() == SystemClock().boot_id());
  Result<std::string> kernels = read_file("/proc/sys/kernel/random/boot_id", 128);
  if (kernels) CHECK(clock.boot_id() + "\n" == *kernels);
}

}  // namespace
}  // namespace usher
