#include "limits/rate.h"

#include <doctest/doctest.h>
#include <rapidcheck.h>

#include <algorithm>
#include <map>
#include <thread>

#include "store/sqlite.h"
#include "support/manual_clock.h"
#include "support/process/child_process.h"
#include "support/run_task.h"
#include "support/temp_dir.h"

using namespace usher;
using namespace std::chrono_literals;
using limits::Counters;
using limits::RateKey;
using limits::RateWindows;

namespace {

std::unique_ptr<Counters> open(const std::filesystem::path& file) {
  Result<std::unique_ptr<Counters>> counters = limits::open_counters(file);
  REQUIRE_MESSAGE(counters, counters.error().message);
  return std::move(*counters);
}

// Windows over a file, that can be closed and opened again.
struct Gateway {
  std::filesystem::path file;
  const Clock& clock;
  std::unique_ptr<Counters> counters;
  std::unique_ptr<RateWindows> windows;

  Gateway(std::filesystem::path path, const Clock& now) : file(std::move(path)), clock(now) { restart(); }
  void restart() {
    windows.reset();
    counters.reset();
    counters = open(file);
    Result<std::unique_ptr<RateWindows>> made = limits::make_rate_windows(*counters, clock);
    REQUIRE_MESSAGE(made, made.error().message);
    windows = std::move(*made);
  }
  Result<void> admit(const RateKey& key) { return testing::run_task(windows->admit({&key, 1})); }
};

RateKey key(const std::string& name, std::int64_t limit) {
  return {limits::rate_key("model", "default", name, ""), limit, "rate_limit_per_minute of role " + name};
}

}  // namespace

TEST_CASE("N calls are admitted, the next is refused until the oldest is 60 s old, to the nanosecond") {
  testing::TempDir dir;
  testing::ManualClock clock;
  Gateway gateway(dir / "l.db", clock);
  const RateKey buyer = key("buyer", 3);
  for (int i = 0; i < 3; ++i) {
    CHECK(gateway.admit(buyer));
    clock.advance(1s);
  }
  Result<void> refused = gateway.admit(buyer);
  REQUIRE_FALSE(refused);
  CHECK(refused.error().kind == ErrorKind::limit);
  CHECK(refused.error().retry_after == 57s);
  CHECK(refused.error().message == "rate_limit_per_minute of role buyer: 3 of 3 calls in the last 60 s, 57 s left");
  clock.advance(57s - 1ns);
  CHECK_FALSE(gateway.admit(buyer));
  clock.advance(1ns);
  CHECK(gateway.admit(buyer));
  CHECK_FALSE(gateway.admit(buyer));
}

