#include <doctest/doctest.h>

#include "tool/seat_fixture.h"

namespace {

using namespace usher;
using testing::SeatFixture;

struct Memory : SeatFixture {
  std::unique_ptr<memory::MemoryStores> stores = memory::make_memory_stores(pool.get_executor(), clock);
  Memory() { seat.memory = testing::run_task(loop, stores->open(seat.workspace->memory_db)).value(); }
};

TEST_CASE("facts are stored, recalled by number and forgotten") {
  Memory f;
  CHECK(f.say("memory_recall", "{}") == "Nothing is remembered about this.");
  CHECK(f.say("memory_store", R"({"text":"My cat is called\nMinka"})") == "Remembered as #1.");
  std::string recalled = f.say("memory_recall", R"({"query":"cat"})");
  CHECK(recalled.starts_with("#1 (20"));
  CHECK(recalled.ends_with(") My cat is called Minka"));
  CHECK(f.say("memory_forget", R"({"id":7})") == "not_found: nothing is remembered as #7");
  CHECK(f.say("memory_forget", R"({"id":1})") == "Forgot #1.");
  CHECK(f.say("memory_recall", "{}") == "Nothing is remembered about this.");
}

TEST_CASE("what was told in private is neither recalled nor forgotten in a group") {
  Memory f;
  f.say("memory_store", R"({"text":"my diagnosis is private"})");
  f.seat.audience = memory::Audience::group;
  CHECK(f.say("memory_recall", "{}") == "Nothing is remembered about this.");
  CHECK(f.say("memory_forget", R"({"id":1})").starts_with("not_found: "));
  f.seat.audience = memory::Audience::private_chat;
  CHECK(f.say("memory_recall", "{}").find("diagnosis") != std::string::npos);
}

TEST_CASE("a full memory and an over-long fact are refused with a sentence") {
  Memory f;
  CHECK(f.say("memory_store", json::serialize(json::object{{"text", std::string(2001, 'x')}}))
            .starts_with("invalid: 'text' must"));
  for (int i = 0; i < 1000; ++i) {
    REQUIRE(f.seat.memory->remember(f.seat.sender_digest, f.seat.audience, "fact " + std::to_string(i)));
  }
  CHECK(f.say("memory_store", R"({"text":"one more"})") == "limit: the memory is full: forget something first");
}

TEST_CASE("a seat without a memory says so") {
  SeatFixture f;
  CHECK(f.say("memory_recall", "{}").starts_with("unavailable: "));
}

}  // namespace
