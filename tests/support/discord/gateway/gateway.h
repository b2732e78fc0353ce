// The gateway of the Discord simulator: connections, sessions, what each session is sent. Knows no sockets beyond the
// peers that it hands back with what they are to do. Not thread-safe.
#pragma once

#include <chrono>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/json.h"
#include "support/discord/discord_types.h"
#include "support/discord/gateway/deflate.h"
#include "support/discord/world.h"
#include "support/http/websocket_server.h"

namespace usher::testing {

class DiscordGateway {
 public:
  using PeerPtr = WebSocketServer::PeerPtr;

  // What is to be done with a peer, on its executor and in order.
  struct Step {
    enum class Kind { text, binary, close, cut, freeze };
    PeerPtr peer;
    Kind kind = Kind::text;
    std::string bytes;
    std::uint16_t code = 0;
  };

  // Both must outlive it.
  DiscordGateway(DiscordWorld& world, const DiscordSimulatorOptions& options);

  // ---- what peers do ----
  bool admits(bool is_at_resume_url);
  void opened(PeerPtr peer, bool is_at_resume_url);
  void received(const PeerPtr& peer, const std::string& message);
  void closed(const PeerPtr& peer, std::optional<std::uint16_t> code);

  // ---- what happens ----
  // To the sessions of the shard that `guild` ("" = shard 0) falls to, as their intents allow.
  void dispatch(const std::string& name, const json::object& data, const std::string& guild);
  void send_raw(const std::string& text);
  void close_all(std::uint16_t code);
  void cut_all();
  void freeze_all();
  void stop_acknowledging();
  void send_all(int op, const json::value& data);  // ops 1, 7 and 9
  void forget_sessions() { sessions_.clear(); }
  void script(ConnectionScript script) { scripts_.push_back(std::move(script)); }

  // Takes what is to be done with peers.
  std::vector<Step> take_steps() { return std::exchange(steps_, {}); }

  std::vector<GatewayConnection> seen() const;
  json::object gateway_bot() const;  // GET /gateway/bot
  bool is_token_reset() const { return starts_ > options_.session_starts; }
  std::size_t identifies() const { return identifies_; }
  std::size_t resumes() const { return resumes_; }

  std::string url, resume_url;
  bool refuses_resume_url = false;

 private:
  using Clock = std::chrono::steady_clock;
  struct Event {
    std::int64_t seq;
    std::string name, frame;
  };
  struct Session {
    std::string id;
    std::int64_t shard = 0, shards = 1, intents = 0, seq = 0;
    std::deque<Event> log;
    int connection = 0;  // 0 = nobody listens
  };
  struct Connection {
    GatewayConnection seen;
    PeerPtr peer;
    ConnectionScript script;
    std::unique_ptr<DeflateStream> deflate;  // with compress=zlib-stream
    std::deque<Clock::time_point> events;    // of the last minute
    std::size_t sent_bytes = 0;
    Clock::time_point greeted;
    bool may_send() const { return seen.is_open; }
  };

  void hello(Connection& connection);
  void handle(Connection& connection, std::int64_t op, const json::value& frame);
  bool is_over_budget(Connection& connection);
  void identify(Connection& connection, const json::value& data);
  std::uint16_t identify_fault(const json::value& data) const;  // a close code, or 0
  bool may_identify_now(std::int64_t shard);
  bool answers_login_by_script(Connection& connection);
  void start_session(Connection& connection, const json::value& data);
  void resume(Connection& connection, const json::value& data);
  void replay(Connection& connection, Session& session, std::int64_t seq);
  void add_event(Session& session, const std::string& name, const json::value& data);
  void send(Connection& connection, const std::string& name, const std::string& frame);
  void send_payload(Connection& connection, std::string payload);
  void send_op(Connection& connection, int op, const json::value& data);
  void close(Connection& connection, std::uint16_t code);
  void cut(Connection& connection);
  Connection* find(const PeerPtr& peer);

  DiscordWorld& world_;
  const DiscordSimulatorOptions& options_;
  std::deque<Connection> connections_;  // number n at n - 1
  std::map<std::string, Session> sessions_;
  std::deque<ConnectionScript> scripts_;
  std::map<std::int64_t, std::deque<Clock::time_point>> logins_;  // identifies of the last window, by concurrency key
  std::vector<Step> steps_;
  int starts_ = 0;
  std::size_t identifies_ = 0, resumes_ = 0;
};

// Which intent an event needs; 0 = none.
std::int64_t intent_of(std::string_view event, bool is_in_guild);
// The event without what the MESSAGE_CONTENT intent would allow to see.
json::object without_content(json::object message);

}  // namespace usher::testing
