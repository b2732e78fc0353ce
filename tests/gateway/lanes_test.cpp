#include "gateway/lanes.h"

#include <doctest/doctest.h>
#include <rapidcheck.h>

#include <map>
#include <string>
#include <vector>

using usher::gateway::Lanes;

TEST_CASE("a conversation's messages run one at a time and in order") {
  Lanes<int> lanes(10);
  lanes.push("a", 1);
  lanes.push("a", 2);
  auto first = lanes.next();
  REQUIRE(first);
  CHECK(first->second == 1);
  CHECK_FALSE(lanes.next());
  lanes.finish("a");
  auto second = lanes.next();
  REQUIRE(second);
  CHECK(second->second == 2);
}

TEST_CASE("what is put in front of a conversation runs before what waits in it, and after what runs") {
  Lanes<int> lanes(10);
  lanes.push("a", 1);
  lanes.push("a", 3);
  REQUIRE(lanes.next());
  lanes.push_front("a", 2);
  CHECK(lanes.waiting() == 2);
  CHECK_FALSE(lanes.next());
  for (int expected : {2, 3}) {
    lanes.finish("a");
    const auto next = lanes.next();
    REQUIRE(next);
    CHECK(next->second == expected);
  }
}

TEST_CASE("a conversation with many messages does not hold back the others") {
  Lanes<int> lanes(1);
  for (int i = 0; i < 100; ++i) lanes.push("busy", i);
  lanes.push("other", 1000);
  auto first = lanes.next();
  lanes.finish(first->first);
  auto second = lanes.next();
  REQUIRE(second);
  CHECK(second->first == "other");
}

TEST_CASE("never more than max_running turns at once") {
  Lanes<int> lanes(3);
  for (int i = 0; i < 10; ++i) lanes.push(std::to_string(i), i);
  int started = 0;
  while (lanes.next()) ++started;
  CHECK(started == 3);
  CHECK(lanes.waiting() == 7);
}

TEST_CASE("any interleaving of pushes, starts and ends keeps each lane's order and loses nothing") {
  rc::check([](const std::vector<std::uint8_t>& steps) {
    Lanes<int> lanes(2);
    std::map<std::string, std::vector<int>> pushed, ran;
    std::vector<std::string> busy;
    int number = 0;
    const auto end_one = [&] {
      lanes.finish(busy.front());
      busy.erase(busy.begin());
    };
    const auto start_one = [&] {
      auto next = lanes.next();
      if (!next) return false;
      for (const std::string& lane : busy) RC_ASSERT(lane != next->first);
      ran[next->first].push_back(next->second);
      busy.push_back(next->first);
      return true;
    };
    for (std::uint8_t step : steps) {
      const std::string lane(1, static_cast<char>('a' + step % 3));
      if (step < 128) {
        pushed[lane].push_back(number);
        lanes.push(lane, number++);
      } else if (step < 192) {
        start_one();
      } else if (!busy.empty()) {
        end_one();
      }
    }
    while (!busy.empty() || lanes.waiting() > 0) {
      if (!start_one()) end_one();
    }
    RC_ASSERT(ran == pushed);
  });
}
