// A clock that moves only when a test moves it. wall and monotonic move together unless one is set apart.
#pragma once

#include <atomic>
#include <string>

#include "base/clock.h"

namespace usher::testing {

class ManualClock final : public Clock {
 public:
  MonotonicTime monotonic() const override { return MonotonicTime(monotonic_.load()); }
  WallTime wall() const override { return WallTime(std::chrono::milliseconds(wall_ms_.load())); }
  std::string boot_id() const override { return boot_id_; }

  template <class D>
  void advance(D duration) {
    monotonic_ += std::chrono::duration_cast<std::chrono::nanoseconds>(duration).count();
    wall_ms_ += std::chrono::duration_cast<std::chrono::milliseconds>(duration).count();
  }
  void set_wall(WallTime time) { wall_ms_ = time.time_since_epoch().count(); }
  // A restart of the machine: monotonic time starts anew.
  void reboot(std::string boot_id, MonotonicTime now) {
    boot_id_ = std::move(boot_id);
    monotonic_ = now.count();
  }

 private:
  std::atomic<std::int64_t> monotonic_{1'000'000'000'000};
  std::atomic<std::int64_t> wall_ms_{1'790'000'000'000};
  std::string boot_id_ = "boot-1";
};

}  // namespace usher::testing
