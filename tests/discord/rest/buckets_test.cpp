#include "channels/discord/rest/buckets.h"

#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "channels/discord/rest/ban_guard.h"

using namespace usher::discord;
using namespace std::chrono_literals;

namespace {

const RestTime start = RestTime(1000h);
const std::string one = bucket_route("POST", "/channels/1/messages");
const std::string two = bucket_route("POST", "/channels/2/messages");

RateLimits told(int limit, int remaining, std::chrono::milliseconds reset, std::string bucket = "abc") {
  return {std::move(bucket), limit, remaining, reset};
}

// How many calls may go at `now`, and their places.
std::vector<Buckets::Place> enter_all(Buckets& buckets, const std::string& route, RestTime now) {
  std::vector<Buckets::Place> places;
  while (places.size() < 100 && buckets.may_go(route, false, now) <= now) {
    places.push_back(buckets.enter(route, false, now));
  }
  return places;
}

void call_once(Buckets& buckets, const std::string& route, const RateLimits& limits, RestTime now) {
  const Buckets::Place place = buckets.enter(route, false, now);
  buckets.leave(place, route, limits, now);
}

}  // namespace

TEST_CASE("until a bucket is known its calls go one at a time") {
  Buckets buckets;
  const Buckets::Place first = buckets.enter(one, false, start);
  CHECK(buckets.may_go(one, false, start) == RestTime::max());
  CHECK(buckets.may_go(two, false, start) <= start);
  SUBCASE("and then as many as it has left") {
    buckets.leave(first, one, told(5, 4, 2s), start);
    CHECK(enter_all(buckets, one, start).size() == 4);
  }
  SUBCASE("also when the first brought no answer") {
    buckets.give_back(first);
    CHECK(enter_all(buckets, one, start).size() == 1);
  }
}

TEST_CASE("an empty bucket waits for its reset, and is full again then") {
  Buckets buckets;
  call_once(buckets, one, told(3, 0, 1500ms), start);
  CHECK(buckets.may_go(one, false, start) == start + 1500ms);
  CHECK(buckets.may_go(one, false, start + 1499ms) > start + 1499ms);
  CHECK(enter_all(buckets, one, start + 1500ms).size() == 3);
}

TEST_CASE("calls under way never exceed what remains, in whatever order their answers come") {
  Buckets buckets;
  call_once(buckets, one, told(5, 4, 5s), start);
  const std::vector<Buckets::Place> places = enter_all(buckets, one, start);
  REQUIRE(places.size() == 4);
  buckets.leave(places[3], one, told(5, 0, 4800ms), start + 200ms);  // the last overtakes the others
  buckets.leave(places[0], one, told(5, 3, 4900ms), start + 210ms);
  CHECK(enter_all(buckets, one, start + 220ms).empty());
  // The two whose answers are still out take their share of the next window.
  CHECK(enter_all(buckets, one, start + 5200ms).size() == 3);
}

TEST_CASE("an answer of the next window is believed although the last one seemed to run") {
  Buckets buckets;
  call_once(buckets, one, told(5, 0, 1s), start);
  const Buckets::Place place = buckets.enter(one, false, start + 999ms);
  buckets.leave(place, one, told(5, 4, 1900ms), start + 999ms);
  CHECK(enter_all(buckets, one, start + 999ms).size() == 4);
}

TEST_CASE("routes of one bucket share it, but never across channels") {
  Buckets buckets;
  const std::string other = bucket_route("DELETE", "/channels/1/messages/:message");
  call_once(buckets, one, told(5, 1, 2s), start);
  call_once(buckets, other, told(5, 1, 2s), start);
  call_once(buckets, two, told(5, 1, 2s), start);
  REQUIRE(enter_all(buckets, one, start).size() == 1);
  CHECK(buckets.may_go(other, false, start) > start);
  CHECK(buckets.may_go(two, false, start) <= start);
}

TEST_CASE("a 429 stops its bucket, a global one everything but interactions") {
  Buckets buckets;
  call_once(buckets, one, told(5, 4, 1s), start);
  SUBCASE("user and shared") {
    buckets.pause(one, {TooMany::Scope::shared, 3s}, start);
    CHECK(buckets.may_go(one, true, start) == start + 3s);
    CHECK(buckets.may_go(two, true, start) <= start);
  }
  SUBCASE("global") {
    buckets.pause(one, {TooMany::Scope::global, 3s}, start);
    CHECK(buckets.may_go(two, true, start) == start + 3s);
    CHECK(buckets.may_go(two, false, start) <= start);
    CHECK(buckets.may_go(two, true, start + 3s) <= start + 3s);
  }
}

TEST_CASE("fifty calls a second leave, and the next waits until the first is a second old") {
  Buckets buckets;
  for (int i = 0; i < 50; ++i) {
    const std::string route = bucket_route("GET", "/channels/" + std::to_string(i));
    REQUIRE(buckets.may_go(route, true, start + i * 1ms) <= start + i * 1ms);
    (void)buckets.enter(route, true, start + i * 1ms);
  }
  CHECK(buckets.may_go(one, true, start + 60ms) == start + 1s);
  CHECK(buckets.may_go(one, false, start + 60ms) <= start + 60ms);
}

TEST_CASE("a bucket that is called something else each time is not remembered by all its names") {
  Buckets buckets;
  for (int i = 0; i < 20'000; ++i) {
    const Buckets::Place place = buckets.enter(one, false, start);
    buckets.leave(place, one, RateLimits{"b" + std::to_string(i), 5, 4, 1h}, start);
  }
  CHECK(buckets.size() == 1);
  CHECK(buckets.names() <= 8192);
}

TEST_CASE("what is known of routes is bounded, and a call under way survives being forgotten") {
  Buckets buckets;
  const Buckets::Place first = buckets.enter(one, false, start);
  for (int i = 0; i < 20'000; ++i) {
    const std::string route = bucket_route("GET", "/channels/" + std::to_string(i));
    const Buckets::Place place = buckets.enter(route, false, start);
    buckets.leave(place, route, told(5, 4, 1h), start);
    REQUIRE(buckets.size() <= 4096);
  }
  CHECK(buckets.may_go(one, false, start) == RestTime::max());
  buckets.leave(first, one, told(5, 4, 2s), start);
  CHECK(enter_all(buckets, one, start).size() == 4);
}

TEST_CASE("refusals are counted over ten minutes, and stop everything before Discord would ban") {
  BanGuard guard;
  int lines = 0;
  for (int i = 0; i < 8'999; ++i) lines += guard.note(start + i * 10ms) ? 1 : 0;
  CHECK(lines == 1);
  CHECK(guard.wait(start + 90s) == 0ms);
  CHECK(guard.note(start + 90s));
  CHECK(guard.count(start + 90s) == 9'000);
  const std::chrono::milliseconds wait = guard.wait(start + 90s);
  CHECK(wait > 500s);
  CHECK(wait <= 610s);
  CHECK(guard.wait(start + 90s + wait) == 0ms);
  CHECK(guard.wait(start + 90s + wait - 1ms) > 0ms);
  CHECK(guard.count(start + 800s) == 0);
}
