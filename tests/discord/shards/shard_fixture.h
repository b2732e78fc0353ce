// A shard and a gateway of a few lines, both on one event loop.
#pragma once

#include <doctest/doctest.h>
#include <zlib.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "channels/discord/shards/shard.h"
#include "support/http/websocket_server.h"

namespace usher::discord {

using namespace std::chrono_literals;
using testing::WebSocketServer;

// zlib-stream as Discord writes it.
class Deflater {
 public:
  Deflater() { deflateInit(&stream_, Z_BEST_SPEED); }
  Deflater(const Deflater&) = delete;
  Deflater& operator=(const Deflater&) = delete;
  ~Deflater() { deflateEnd(&stream_); }

  std::string flush(const std::string& text) {
    std::string bytes(text.size() + 256, '\0');
    stream_.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
    stream_.avail_in = static_cast<uInt>(text.size());
    stream_.next_out = reinterpret_cast<Bytef*>(bytes.data());
    stream_.avail_out = static_cast<uInt>(bytes.size());
    deflate(&stream_, Z_SYNC_FLUSH);
    bytes.resize(bytes.size() - stream_.avail_out);
    return bytes;
  }

 private:
  z_stream stream_{};
};

// Answers HELLO, READY, RESUMED and acknowledgements unless told otherwise, and remembers what it got.
struct FakeGateway {
  struct Connection {
    WebSocketServer::PeerPtr peer;
    std::vector<json::value> received;
    std::optional<std::uint16_t> closed_with;
    bool is_closed = false;
    std::int64_t seq = 0;
    std::unique_ptr<Deflater> deflater = std::make_unique<Deflater>();
  };

  explicit FakeGateway(asio::io_context& loop)
      : server(loop.get_executor(),
               {.admit = [this](const WebSocketServer::Peer&) { return admits; },
                .on_open = [this](WebSocketServer::PeerPtr peer) { opened(std::move(peer)); },
                .on_message = [this](WebSocketServer::PeerPtr peer, std::string text) { received(peer, text); },
                .on_close =
                    [this](WebSocketServer::PeerPtr peer, std::optional<std::uint16_t> code) {
                      of(peer).closed_with = code;
                      of(peer).is_closed = true;
                    }}) {}

  Connection& of(const WebSocketServer::PeerPtr& peer) {
    for (Connection& connection : connections) {
      if (connection.peer == peer) return connection;
    }
    connections.push_back({.peer = peer});
    return connections.back();
  }
  Connection& last() { return connections.back(); }

  void opened(WebSocketServer::PeerPtr peer) {
    Connection& connection = of(peer);
    if (!greets) return;
    say(connection,
        R"({"t":null,"s":null,"op":10,"d":{"heartbeat_interval":)" + std::to_string(interval.count()) + "}}");
  }
  void received(const WebSocketServer::PeerPtr& peer, const std::string& text) {
    Connection& from = of(peer);
    from.received.push_back(parse_json(text).value());
    const std::int64_t op = from.received.back().at("op").as_int64();
    if (op == kHeartbeat && acknowledges) say(from, R"({"op":11})");
    if (op == kIdentify && answers) {
      event(from, "READY",
            R"({"session_id":"s)" + std::to_string(++sessions) + R"(","resume_gateway_url":")" +
                (resume_url.empty() ? server.url() : resume_url) +
                R"(","user":{"id":"77"},"application":{"id":"78"}})");
    }
    if (op == kResume && answers) {
      from.seq = from.received.back().at("d").at("seq").as_int64();
      for (const std::string& missed : replays) event(from, "MESSAGE_CREATE", missed);
      event(from, "RESUMED", "{}");
    }
  }
  void say(Connection& to, const std::string& text) {
    if (compresses) return to.peer->send_binary(to.deflater->flush(text));
    to.peer->send_text(text);
  }
  void event(Connection& to, const std::string& type, const std::string& data) {
    say(to, R"({"t":")" + type + R"(","s":)" + std::to_string(++to.seq) + R"(,"op":0,"d":)" + data + "}");
  }
  // To the last connection.
  void event(const std::string& type, const std::string& data) { event(last(), type, data); }
  void message(const std::string& text) { event("MESSAGE_CREATE", R"({"content":")" + text + R"("})"); }
  int count(Op op) const {
    int n = 0;
    for (const Connection& connection : connections) {
      for (const json::value& message : connection.received) n += message.at("op") == static_cast<int>(op) ? 1 : 0;
    }
    return n;
  }

  WebSocketServer server;
  std::deque<Connection> connections;
  bool greets = true, answers = true, acknowledges = true, compresses = true, admits = true;
  std::chrono::milliseconds interval{40'000};
  std::string resume_url;
  std::vector<std::string> replays;  // data of the messages missed
  int sessions = 0;
};

struct ShardFixture {
  explicit ShardFixture(std::optional<Place> place = std::nullopt, std::function<void(SessionOptions&)> change = {},
                        std::unique_ptr<net::WebSocketConnector> sockets = nullptr) {
    if (sockets) connector = std::move(sockets);
    SessionOptions options{.token = Secret("bot-token"),
                           .gateway_url = gateway.server.url(),
                           .allows_plain = true,
                           .first_backoff = 4ms,
                           .max_backoff = 20ms,
                           .invalid_wait = 4ms,
                           .random = [] { return 0.5; }};
    if (change) change(options);
    shard.emplace(
        loop.get_executor(), "shop", *connector, limit, options, std::move(place),
        ShardCallbacks{
            [](std::string_view type) { return type != "GUILD_CREATE"; },
            [this](std::string_view type, const json::value& data) { return take(this, std::string(type), data); },
            [this](bool is_start) { ++(is_start ? starts : moves); }, [this] { is_given_up = true; }});
  }
  ~ShardFixture() {
    if (is_running) stop();
  }

  void start() {
    is_running = true;
    asio::co_spawn(loop, shard->run(), [this](std::exception_ptr error) {
      is_running = false;
      run_error = error;
    });
  }
  void start_live() {
    start();
    REQUIRE(run_until([&] { return types == std::vector<std::string>{"READY"}; }));
  }
  bool stop() {
    shard->stop();
    return run_until([&] { return !is_running; });
  }

  static Task<Result<void>> take(ShardFixture* self, std::string type, const json::value& data) {
    ++self->offers;
    while (self->is_blocked) co_await sleep_for(1ms);
    if (self->refusal) co_return fail(*self->refusal);
    if (type == "MESSAGE_CREATE") self->texts.emplace_back(string_at(&data, "content").value_or("?"));
    self->types.push_back(std::move(type));
    co_return Result<void>{};
  }

  bool run_until(const std::function<bool()>& done, std::chrono::milliseconds limit_time = 10s) {
    const Deadline deadline = Deadline::in(limit_time);
    while (!done()) {
      if (deadline.has_passed()) return false;
      loop.restart();
      loop.run_one_for(5ms);
    }
    return true;
  }

  asio::io_context loop{1};
  FakeGateway gateway{loop};
  std::unique_ptr<net::WebSocketConnector> connector = net::make_websocket_connector(loop.get_executor());
  StartLimit limit{{}, std::chrono::steady_clock::now(), 1ms};
  std::optional<Shard> shard;
  bool is_running = false, is_given_up = false, is_blocked = false;
  std::exception_ptr run_error;
  int offers = 0, starts = 0, moves = 0;
  std::vector<std::string> types, texts;
  std::optional<Error> refusal;
};

}  // namespace usher::discord
