// A shard against a gateway over loopback sockets.
#include "channels/discord/shards/shard.h"

#include "discord/shards/shard_fixture.h"

namespace usher::discord {
namespace {

using Texts = std::vector<std::string>;

constexpr const char* kTarget = "/?v=10&encoding=json&compress=zlib-stream";

TEST_CASE("events are handed on in order, from a compressed stream and from a plain one") {
  for (const bool compresses : {true, false}) {
    ShardFixture f;
    f.gateway.compresses = compresses;
    f.start_live();
    Texts expected;
    for (int i = 0; i < 50; ++i) {
      f.gateway.message(std::to_string(i));
      f.gateway.event("GUILD_CREATE", R"({"id":"1"})");
      expected.push_back(std::to_string(i));
    }
    CHECK(f.run_until([&] { return f.texts.size() == 50; }));
    CHECK(f.texts == expected);
    CHECK(f.offers == 51);
    CHECK(f.gateway.last().peer->target() == kTarget);
    CHECK(f.shard->kept()->session_id == "s1");
    CHECK(f.shard->health() == "");
  }
}

TEST_CASE("heartbeats go on while the sink takes its time") {
  ShardFixture f;
  f.gateway.interval = 200ms;
  f.start_live();
  f.is_blocked = true;
  f.gateway.message("slow");
  const int before = f.gateway.count(kHeartbeat);
  CHECK(f.run_until([&] { return f.gateway.count(kHeartbeat) >= before + 3; }));
  CHECK(f.texts.empty());
  f.is_blocked = false;
  CHECK(f.run_until([&] { return f.texts == Texts{"slow"}; }));
  CHECK(f.gateway.connections.size() == 1);
}

TEST_CASE("an event that the sink does not take is offered again, and neither it nor a later one moves the place") {
  ShardFixture f;
  f.start_live();
  REQUIRE(f.run_until([&] { return f.starts == 1; }));
  f.refusal = Error{ErrorKind::limit, "the inbox is full", std::nullopt};
  f.gateway.message("one");
  f.gateway.message("two");
  REQUIRE(f.run_until([&] { return f.offers >= 5; }));
  CHECK(f.shard->kept()->seq == 1);
  CHECK(f.moves == 0);
  CHECK(f.shard->health().find("the inbox is full") != std::string::npos);
  f.refusal.reset();
  CHECK(f.run_until([&] { return f.texts == Texts{"one", "two"}; }));
  CHECK(f.run_until([&] { return f.shard->kept()->seq == 3; }));
  CHECK(f.shard->health() == "");
}

TEST_CASE("an event that is no JSON is passed over, and those behind it are not") {
  ShardFixture f;
  f.start_live();
  f.gateway.event("MESSAGE_CREATE", "{ nonsense");
  f.gateway.message("sense");
  CHECK(f.run_until([&] { return f.texts == Texts{"sense"}; }));
  CHECK(f.gateway.connections.size() == 1);
}

TEST_CASE("a zombie is left, resumably, and its session goes on elsewhere") {
  ShardFixture f;
  f.gateway.interval = 30ms;
  f.gateway.acknowledges = false;
  f.start();
  REQUIRE(f.run_until([&] { return f.gateway.connections.size() == 2; }));
  REQUIRE(f.run_until([&] { return f.gateway.connections[0].is_closed; }));
  CHECK(f.gateway.connections[0].closed_with == kLeaveResumable);
  CHECK(f.gateway.connections[1].peer->target() == kTarget);
  f.gateway.acknowledges = true;
  CHECK(f.run_until([&] { return f.gateway.count(kResume) >= 1; }));
  CHECK(f.gateway.count(kIdentify) == 1);
}

TEST_CASE("a socket that is cut is followed by another, on which what was missed comes before the rest") {
  ShardFixture f;
  f.start_live();
  f.gateway.message("before");
  REQUIRE(f.run_until([&] { return f.texts.size() == 1; }));
  f.gateway.replays = {R"({"content":"missed"})"};
  f.gateway.last().peer->cut();
  REQUIRE(f.run_until([&] { return f.types.back() == "RESUMED"; }));
  CHECK(f.gateway.connections[1].received[0].at("d").at("seq") == 2);
  f.gateway.message("after");
  CHECK(f.run_until([&] { return f.texts == Texts{"before", "missed", "after"}; }));
  CHECK(f.gateway.count(kIdentify) == 1);
  CHECK(f.shard->health() == "");
}

TEST_CASE("a session that has timed out is begun anew, a refused token ends the shard and says what to do") {
  ShardFixture f;
  f.start_live();
  f.gateway.last().peer->close(4009);
  REQUIRE(f.run_until([&] { return f.gateway.count(kIdentify) == 2; }));
  REQUIRE(f.run_until([&] { return f.types.size() == 2; }));
  f.gateway.last().peer->close(4004);
  REQUIRE(f.run_until([&] { return f.is_given_up; }));
  CHECK(f.shard->health().find("token") != std::string::npos);
  CHECK(f.is_running);
  CHECK(f.gateway.connections.size() == 2);
  CHECK(f.stop());
}

// Takes nothing that is written to it, and says a little later why.
class ClosedSocket final : public net::WebSocket {
 public:
  Task<Result<net::WebSocketMessage>> receive(Deadline) override {
    if (!std::exchange(is_greeted_, true))
      co_return net::WebSocketMessage{true, R"({"op":10,"d":{"heartbeat_interval":1000}})"};
    co_await sleep_for(20ms);
    close_ = net::WebSocketClose{4014, ""};
    co_return fail(ErrorKind::unavailable, "closed");
  }
  Task<Result<void>> send_text(std::string, Deadline) override { co_return fail(ErrorKind::unavailable, "EPIPE"); }
  Task<void> close(std::uint16_t, Deadline) override { co_return; }
  const std::optional<net::WebSocketClose>& closed_by_peer() const override { return close_; }

