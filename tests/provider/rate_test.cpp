#include <doctest/doctest.h>

#include "provider/chain.h"
#include "support/fakes/fake_provider.h"
#include "support/manual_clock.h"
#include "support/run_task.h"
#include "support/temp_dir.h"

namespace {

using namespace usher;
using namespace std::chrono_literals;
using testing::FakeProvider;

// A window over a fake model, with real windows on a real file and a clock of our own.
struct Fixture {
  testing::TempDir dir;
  testing::ManualClock clock;
  std::unique_ptr<limits::Counters> counters = std::move(limits::open_counters(dir / "limits.db").value());
  std::unique_ptr<limits::RateWindows> windows = std::move(limits::make_rate_windows(*counters, clock).value());
  FakeProvider model;
  std::vector<provider::Message> messages{{.author = provider::Author::user, .text = "hi"}};

  limits::RateKey key(std::int64_t limit, const std::string& name = "rate_limit_per_minute of role buyer") const {
    return {limits::rate_key("model", "default", "buyer", name), limit, name};
  }
  Result<provider::Completion> ask(provider::Provider& provider, Deadline deadline = Deadline::in(1min)) {
    return testing::run_task(provider.complete({messages, {}}, {}, deadline));
  }
};

TEST_CASE("never more than N model calls in any 60 seconds") {
  Fixture f;
  provider::RateLimitedProvider limited(f.model, *f.windows, {f.key(3)});
  std::vector<MonotonicTime> admitted;
  // A caller that tries every 700 ms for five minutes.
  for (int i = 0; i < 430; ++i) {
    if (f.ask(limited)) admitted.push_back(f.clock.monotonic());
    f.clock.advance(700ms);
  }
  CHECK(admitted.size() >= 13);
  for (std::size_t i = 3; i < admitted.size(); ++i) CHECK(admitted[i] - admitted[i - 3] >= 60s);
  CHECK(f.model.requests.size() == admitted.size());
}

TEST_CASE("a refusal never reaches the model, names its window and carries the seconds left") {
  Fixture f;
  provider::RateLimitedProvider limited(f.model, *f.windows, {f.key(1)});
  REQUIRE(f.ask(limited));
  f.clock.advance(20s);
  Result<provider::Completion> refused = f.ask(limited);
  REQUIRE_FALSE(refused);
  CHECK(refused.error().kind == ErrorKind::limit);
  REQUIRE(refused.error().retry_after);
  CHECK(*refused.error().retry_after > 39s);
  CHECK(*refused.error().retry_after <= 41s);
  CHECK(refused.error().message.find("rate_limit_per_minute of role buyer") != std::string::npos);
  CHECK(f.model.requests.size() == 1);
}

TEST_CASE("refused model calls do not count") {
  Fixture f;
  provider::RateLimitedProvider limited(f.model, *f.windows, {f.key(1)});
  REQUIRE(f.ask(limited));
  for (int i = 0; i < 50; ++i) {
    f.clock.advance(1s);
    CHECK_FALSE(f.ask(limited));
  }
  f.clock.advance(11s);
  CHECK(f.ask(limited));
}

TEST_CASE("malformed and late model calls do not count") {
  Fixture f;
  provider::RateLimitedProvider limited(f.model, *f.windows, {f.key(1)});
  Result<provider::Completion> empty = testing::run_task(limited.complete({{}, {}}, {}, Deadline::in(1min)));
  REQUIRE_FALSE(empty);
  CHECK(empty.error().kind == ErrorKind::invalid);
  Result<provider::Completion> late = f.ask(limited, Deadline::in(-1s));
  REQUIRE_FALSE(late);
  CHECK(late.error().kind == ErrorKind::timeout);
  CHECK(f.model.requests.empty());
  CHECK(f.ask(limited));
}

TEST_CASE("a call refused by one window takes no place in another") {
  Fixture f;
  limits::RateKey total = f.key(2, "rate_limit_per_minute_total of role buyer");
  provider::RateLimitedProvider greedy(f.model, *f.windows, {f.key(1), total});
  provider::RateLimitedProvider other(f.model, *f.windows, {total});
  REQUIRE(f.ask(greedy));
  for (int i = 0; i < 5; ++i) CHECK_FALSE(f.ask(greedy));
  CHECK(f.ask(other));
  CHECK_FALSE(f.ask(other));
}

TEST_CASE("a limit of 0 blocks, no windows let everything through") {
  Fixture f;
  provider::RateLimitedProvider blocked(f.model, *f.windows, {f.key(0)});
  CHECK_FALSE(f.ask(blocked));
  provider::RateLimitedProvider free(f.model, *f.windows, {});
  for (int i = 0; i < 100; ++i) CHECK(f.ask(free));
}

}  // namespace
