// A shard with more events than anybody takes, or wants.
#include <malloc.h>

#include "channels/discord/shards/shard.h"
#include "discord/shards/shard_fixture.h"

namespace usher::discord {
namespace {

TEST_CASE("a sink that stands still stops the reading, and no event is lost") {
  ShardFixture f;
  f.gateway.compresses = false;
  f.start_live();
  f.is_blocked = true;
  const std::string padding(20'000, 'x');
  for (int i = 0; i < 600; ++i) f.gateway.message(std::to_string(i) + padding);
  CHECK(f.run_until([&] { return f.shard->waiting() > 200; }));
  f.run_until([] { return false; }, 30ms);
  CHECK(f.shard->waiting() < 220);  // 4 MiB
  f.is_blocked = false;
  REQUIRE(f.run_until([&] { return f.texts.size() == 600; }, 60s));
  for (int i = 0; i < 600; ++i) CHECK(f.texts[static_cast<std::size_t>(i)] == std::to_string(i) + padding);
  CHECK(f.gateway.connections.size() == 1);
  CHECK(f.run_until([&] { return f.shard->kept()->seq == 601; }));
}

// Says what fills the backlog, and then nothing that anybody could read.
class StuffedSocket final : public net::WebSocket {
 public:
  explicit StuffedSocket(int& heartbeats) : heartbeats_(heartbeats) {}
  Task<Result<net::WebSocketMessage>> receive(Deadline) override {
    const std::string stuffing(Backlog::kMaxBytes, 'x');
    const std::string said[] = {R"({"op":10,"d":{"heartbeat_interval":100}})",
                                R"({"t":"READY","s":1,"op":0,"d":{"session_id":"s","user":{"id":"7"},)"
                                R"("application":{"id":"8"}}})",
                                R"({"t":"MESSAGE_CREATE","s":2,"op":0,"d":{"content":")" + stuffing + R"("}})"};
    if (next_ == 3) co_await sleep_for(1h);
    co_return net::WebSocketMessage{true, said[next_++]};
  }
  Task<Result<void>> send_text(std::string text, Deadline) override {
    if (text.starts_with(R"({"op":1,)")) ++heartbeats_;
    co_return Result<void>{};
  }
  Task<void> close(std::uint16_t, Deadline) override { co_return; }
  const std::optional<net::WebSocketClose>& closed_by_peer() const override { return close_; }

 private:
  int& heartbeats_;
  int next_ = 0;
  std::optional<net::WebSocketClose> close_;
};

struct StuffedSockets final : net::WebSocketConnector {
  Task<Result<std::unique_ptr<net::WebSocket>>> connect(std::string, std::vector<net::Header>, Deadline) override {
    ++connections;
    co_return std::make_unique<StuffedSocket>(heartbeats);
  }
  int connections = 0, heartbeats = 0;
};

TEST_CASE("while nothing is read for want of room, heartbeats go on and nobody calls Discord silent") {
  auto sockets = std::make_unique<StuffedSockets>();
  const StuffedSockets& seen = *sockets;
  ShardFixture f({}, {}, std::move(sockets));
  f.is_blocked = true;
  f.start();
  CHECK(f.run_until([&] { return seen.heartbeats >= 5; }));
  CHECK(seen.connections == 1);
  CHECK(f.shard->health() == "");
}

TEST_CASE("events that nobody wants move the place, and start nothing") {
  ShardFixture f;
  f.start_live();
  for (int i = 0; i < 1'000; ++i) f.gateway.event("GUILD_CREATE", R"({"id":"1"})");
  REQUIRE(f.run_until([&] { return f.shard->kept() && f.shard->kept()->seq == 1'001; }));
  CHECK(f.starts == 1);
  CHECK(f.moves > 0);
  CHECK(f.offers == 1);
}

TEST_CASE("a thousand guilds pass by without leaving anything in memory") {
  ShardFixture f;
  f.start_live();
  const std::string guild = R"({"id":"1","members":[)" + std::string(200'000, ' ') + "]}";
  const auto pass_by = [&](std::int64_t guilds) {
    const std::int64_t last = f.gateway.last().seq + guilds;
    while (f.gateway.last().seq < last) {
      f.gateway.event("GUILD_CREATE", guild);
      f.loop.poll();
    }
    f.gateway.message("behind them");
    const std::size_t before = f.texts.size();
    REQUIRE(f.run_until([&] { return f.texts.size() == before + 1; }));
  };
  pass_by(10);
  const std::size_t before = mallinfo2().uordblks;
  pass_by(1'000);
  CHECK(mallinfo2().uordblks < before + (1u << 20));
  CHECK(f.shard->waiting() == 0);
}

}  // namespace
}  // namespace usher::discord
