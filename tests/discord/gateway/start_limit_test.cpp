// How often sessions may begin.
#include "channels/discord/gateway/start_limit.h"

#include "discord/gateway/session_fixture.h"

namespace usher::discord {
namespace {

const Time kNow{std::chrono::hours(1)};

TEST_CASE("what GET /gateway/bot answers is read within bounds") {
  const json::value answer = json::parse(
      R"({"url":"wss://gateway.example","shards":9,
          "session_start_limit":{"total":1000,"remaining":999,"reset_after":14400000,"max_concurrency":16}})");
  const Result<GatewayInfo> info = decode_gateway(answer, false);
  REQUIRE(info.has_value());
  CHECK(info->url == "wss://gateway.example");
  CHECK(info->shards == 9);
  CHECK(info->remaining == 999);
  CHECK(info->reset_after == 4h);
  CHECK(info->max_concurrency == 16);
  const json::value wild = json::parse(
      R"({"url":"wss://g","shards":-4,"session_start_limit":{"remaining":1e9,"reset_after":-1,"max_concurrency":0}})");
  CHECK(decode_gateway(wild, false)->shards == 1);
  CHECK(decode_gateway(wild, false)->max_concurrency == 1);
  CHECK_FALSE(decode_gateway(json::parse(R"({"url":"ws://g"})"), false).has_value());
  CHECK(decode_gateway(json::parse(R"({"url":"ws://g"})"), true).has_value());
  CHECK_FALSE(decode_gateway(json::value(), true).has_value());
}

TEST_CASE("a session is resumed with the service that it was begun with, and the token told to nobody else") {
  const char* main = "wss://gateway.discord.gg";
  CHECK(is_same_service("wss://gateway-us-east1-b.discord.gg:443/?x", main));
  CHECK(is_same_service("ws://127.0.0.1:81/", "ws://127.0.0.1:80"));
  for (const char* other :
       {"wss://discord.gg.example", "wss://gateway.evildiscord.gg", "wss://gg", "wss://127.0.0.1", ""}) {
    CHECK_FALSE(is_same_service(other, main));
  }
  CHECK_FALSE(is_same_service("ws://10.0.0.1", "ws://127.0.0.1"));
  CHECK_FALSE(is_same_service("ws://[::2]:80", "ws://[::1]:80"));

  SessionFixture begun;
  begun.open();
  begun.hello();
  begun.ready(1, "s1", "wss://gateway.elsewhere");
  begun.event(2);
  begun.session->committed(begun.session->mark());
  CHECK(begun.session->kept()->resume_url == "wss://gateway.example");
  const SessionFixture bookmarked(Place{"s", "wss://10.0.0.1", 3});
  CHECK(bookmarked.session->plan().url == std::string("wss://gateway.example") + kQuery);
}

TEST_CASE("every address gets the same query, behind some path") {
  CHECK(with_query("wss://a.example") == std::string("wss://a.example") + kQuery);
  CHECK(with_query("wss://a.example/") == std::string("wss://a.example") + kQuery);
  CHECK(with_query("ws://[::1]:80/gw") == "ws://[::1]:80/gw?v=10&encoding=json&compress=zlib-stream");
}

TEST_CASE("identifies of one bucket are five seconds apart, those of different ones are not") {
  StartLimit limit({.max_concurrency = 2}, kNow);
  CHECK(limit.reserve(0, kNow) == kNow);
  CHECK(limit.reserve(1, kNow) == kNow);
  CHECK(limit.reserve(2, kNow) == kNow + 5s);
  CHECK(limit.reserve(3, kNow) == kNow + 5s);
  CHECK(limit.reserve(4, kNow + 3s) == kNow + 10s);
  CHECK(limit.reserve(1, kNow + 60s) == kNow + 60s);
}

TEST_CASE("when the day's identifies are used up nobody identifies before they are given out anew") {
  StartLimit limit({.total = 3, .remaining = 2, .reset_after = 2h}, kNow);
  CHECK(limit.blocked_until(kNow) <= kNow);
  limit.reserve(0, kNow);
  limit.reserve(0, kNow);
  CHECK(limit.blocked_until(kNow) == kNow + 2h);
  CHECK(limit.reserve(0, kNow) == kNow + 2h);
  CHECK(limit.reserve(0, kNow + 1h) == kNow + 2h);
  CHECK(limit.reserve(0, kNow + 2h) == kNow + 2h);
}

TEST_CASE("a session waits for its turn on an open connection, beating") {
  SessionFixture f;
  f.limit.reserve(1, f.now);
  f.open();
  CHECK(f.hello(6'000).send.empty());
  f.wake();
  CHECK(f.last_op() == kHeartbeat);
  f.acknowledge();
  f.wake();
  CHECK(f.last_op() == kIdentify);
}

TEST_CASE("a session that may not begin today says so, and does not even connect") {
  SessionFixture f(std::nullopt, {.remaining = 0, .reset_after = 90min});
  CHECK(f.wait() == 90min);
  CHECK(f.session->trouble().find("90 min") != std::string::npos);
  SessionFixture resumed(Place{"s", "wss://resume.gateway.example", 3}, {.remaining = 0, .reset_after = 90min});
  CHECK(resumed.wait() == 0ms);  // resuming costs none
}

TEST_CASE("a turn that is hours away is not waited for on a connection") {
  SessionFixture f(std::nullopt, {.remaining = 1, .reset_after = 5h});
  f.open();
  f.limit.reserve(0, f.now);
  CHECK(f.hello().close.has_value());
  CHECK(f.wait() == 5h);
}

}  // namespace
}  // namespace usher::discord
