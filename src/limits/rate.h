// Sliding rate windows: never more than N admitted calls in any 60 seconds, exactly: each window is a ring of the last
// N admission times. Kept in memory, every admission is also written to the store, so a restart does not forget it.
// Event-loop thread only. Times are MonotonicTime, so a clock change frees no slot while the machine is up; a different
// boot id on restore is bridged by wall time, clamped to the last 60 s: a clock set back keeps a slot, one set forward
// during the reboot may free it.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/result.h"
#include "limits/counters.h"

namespace usher::limits {

struct RateKey {
  std::string key;         // unique and stable: built with rate_key()
  std::int64_t limit = 0;  // 0 = blocked
  std::string name;        // what a refusal calls it: "rate_limit_per_minute of role buyer"
};

// A key over (what, tenant, role, sender digest or "" for the whole role). what: "model" or "tool".
std::string rate_key(std::string_view what, std::string_view tenant, std::string_view role,
                     std::string_view sender_digest);

class RateWindows {
 public:
  virtual ~RateWindows() = default;

  // Admits one call on all keys or on none. A refusal is ErrorKind::limit with retry_after = time until every window
  // has room (for limit 0: none) and names the first window that refused. io when the admission cannot be stored: not
  // admitted, though it may count for 60 s. `keys` must live as long as the task.
  virtual Task<Result<void>> admit(std::span<const RateKey> keys) = 0;

  struct State {
    std::int64_t used = 0;
    std::chrono::milliseconds until_next{0};
  };
  // Calls in the last 60 s, and how long until one more is possible. Does not admit.
  virtual State state(const RateKey& key) = 0;

  // Drops windows without a call in the last 60 s, in memory and in the store. Called now and then by admit() itself.
  virtual void evict_idle() = 0;
  virtual std::size_t window_count() const = 0;
};

// Restores what the store holds. `counters` and `clock` must outlive it.
Result<std::unique_ptr<RateWindows>> make_rate_windows(Counters& counters, const Clock& clock);

}  // namespace usher::limits
