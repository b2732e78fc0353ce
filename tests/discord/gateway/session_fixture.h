// A session whose clock the test moves, and what Discord would say to it.
#pragma once

#include <doctest/doctest.h>

#include <optional>
#include <string>
#include <vector>

#include "channels/discord/gateway/session.h"

namespace usher::discord {

using namespace std::chrono_literals;

inline constexpr const char* kQuery = "/?v=10&encoding=json&compress=zlib-stream";

struct SessionFixture {
  explicit SessionFixture(std::optional<Place> place = std::nullopt, GatewayInfo info = {}) : limit(info, now) {
    SessionOptions options{.token = Secret("bot-token"),
                           .intents = 37377,
                           .shard = 1,
                           .shards = 3,
                           .gateway_url = "wss://gateway.example",
                           .random = [this] { return random; }};
    session.emplace(options, limit, std::move(place), now);
  }

  Reaction take(const std::string& text) {
    const Result<Frame> frame = read_frame(text);
    REQUIRE(frame.has_value());
    return note(session->take(now, *frame, text));
  }
  Reaction pass(Time::duration time) {
    now += time;
    return note(session->pass(now));
  }
  // Moves the clock to what the session waits for next.
  Reaction wake() { return pass(session->wake_at() - now); }
  Reaction note(Reaction reaction) {
    for (const std::string& text : reaction.send) sent.push_back(parse_json(text).value());
    return reaction;
  }

  void open() {
    if (session->plan().at > now) now = session->plan().at;
    session->opened(now);
  }
  Reaction hello(int interval = 40'000) {
    return take(R"({"t":null,"s":null,"op":10,"d":{"heartbeat_interval":)" + std::to_string(interval) + "}}");
  }
  Reaction ready(int seq = 1, const std::string& id = "s1", const std::string& url = "wss://resume.gateway.example") {
    return take(R"({"t":"READY","s":)" + std::to_string(seq) + R"(,"op":0,"d":{"v":10,"session_id":")" + id +
                R"(","resume_gateway_url":")" + url + R"(","user":{"id":"77"},"application":{"id":"78"}}})");
  }
  Reaction event(int seq, const std::string& type = "MESSAGE_CREATE") {
    return take(R"({"t":")" + type + R"(","s":)" + std::to_string(seq) + R"(,"op":0,"d":{}})");
  }
  Reaction acknowledge() { return take(R"({"op":11})"); }
  void go_live() {
    open();
    hello();
    ready();
    REQUIRE(session->is_live());
  }
  // The same again on a new socket, up to the answer.
  void resume() {
    open();
    hello();
  }

  std::string url() const { return session->plan().url; }
  Time::duration wait() const { return session->plan().at - now; }
  std::int64_t last_op() const { return sent.empty() ? -1 : sent.back().at("op").as_int64(); }
  const json::value& last_data() const { return sent.back().at("d"); }

  Time now{std::chrono::hours(1)};
  double random = 0.5;
  StartLimit limit;
  std::optional<Session> session;
  std::vector<json::value> sent;
};

}  // namespace usher::discord