TEST_CASE("the time left is rounded up, never down") {
  testing::TempDir dir;
  testing::ManualClock clock;
  Gateway gateway(dir / "l.db", clock);
  REQUIRE(gateway.admit(key("buyer", 1)));
  clock.advance(500us);
  Result<void> refused = gateway.admit(key("buyer", 1));
  REQUIRE_FALSE(refused);
  CHECK(refused.error().retry_after == 60'000ms);
  CHECK(refused.error().message.ends_with("60 s left"));
}

TEST_CASE("a limit of 0 blocks for ever and says no time") {
  testing::TempDir dir;
  testing::ManualClock clock;
  Gateway gateway(dir / "l.db", clock);
  Result<void> refused = gateway.admit(key("guest", 0));
  REQUIRE_FALSE(refused);
  CHECK(refused.error().kind == ErrorKind::limit);
  CHECK_FALSE(refused.error().retry_after);
  const RateKey both[] = {key("a", 1), key("guest", 0)};
  REQUIRE(gateway.admit(both[0]));
  refused = testing::run_task(gateway.windows->admit(both));
  REQUIRE_FALSE(refused);
  CHECK(refused.error().message.find("role a") != std::string::npos);  // the first that refused is named …
  CHECK_FALSE(refused.error().retry_after);                            // … but waiting cannot help
}

TEST_CASE("a call is admitted on all windows or on none, and the refusal waits for the slowest") {
  testing::TempDir dir;
  testing::ManualClock clock;
  Gateway gateway(dir / "l.db", clock);
  const RateKey sender = key("sender", 2);
  const RateKey total = key("total", 1);
  REQUIRE(gateway.admit(total));
  clock.advance(10s);
  const RateKey both[] = {sender, total};
  Result<void> refused = testing::run_task(gateway.windows->admit(both));
  REQUIRE_FALSE(refused);
  CHECK(refused.error().message.find("role total") != std::string::npos);
  CHECK(refused.error().retry_after == 50s);
  CHECK(gateway.windows->state(sender).used == 0);  // a refused call does not count
  REQUIRE(gateway.admit(sender));
  REQUIRE(gateway.admit(sender));
  refused = testing::run_task(gateway.windows->admit(both));
  REQUIRE_FALSE(refused);
  CHECK(refused.error().message.find("role sender") != std::string::npos);
  CHECK(refused.error().retry_after == 60s);
}

TEST_CASE("a window named twice in one call counts once") {
  testing::TempDir dir;
  testing::ManualClock clock;
  Gateway gateway(dir / "l.db", clock);
  const RateKey twice[] = {key("a", 2), key("a", 2)};
  CHECK(testing::run_task(gateway.windows->admit(twice)));
  CHECK(gateway.windows->state(twice[0]).used == 1);
  gateway.restart();
  CHECK(gateway.windows->state(twice[0]).used == 1);
}

TEST_CASE("no sequence of calls, waits and restarts is ever admitted one too many or refused one too early") {
  CHECK(rc::check("exact both ways", [] {
    testing::TempDir dir;
    testing::ManualClock clock;
    Gateway gateway(dir / "l.db", clock);
    std::map<std::string, std::vector<MonotonicTime>> admitted;
    const int steps = *rc::gen::inRange(1, 80);
    for (int step = 0; step < steps; ++step) {
      clock.advance(std::chrono::nanoseconds(*rc::gen::element<std::int64_t>(
          0, 1, 999'999, 1'000'000'000, 7'300'000'001, 20'000'000'000, 59'999'999'999)));
      if (*rc::gen::inRange(0, 10) == 0) gateway.restart();
      if (*rc::gen::inRange(0, 10) == 0) gateway.windows->evict_idle();
      std::vector<RateKey> keys;
      for (const char* name : {"a", "b", "c"}) {
        if (*rc::gen::arbitrary<bool>()) keys.push_back(key(name, 1 + (name[0] - 'a') * 2));
      }
      const MonotonicTime now = clock.monotonic();
      const bool has_room = std::ranges::all_of(keys, [&](const RateKey& k) {
        return std::ranges::count_if(admitted[k.key], [&](MonotonicTime at) { return now - at < 60s; }) < k.limit;
      });
      RC_ASSERT(testing::run_task(gateway.windows->admit(keys)).has_value() == has_room);
      if (has_room) {
        for (const RateKey& k : keys) admitted[k.key].push_back(now);
      }
    }
  }));
}

TEST_CASE("a reboot and a clock that is set never free a slot early, and block for 60 s at most") {
  CHECK(rc::check("one-sided across boots", [] {
    testing::TempDir dir;
    testing::ManualClock clock;
    Gateway gateway(dir / "l.db", clock);
    const RateKey buyer = key("buyer", 2);
    std::vector<std::chrono::nanoseconds> admitted;  // on a clock that nobody sets
    std::chrono::nanoseconds truth{0};
    const auto pass = [&](std::chrono::nanoseconds time) {
      truth += time;
      clock.advance(time);
    };
    for (int step = 0; step < 30; ++step) {
      pass(std::chrono::nanoseconds(*rc::gen::inRange<std::int64_t>(0, 30'000'000'000)));
      if (*rc::gen::inRange(0, 6) == 0) {
        const WallTime wall = clock.wall();
        clock.reboot("boot" + std::to_string(step), MonotonicTime(*rc::gen::inRange<std::int64_t>(0, 10'000'000'000)));
        // Before the restart the wall clock may be wrong: behind, as on a machine without a battery.
        const bool is_behind = *rc::gen::arbitrary<bool>();
        if (is_behind) clock.set_wall(wall - 100'000h);
        gateway.restart();
        if (is_behind) clock.set_wall(wall);
      }
      const Result<void> outcome = gateway.admit(buyer);
      if (outcome) {
        admitted.push_back(truth);
        RC_ASSERT(std::ranges::count_if(admitted, [&](auto at) { return truth - at < 60s; }) <= 2);
      } else {
        RC_ASSERT(*outcome.error().retry_after <= 60s);
      }
    }
  }));
}

TEST_CASE("after a reboot the calls of the minute before still count") {
  testing::TempDir dir;
  testing::ManualClock clock;
  Gateway gateway(dir / "l.db", clock);
  const RateKey buyer = key("buyer", 1);
  REQUIRE(gateway.admit(buyer));
  clock.advance(20s);
  clock.reboot("boot-2", 3s);
  gateway.restart();
  Result<void> refused = gateway.admit(buyer);
  REQUIRE_FALSE(refused);
  CHECK(*refused.error().retry_after >= 40s);
  CHECK(*refused.error().retry_after <= 40s + 2ms);
  clock.advance(40s + 1ms);
  CHECK(gateway.admit(buyer));
}

TEST_CASE("wall times, which are cut to milliseconds, never make an admission of another boot older than it is") {
  const WallTime stored{1'000'000ms};
  const limits::Moment now{100s, stored + 30s, "boot-2"};
  // Really made at the end of its millisecond and read at the beginning of another: 29.999000001 s ago.
  CHECK(limits::carried_over(5s, stored, false, now) >= 100s - 29'999ms);
  CHECK(limits::carried_over(5s, stored, false, now) <= 100s);
  CHECK(limits::carried_over(5s, stored, true, now) == 5s);
  CHECK(limits::carried_over(500s, stored, true, now) == 100s);
  CHECK(limits::carried_over(5s, stored + 1h, false, now) == 100s);
  CHECK(limits::carried_over(5s, stored - 1000h, false, now) == 40s);
}

TEST_CASE("a killed process has lost no admission") {
  testing::TempDir dir;
  SystemClock clock;
  const RateKey buyer = key("buyer", 5);
  testing::ChildProcess child(
      [&] {
        Result<std::unique_ptr<Counters>> counters = limits::open_counters(dir / "l.db");
        Result<std::unique_ptr<RateWindows>> windows = limits::make_rate_windows(**counters, clock);
        for (int i = 0; i < 4; ++i) {
          if (!testing::run_task((*windows)->admit({&buyer, 1}))) return false;
        }
        (void)windows->release();
        (void)counters->release();
        return true;
      },
      true);
  REQUIRE(child.succeeded());
  child.kill();
  Gateway gateway(dir / "l.db", clock);
  CHECK(gateway.windows->state(buyer).used == 4);
  CHECK(gateway.admit(buyer));
  CHECK_FALSE(gateway.admit(buyer));
}

TEST_CASE("processes that share the file share the window") {
  testing::TempDir dir;
  testing::ManualClock clock;
  Gateway one(dir / "l.db", clock);
  Gateway other(dir / "l.db", clock);
  const RateKey buyer = key("buyer", 3);
  CHECK(one.admit(buyer));
  CHECK(other.admit(buyer));
  CHECK(one.admit(buyer));
  CHECK_FALSE(other.admit(buyer));
  CHECK_FALSE(one.admit(buyer));
}

TEST_CASE("what cannot be stored is not admitted, and counts for nothing") {
  testing::TempDir dir;
  testing::ManualClock clock;
  Gateway gateway(dir / "l.db", clock);
  const RateKey buyer = key("buyer", 1);
  Result<store::Database> other = store::Database::open(dir / "l.db", {.sharing = store::Sharing::shared});
  REQUIRE(other);
  REQUIRE(other->script("CREATE TRIGGER t BEFORE INSERT ON admissions BEGIN SELECT RAISE(ABORT, 'disk'); END"));
  Result<void> refused = gateway.admit(buyer);
  REQUIRE_FALSE(refused);
  CHECK(refused.error().kind == ErrorKind::io);
  CHECK(gateway.windows->state(buyer).used == 0);
  REQUIRE(other->script("DROP TRIGGER t"));
  CHECK(gateway.admit(buyer));
}

TEST_CASE("idle windows are forgotten in memory and in the file; a huge limit costs nothing in advance") {
  testing::TempDir dir;
  testing::ManualClock clock;
  Gateway gateway(dir / "l.db", clock);
  for (int i = 0; i < 300; ++i) REQUIRE(gateway.admit(key("s" + std::to_string(i), 1'000'000)));
  CHECK(gateway.windows->window_count() == 300);
  clock.advance(61s);
  gateway.windows->evict_idle();
  CHECK(gateway.windows->window_count() == 0);
  gateway.restart();
  CHECK(gateway.windows->window_count() == 0);
  Result<store::Database> other = store::Database::open(dir / "l.db", {.sharing = store::Sharing::shared});
  REQUIRE(other);
  std::int64_t rows = -1;
  REQUIRE(other->query("SELECT count(*) FROM admissions", {}, [&](const store::Row& row) { rows = row.integer(0); }));
  CHECK(rows == 1);  // the newest stays: ids go on from it
}

TEST_CASE("a stream of new senders does not let windows or rows pile up") {
  testing::TempDir dir;
  testing::ManualClock clock;
  Gateway gateway(dir / "l.db", clock);
  for (int i = 0; i < 3000; ++i) {
    REQUIRE(gateway.admit(key("s" + std::to_string(i), 5)));
    clock.advance(1s);
  }
  CHECK(gateway.windows->window_count() <= 61);
  Result<store::Database> other = store::Database::open(dir / "l.db", {.sharing = store::Sharing::shared});
  REQUIRE(other);
  std::int64_t rows = -1;
  REQUIRE(other->query("SELECT count(*) FROM admissions", {}, [&](const store::Row& row) { rows = row.integer(0); }));
  CHECK(rows <= 60 + 2 * 256);
}

TEST_CASE("a limit lowered by a new configuration binds at once and says the true wait") {
  testing::TempDir dir;
  testing::ManualClock clock;
  Gateway gateway(dir / "l.db", clock);
  for (int i = 0; i < 5; ++i) {
    REQUIRE(gateway.admit(key("buyer", 5)));
    clock.advance(1s);
  }
  Result<void> refused = gateway.admit(key("buyer", 2));
  REQUIRE_FALSE(refused);
  CHECK(refused.error().retry_after == 58s);  // when the fourth of five is 60 s old
  clock.advance(58s - 1ns);
  CHECK_FALSE(gateway.admit(key("buyer", 2)));
  clock.advance(1ns);
  CHECK(gateway.admit(key("buyer", 2)));
}

TEST_CASE("state tells what is used and when there is room, without admitting") {
  testing::TempDir dir;
  testing::ManualClock clock;
  Gateway gateway(dir / "l.db", clock);
  const RateKey buyer = key("buyer", 2);
  CHECK(gateway.windows->state(buyer).used == 0);
  REQUIRE(gateway.admit(buyer));
  CHECK(gateway.windows->state(buyer).used == 1);
  CHECK(gateway.windows->state(buyer).until_next == 0ms);
  clock.advance(10s);
  REQUIRE(gateway.admit(buyer));
  CHECK(gateway.windows->state(buyer).until_next == 50s);
  clock.advance(120s);
  CHECK(gateway.windows->state(buyer).used == 0);
  gateway.windows->evict_idle();
  CHECK(gateway.windows->window_count() == 0);
}

TEST_CASE("keys differ when any part differs, also where parts run into each other") {
  const std::vector<std::string> keys = {
      limits::rate_key("model", "t", "r", "s"), limits::rate_key("tool", "t", "r", "s"),
      limits::rate_key("model", "u", "r", "s"), limits::rate_key("model", "t", "q", "s"),
      limits::rate_key("model", "t", "r", ""),  limits::rate_key("model", "tr", "", "s"),
      limits::rate_key("model", "", "tr", "s"), limits::rate_key("model", "t", "rs", "")};
  for (std::size_t i = 0; i < keys.size(); ++i) {
    for (std::size_t j = 0; j < i; ++j) CHECK(keys[i] != keys[j]);
  }
}
