#include <doctest/doctest.h>

#include "provider/chain.h"
#include "support/fakes/fake_provider.h"
#include "support/run_task.h"

namespace {

using namespace usher;
using namespace std::chrono_literals;
using std::chrono::milliseconds;
using testing::FakeProvider;

// Waits are recorded, not waited.
struct Fixture {
  FakeProvider model;
  std::vector<milliseconds> waits;
  bool is_cancelled = false;
  double random = 0.5;
  std::vector<provider::Message> messages{{.author = provider::Author::user, .text = "hi"}};

  Result<provider::Completion> ask(int attempts = 3, Deadline deadline = Deadline::in(1h)) {
    provider::RetryPolicy policy{.max_attempts = attempts,
                                 .random = [this] { return random; },
                                 .wait = [this](milliseconds delay) { return wait(delay); }};
    provider::RetryingProvider retrying(model, policy);
    return testing::run_task(retrying.complete({messages, {}}, {}, deadline));
  }
  Task<bool> wait(milliseconds delay) {
    waits.push_back(delay);
    co_return !is_cancelled;
  }
};

TEST_CASE("busy, unavailable and garbled answers are asked again with doubling pauses") {
  Fixture f;
  f.model.then(fail(ErrorKind::unavailable, "refused"));
  f.model.then(fail(ErrorKind::protocol, "HTML"));
  f.model.then(fail(ErrorKind::busy, "429"));
  Result<provider::Completion> completion = f.ask(4);
  REQUIRE(completion);
  CHECK(completion->text == "done");
  CHECK(f.waits == std::vector<milliseconds>{500ms, 1000ms, 2000ms});
}

TEST_CASE("jitter stays within 20 % and pauses within max_delay") {
  for (double random : {0.0, 0.999}) {
    Fixture f;
    f.random = random;
    f.model.otherwise = fail(ErrorKind::unavailable, "refused");
    CHECK_FALSE(f.ask(12));
    REQUIRE(f.waits.size() == 11);
    CHECK(f.waits[0] >= 400ms);
    CHECK(f.waits[0] <= 600ms);
    CHECK(f.waits.back() >= 16s);
    CHECK(f.waits.back() <= 24s);
  }
}

TEST_CASE("retry_after is honoured, and returned instead when it is too long") {
  Fixture f;
  f.model.then(fail(Error{ErrorKind::busy, "429", 7s}));
  CHECK(f.ask());
  CHECK(f.waits == std::vector<milliseconds>{7s});

  f.model.then(fail(Error{ErrorKind::busy, "429", 21s}));
  Result<provider::Completion> refused = f.ask();
  REQUIRE_FALSE(refused);
  CHECK(refused.error().retry_after == 21s);
  CHECK(f.waits.size() == 1);
}

TEST_CASE("what cannot get better is not repeated") {
  for (ErrorKind kind :
       {ErrorKind::timeout, ErrorKind::invalid, ErrorKind::denied, ErrorKind::limit, ErrorKind::cancelled}) {
    CAPTURE(to_string(kind));
    Fixture f;
    f.model.then(fail(ErrorKind(kind), "no"));
    Result<provider::Completion> failed = f.ask();
    REQUIRE_FALSE(failed);
    CHECK(failed.error().kind == kind);
    CHECK(f.model.requests.size() == 1);
  }
}

TEST_CASE("it gives up after max_attempts, at the deadline and when cancelled") {
  Fixture f;
  f.model.otherwise = fail(ErrorKind::unavailable, "refused");
  CHECK_FALSE(f.ask(3));
  CHECK(f.model.requests.size() == 3);

  f.waits.clear();
  CHECK_FALSE(f.ask(3, Deadline::in(100ms)));
  CHECK(f.waits.empty());

  f.is_cancelled = true;
  Result<provider::Completion> cancelled = f.ask(3);
  REQUIRE_FALSE(cancelled);
  CHECK(cancelled.error().kind == ErrorKind::cancelled);
  CHECK(f.model.requests.size() == 5);
}

TEST_CASE("an attempt that may have cost money is not hidden behind a later one that cannot") {
  Fixture f;
  f.model.then(fail(ErrorKind::protocol, "cut stream"));
  f.model.then(fail(ErrorKind::busy, "429"));
  Result<provider::Completion> failed = f.ask(2);
  REQUIRE_FALSE(failed);
  CHECK(failed.error().kind == ErrorKind::protocol);
}

}  // namespace
