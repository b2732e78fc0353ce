#include <doctest/doctest.h>

#include "provider/chain.h"
#include "support/fakes/fake_provider.h"
#include "support/run_task.h"

namespace {

using namespace usher;
using namespace std::chrono_literals;
using testing::FakeProvider;

struct Fixture {
  FakeProvider first, second;
  std::vector<provider::Message> messages{{.author = provider::Author::user, .text = "hi"}};

  Result<provider::Completion> ask(Deadline deadline = Deadline::in(1min)) {
    provider::FallbackProvider fallback({&first, &second});
    return testing::run_task(fallback.complete({messages, {}}, {}, deadline));
  }
};

TEST_CASE("the next model is asked while the one before is not there") {
  for (ErrorKind kind : {ErrorKind::busy, ErrorKind::unavailable, ErrorKind::protocol, ErrorKind::timeout}) {
    CAPTURE(to_string(kind));
    Fixture f;
    f.first.then(fail(ErrorKind(kind), "no"));
    f.second.then(FakeProvider::text("from the second"));
    Result<provider::Completion> completion = f.ask();
    REQUIRE(completion);
    CHECK(completion->text == "from the second");
  }
}

TEST_CASE("an answer or a refusal of the first model is final") {
  Fixture f;
  CHECK(f.ask());
  for (ErrorKind kind : {ErrorKind::invalid, ErrorKind::denied, ErrorKind::limit, ErrorKind::cancelled}) {
    f.first.then(fail(ErrorKind(kind), "no"));
    Result<provider::Completion> failed = f.ask();
    REQUIRE_FALSE(failed);
    CHECK(failed.error().kind == kind);
  }
  CHECK(f.second.requests.empty());
}

TEST_CASE("no further model is asked after the deadline") {
  Fixture f;
  f.first.then(fail(ErrorKind::timeout, "too late"));
  CHECK_FALSE(f.ask(Deadline::in(-1s)));
  CHECK(f.second.requests.empty());
}

TEST_CASE("when all fail, the failure that may have cost money is told") {
  Fixture f;
  f.first.then(fail(ErrorKind::timeout, "too late"));
  f.second.then(fail(ErrorKind::unavailable, "refused"));
  Result<provider::Completion> failed = f.ask();
  REQUIRE_FALSE(failed);
  CHECK(failed.error().kind == ErrorKind::timeout);

  f.first.then(fail(ErrorKind::unavailable, "refused"));
  f.second.then(fail(Error{ErrorKind::busy, "429", 3s}));
  failed = f.ask();
  REQUIRE_FALSE(failed);
  CHECK(failed.error().kind == ErrorKind::busy);
  CHECK(failed.error().retry_after == 3s);
}

TEST_CASE("no models at all is an error, not a hang") {
  provider::FallbackProvider none({});
  Result<provider::Completion> failed = testing::run_task(none.complete({{}, {}}, {}, Deadline::in(1min)));
  REQUIRE_FALSE(failed);
  CHECK(failed.error().kind == ErrorKind::internal);
}

}  // namespace