 private:
  bool is_greeted_ = false;
  std::optional<net::WebSocketClose> close_;
};

struct ClosedSockets final : net::WebSocketConnector {
  Task<Result<std::unique_ptr<net::WebSocket>>> connect(std::string, std::vector<net::Header>, Deadline) override {
    co_return std::make_unique<ClosedSocket>();
  }
};

TEST_CASE("a fatal code is heard although a write fails first") {
  ShardFixture f({}, {}, std::make_unique<ClosedSockets>());
  f.start();
  CHECK(f.run_until([&] { return f.is_given_up; }));
  CHECK(f.shard->health().find("MESSAGE CONTENT INTENT") != std::string::npos);
}

TEST_CASE("where the resume address is dead, a new session begins at the main one") {
  ShardFixture f;
  f.gateway.resume_url = "ws://127.0.0.1:1";
  f.start_live();
  f.gateway.last().peer->cut();
  CHECK(f.run_until([&] { return f.gateway.count(kIdentify) == 2; }));
  CHECK(f.gateway.count(kResume) == 0);
}

TEST_CASE("a gateway that greets nobody, refuses the upgrade or sends garbage is tried again") {
  ShardFixture silent({}, [](SessionOptions& o) { o.hello_timeout = 20ms; });
  silent.gateway.greets = false;
  silent.start();
  CHECK(silent.run_until([&] { return silent.gateway.connections.size() == 3; }));
  CHECK(silent.shard->health().find("said nothing") != std::string::npos);
  silent.gateway.greets = true;
  CHECK(silent.run_until([&] { return silent.shard->health().empty(); }));

  ShardFixture refused;
  refused.gateway.admits = false;
  refused.start();
  CHECK(refused.run_until([&] { return refused.shard->health().find("503") != std::string::npos; }));
  refused.gateway.admits = true;
  CHECK(refused.run_until([&] { return refused.shard->health().empty(); }));

  ShardFixture garbage;
  garbage.start_live();
  garbage.gateway.last().peer->send_binary("this is no zlib");
  CHECK(garbage.run_until([&] { return garbage.gateway.count(kResume) == 1; }));
  REQUIRE(garbage.run_until([&] { return garbage.types.back() == "RESUMED"; }));
  garbage.gateway.say(garbage.gateway.last(), "[]");
  CHECK(garbage.run_until([&] { return garbage.gateway.count(kResume) == 2; }));
}

TEST_CASE("stop closes so that the next process resumes where this one has committed, and loses nothing") {
  std::optional<Place> kept;
  {
    ShardFixture f;
    f.start_live();
    f.gateway.message("taken");
    REQUIRE(f.run_until([&] { return f.shard->kept() && f.shard->kept()->seq == 2; }));
    f.refusal = Error{ErrorKind::io, "disk full", std::nullopt};
    f.gateway.message("not taken");
    REQUIRE(f.run_until([&] { return f.offers >= 3; }));
    CHECK(f.stop());
    CHECK(f.run_error == nullptr);
    REQUIRE(f.run_until([&] { return f.gateway.last().is_closed; }));
    CHECK(f.gateway.last().closed_with == kLeaveResumable);
    kept = f.shard->kept();
  }
  REQUIRE(kept.has_value());
  CHECK(kept->seq == 2);
  ShardFixture next;
  next.gateway.replays = {R"({"content":"not taken"})"};
  kept->resume_url = next.gateway.server.url();
  next.shard.emplace(next.loop.get_executor(), "shop", *next.connector, next.limit,
                     SessionOptions{.gateway_url = next.gateway.server.url(), .random = [] { return 0.5; }}, kept,
                     ShardCallbacks{[](std::string_view) { return true; },
                                    [&](std::string_view type, const json::value& data) {
                                      return ShardFixture::take(&next, std::string(type), data);
                                    },
                                    [](bool) {}, [] {}});
  next.start();
  CHECK(next.run_until([&] { return next.texts == Texts{"not taken"}; }));
  CHECK(next.gateway.count(kIdentify) == 0);
}

TEST_CASE("the event in hand is finished before run ends, and a sink that hangs is not waited for for ever") {
  ShardFixture f;
  f.start_live();
  f.is_blocked = true;
  f.gateway.message("in hand");
  REQUIRE(f.run_until([&] { return f.offers == 2; }));
  f.shard->stop();
  CHECK_FALSE(f.run_until([&] { return !f.is_running; }, 100ms));
  f.is_blocked = false;
  CHECK(f.run_until([&] { return !f.is_running; }));
  CHECK(f.texts == Texts{"in hand"});
  CHECK(f.shard->kept()->seq == 2);
}

TEST_CASE("an event that is refused when stop has been said is not offered again") {
  ShardFixture f({}, [](SessionOptions& o) { o.first_backoff = o.max_backoff = 4s; });
  f.start_live();
  f.is_blocked = true;
  f.refusal = Error{ErrorKind::io, "disk full", std::nullopt};
  f.gateway.message("in hand");
  REQUIRE(f.run_until([&] { return f.offers == 2; }));
  f.shard->stop();
  f.is_blocked = false;
  CHECK(f.run_until([&] { return !f.is_running; }, 1s));
  CHECK(f.offers == 2);
}

TEST_CASE("stop ends a shard that waits for an address which does not answer") {
  ShardFixture f({}, [](SessionOptions& o) { o.first_backoff = o.max_backoff = 60s; });
  f.gateway.admits = false;
  f.start();
  REQUIRE(f.run_until([&] { return !f.shard->health().empty(); }));
  CHECK(f.stop());
  CHECK(f.run_error == nullptr);
}

}  // namespace
}  // namespace usher::discord
