#include "limits/rate.h"

#include <fmt/format.h>

#include <algorithm>
#include <list>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/hash.h"

namespace usher::limits {

namespace {

constexpr std::chrono::seconds window_length{60};

// The store is cleaned by and by: every so many admissions at most twice as many old ones go.
constexpr int admissions_between_drops = 256;

// Idle windows that one admission lets go of.
constexpr int evictions_per_admission = 4;

std::chrono::milliseconds rounded_up(MonotonicTime duration) {
  return std::chrono::ceil<std::chrono::milliseconds>(duration);
}

// The admissions of the last 60 s, oldest first, in a ring that grows with its use and not with its limit.
class Ring {
 public:
  bool empty() const { return count_ == 0; }
  std::size_t size() const { return count_; }
  MonotonicTime operator[](std::size_t index) const { return slots_[(head_ + index) & (slots_.size() - 1)]; }

  void push(MonotonicTime at) {
    if (count_ == slots_.size()) grow();
    slots_[(head_ + count_) & (slots_.size() - 1)] = at;
    ++count_;
  }

  // Takes back what push() has added; nothing when it has expired.
  void remove(MonotonicTime time) {
    std::size_t at = count_;
    while (at > 0 && (*this)[at - 1] != time) --at;
    if (at == 0) return;
    for (; at < count_; ++at) slots_[(head_ + at - 1) & (slots_.size() - 1)] = (*this)[at];
    --count_;
  }

  void expire(MonotonicTime now) {
    while (count_ > 0 && now - slots_[head_] >= window_length) {
      head_ = (head_ + 1) & (slots_.size() - 1);
      --count_;
    }
  }

 private:
  void grow() {
    std::vector<MonotonicTime> larger(std::max<std::size_t>(8, slots_.size() * 2));  // a power of two
    for (std::size_t i = 0; i < count_; ++i) larger[i] = (*this)[i];
    slots_ = std::move(larger);
    head_ = 0;
  }

  std::vector<MonotonicTime> slots_;
  std::size_t head_ = 0, count_ = 0;
};

struct Window {
  std::string key;
  Ring ring;
  MonotonicTime newest{};
};

// How long until a window has room: zero when it has, nullopt when it never will.
std::optional<MonotonicTime> wait_for_room(const Ring& ring, std::int64_t limit, MonotonicTime now) {
  if (limit <= 0) return std::nullopt;
  const auto most = static_cast<std::size_t>(limit);
  if (ring.size() < most) return MonotonicTime::zero();
  return ring[ring.size() - most] + window_length - now;
}

class Windows final : public RateWindows {
 public:
  Windows(Counters& counters, const Clock& clock)
      : counters_(counters),
        clock_(clock),
        on_admission_([this](MonotonicTime at, std::span<const std::string_view> keys) { remember(at, keys); }) {}

  Result<void> restore() {
    const Moment now{clock_.monotonic(), clock_.wall(), clock_.boot_id()};
    Result<void> restored = counters_.restore_admissions(now, on_admission_);
    if (restored) evict(windows_.size());
    return restored;
  }

  Task<Result<void>> admit(std::span<const RateKey> keys) override {
    // Others only add: what this process alone cannot admit needs no look at the store.
    Result<void> allowed = check(keys);
    if (!allowed || keys.empty()) co_return allowed;
    std::vector<std::string_view> names(keys.size());
    std::ranges::transform(keys, names.begin(), [](const RateKey& key) { return std::string_view(key.key); });
    const auto decide = [&]() -> std::optional<MonotonicTime> {
      allowed = check(keys);
      if (!allowed) return std::nullopt;
      return std::max(clock_.monotonic(), newest_);
    };
    // Counted from the moment that it is in the store's transaction: others decide before that is committed.
    std::optional<MonotonicTime> counted;
    const Counters::OnAdmission on_admission = [&](MonotonicTime at, std::span<const std::string_view> admitted) {
      if (admitted.data() == names.data()) counted = at;
      remember(at, admitted);
    };
    Result<bool> added = co_await counters_.add_admission(names, clock_.wall(), on_admission, std::cref(decide));
    if (!added) {
      if (counted) forget(*counted, names);
      co_return fail(ErrorKind::io, std::move(added.error().message));
    }
    if (!*added) co_return allowed;
    evict(evictions_per_admission);
    if (++since_drop_ >= admissions_between_drops) drop_stored(2 * admissions_between_drops);
    co_return Result<void>();
  }

  State state(const RateKey& key) override {
    const MonotonicTime now = clock_.monotonic();
    State state;
    const auto found = by_key_.find(key.key);
    if (found == by_key_.end()) return state;
    Ring& ring = found->second->ring;
    ring.expire(now);
    state.used = static_cast<std::int64_t>(ring.size());
    state.until_next = rounded_up(wait_for_room(ring, key.limit, now).value_or(MonotonicTime::zero()));
    return state;
  }

  void evict_idle() override {
    evict(windows_.size());
    drop_stored(100'000);
  }

  std::size_t window_count() const override { return windows_.size(); }

 private:
  Result<void> check(std::span<const RateKey> keys) {
    const MonotonicTime now = clock_.monotonic();
    const RateKey* refused = nullptr;
    std::int64_t used = 0;
    MonotonicTime longest = MonotonicTime::zero();
    bool is_blocked = false;
    for (const RateKey& key : keys) {
      static const Ring nothing;
      const auto found = by_key_.find(key.key);
      if (found != by_key_.end()) found->second->ring.expire(now);
      const Ring& ring = found != by_key_.end() ? found->second->ring : nothing;
      const std::optional<MonotonicTime> wait = wait_for_room(ring, key.limit, now);
      if (wait && *wait <= MonotonicTime::zero()) continue;
      if (!refused) refused = &key;
      if (!wait) is_blocked = true;
      if (refused == &key) used = static_cast<std::int64_t>(ring.size());
      longest = std::max(longest, wait.value_or(MonotonicTime::zero()));
    }
    if (!refused) return {};
    return refusal(*refused, used, is_blocked ? std::nullopt : std::optional(longest));
  }

  static std::unexpected<Error> refusal(const RateKey& key, std::int64_t used, std::optional<MonotonicTime> wait) {
    if (key.limit <= 0) return fail(ErrorKind::limit, fmt::format("{} is 0: no calls are allowed", key.name));
    std::string message = fmt::format("{}: {} of {} calls in the last 60 s", key.name, used, key.limit);
    if (!wait) return fail(ErrorKind::limit, std::move(message));
    message += fmt::format(", {} s left", std::chrono::ceil<std::chrono::seconds>(*wait).count());
    return fail(Error{ErrorKind::limit, std::move(message), rounded_up(*wait)});
  }

  // Counts an admission, of this process or of another.
  void remember(MonotonicTime at, std::span<const std::string_view> keys) {
    newest_ = std::max(newest_, at);
    for (std::size_t i = 0; i < keys.size(); ++i) {
      if (std::ranges::find(keys.first(i), keys[i]) != keys.begin() + static_cast<std::ptrdiff_t>(i)) continue;
      auto found = by_key_.find(keys[i]);
      if (found == by_key_.end()) {
        windows_.push_back({std::string(keys[i]), {}, {}});
        const auto added = std::prev(windows_.end());
        found = by_key_.emplace(added->key, added).first;
      } else {
        windows_.splice(windows_.end(), windows_, found->second);
      }
      found->second->ring.expire(at);
      found->second->ring.push(at);
      found->second->newest = at;
    }
  }

  // Takes back an admission that could not be stored.
  void forget(MonotonicTime at, std::span<const std::string_view> keys) {
    for (std::size_t i = 0; i < keys.size(); ++i) {
      if (std::ranges::find(keys.first(i), keys[i]) != keys.begin() + static_cast<std::ptrdiff_t>(i)) continue;
      const auto found = by_key_.find(keys[i]);
      if (found != by_key_.end()) found->second->ring.remove(at);
    }
  }

  // Lets go of at most `most` idle windows. They stand in the order of their newest admission.
  void evict(std::size_t most) {
    const MonotonicTime now = clock_.monotonic();
    while (most-- > 0 && !windows_.empty() && now - windows_.front().newest >= window_length) {
      by_key_.erase(windows_.front().key);
      windows_.pop_front();
    }
  }

  void drop_stored(std::int64_t most) {
    since_drop_ = 0;
    (void)counters_.drop_admissions(clock_.monotonic() - window_length, most);  // tried again later
  }

  Counters& counters_;
  const Clock& clock_;
  const Counters::OnAdmission on_admission_;
  std::list<Window> windows_;  // the one admitted to last is the last
  std::unordered_map<std::string_view, std::list<Window>::iterator> by_key_;
  MonotonicTime newest_ = MonotonicTime::min();
  int since_drop_ = 0;
};

}  // namespace

MonotonicTime carried_over(MonotonicTime at, WallTime wall, bool is_same_boot, const Moment& now) {
  if (is_same_boot) return std::min(at, now.monotonic);
  // Both wall times are cut to milliseconds, so the true age may be up to one less than their difference.
  const std::chrono::milliseconds age = now.wall - wall - std::chrono::milliseconds(1);
  return now.monotonic - std::clamp<std::chrono::milliseconds>(age, std::chrono::milliseconds::zero(), window_length);
}

std::string rate_key(std::string_view what, std::string_view tenant, std::string_view role,
                     std::string_view sender_digest) {
  const std::string_view parts[] = {what, tenant, role, sender_digest};
  const Digest digest = sha256_parts(parts);
  return to_hex(std::span(digest).first<16>());
}

Result<std::unique_ptr<RateWindows>> make_rate_windows(Counters& counters, const Clock& clock) {
  auto windows = std::make_unique<Windows>(counters, clock);
  Result<void> restored = windows->restore();
  if (!restored) return fail(std::move(restored.error()));
  return windows;
}

}  // namespace usher::limits
