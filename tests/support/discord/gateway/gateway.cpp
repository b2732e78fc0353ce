#include "support/discord/gateway/gateway.h"

#include <algorithm>
#include <utility>

namespace usher::testing {
namespace {

constexpr std::size_t kMaxEventBytes = 4096;

// Whether a connection closed with that code has lost its session.
bool ends_session(std::uint16_t code) {
  return code == 1000 || code == 1001 || code == 4004 || code == 4007 || code == 4009 || (code >= 4010 && code <= 4014);
}

std::string query_value(const std::string& target, const std::string& name) {
  const std::string query = "&" + target.substr(std::min(target.find('?'), target.size() - 1) + 1);
  const std::size_t at = query.find("&" + name + "=");
  if (at == std::string::npos) return "";
  const std::size_t begin = at + name.size() + 2;
  return query.substr(begin, std::min(query.find('&', begin), query.size()) - begin);
}

}  // namespace

DiscordGateway::DiscordGateway(DiscordWorld& world, const DiscordSimulatorOptions& options)
    : world_(world), options_(options) {}

json::object DiscordGateway::gateway_bot() const {
  return {{"url", url},
          {"shards", options_.shards},
          {"session_start_limit", json::object{{"total", options_.session_starts},
                                               {"remaining", std::max(0, options_.session_starts - starts_)},
                                               {"reset_after", 86'400'000},
                                               {"max_concurrency", options_.max_concurrency}}}};
}

std::vector<GatewayConnection> DiscordGateway::seen() const {
  std::vector<GatewayConnection> out;
  for (const Connection& connection : connections_) out.push_back(connection.seen);
  return out;
}

DiscordGateway::Connection* DiscordGateway::find(const PeerPtr& peer) {
  // The latest are asked most.
  const auto found = std::find_if(connections_.rbegin(), connections_.rend(),
                                  [&](const Connection& connection) { return connection.peer == peer; });
  return found == connections_.rend() ? nullptr : &*found;
}

// ---- what peers do ----

bool DiscordGateway::admits(bool is_at_resume_url) {
  if (is_at_resume_url && refuses_resume_url) return false;
  if (scripts_.empty() || !scripts_.front().is_refused) return true;
  scripts_.pop_front();
  return false;
}

void DiscordGateway::opened(PeerPtr peer, bool is_at_resume_url) {
  Connection& connection = connections_.emplace_back();
  connection.peer = std::move(peer);
  connection.seen.number = static_cast<int>(connections_.size());
  connection.seen.target = connection.peer->target();
  connection.seen.is_at_resume_url = is_at_resume_url;
  if (!scripts_.empty()) {
    connection.script = scripts_.front();
    scripts_.pop_front();
  }
  hello(connection);
}

void DiscordGateway::hello(Connection& connection) {
  const std::string& target = connection.seen.target;
  if (query_value(target, "v") != "10") return close(connection, 4012);
  if (query_value(target, "encoding") != "json") return close(connection, 4002);
  if (query_value(target, "compress") == "zlib-stream") connection.deflate = std::make_unique<DeflateStream>();
  if (connection.script.reconnect_before_hello) return send_op(connection, 7, nullptr);
  if (!connection.script.says_hello) return;
  const auto interval = connection.script.heartbeat.value_or(options_.heartbeat_interval);
  connection.greeted = Clock::now();
  send_op(connection, 10, json::object{{"heartbeat_interval", interval.count()}});
}

void DiscordGateway::received(const PeerPtr& peer, const std::string& message) {
  Connection* connection = find(peer);
  if (!connection || !connection->may_send()) return;
  if (is_over_budget(*connection)) return close(*connection, 4008);
  const Result<json::value> frame = parse_json(message);
  if (message.size() > kMaxEventBytes || !frame || !frame->is_object()) return close(*connection, 4002);
  const std::optional<std::int64_t> op = integer_at(&*frame, "op");
  if (!op) return close(*connection, 4001);
  handle(*connection, *op, *frame);
}

bool DiscordGateway::is_over_budget(Connection& connection) {
  const Clock::time_point now = Clock::now();
  std::deque<Clock::time_point>& events = connection.events;
  while (!events.empty() && events.front() <= now - std::chrono::seconds(60)) events.pop_front();
  events.push_back(now);
  return events.size() > static_cast<std::size_t>(options_.events_per_minute);
}

void DiscordGateway::handle(Connection& connection, std::int64_t op, const json::value& frame) {
  if (op == 1) {
    if (connection.seen.heartbeats++ == 0) {
      connection.seen.first_heartbeat_after =
          std::chrono::duration_cast<std::chrono::milliseconds>(Clock::now() - connection.greeted);
    }
    if (connection.script.acknowledges) send_op(connection, 11, nullptr);
    return;
  }
  connection.seen.received.push_back(frame.as_object());
  const json::value* data = member(&frame, "d");
  const bool is_login = op == 2 || op == 6;
  const bool is_known = op == 3 || op == 4 || op == 8 || op == 31;  // presence, voice, members, sounds: taken silently
  if (!is_login && !is_known) return close(connection, 4001);
  const bool is_logged_in = !connection.seen.session.empty();
  if (is_known && !is_logged_in) return close(connection, 4003);
  if (is_known) return;
  if (is_logged_in) return close(connection, 4005);
  if (!data || !data->is_object()) return close(connection, 4002);
  op == 2 ? identify(connection, *data) : resume(connection, *data);
}

void DiscordGateway::closed(const PeerPtr& peer, std::optional<std::uint16_t> code) {
  Connection* connection = find(peer);
  if (!connection) return;
  connection->seen.client_close = code.value_or(0);
  connection->seen.is_open = false;
  connection->peer.reset();
  const auto session = sessions_.find(connection->seen.session);
  if (session == sessions_.end() || session->second.connection != connection->seen.number) return;
  session->second.connection = 0;
  if (code && ends_session(*code)) sessions_.erase(session);
}

// ---- what happens to all ----

void DiscordGateway::send_raw(const std::string& text) {
  for (Connection& connection : connections_) send(connection, "raw", text);
}

void DiscordGateway::close_all(std::uint16_t code) {
  for (Connection& connection : connections_) close(connection, code);
}

void DiscordGateway::cut_all() {
  for (Connection& connection : connections_) cut(connection);
}

void DiscordGateway::freeze_all() {
  for (Connection& connection : connections_) {
    if (connection.may_send()) steps_.push_back({connection.peer, Step::Kind::freeze, "", 0});
  }
}

void DiscordGateway::stop_acknowledging() {
  for (Connection& connection : connections_) connection.script.acknowledges = false;
}

void DiscordGateway::send_all(int op, const json::value& data) {
  for (Connection& connection : connections_) {
    send_op(connection, op, data);
    if (op == 9) connection.seen.session.clear();  // it may identify on the same connection
  }
  for (auto& [id, session] : sessions_) session.connection = op == 9 ? 0 : session.connection;
  if (op == 9 && data == false) sessions_.clear();
}

// ---- the way out ----

void DiscordGateway::send_op(Connection& connection, int op, const json::value& data) {
  const std::string name = op == 10 ? "HELLO" : op == 11 ? "ACK" : "op " + std::to_string(op);
  send(connection, name, json::serialize(json::object{{"op", op}, {"d", data}, {"s", nullptr}, {"t", nullptr}}));
}

void DiscordGateway::send(Connection& connection, const std::string& name, const std::string& frame) {
  if (!connection.may_send()) return;
  if (name != "ACK") connection.seen.sent.push_back(name);
  if (!connection.deflate) return send_payload(connection, frame);
  std::string rest = connection.deflate->compress(frame);
  const std::size_t piece = connection.script.piece_bytes == 0 ? rest.size() : connection.script.piece_bytes;
  for (std::size_t at = 0; at < rest.size(); at += piece) send_payload(connection, rest.substr(at, piece));
}

void DiscordGateway::send_payload(Connection& connection, std::string payload) {
  if (!connection.may_send()) return;
  const ConnectionScript& script = connection.script;
  const std::size_t before = std::exchange(connection.sent_bytes, connection.sent_bytes + payload.size());
  if (script.corrupt_byte && *script.corrupt_byte >= before && *script.corrupt_byte < connection.sent_bytes) {
    char& byte = payload[*script.corrupt_byte - before];
    byte = static_cast<char>(~byte);
  }
  const bool is_cut = script.cut_after_bytes && *script.cut_after_bytes <= connection.sent_bytes;
  if (is_cut) payload.resize(*script.cut_after_bytes - std::min(before, *script.cut_after_bytes));
  const Step::Kind kind = connection.deflate ? Step::Kind::binary : Step::Kind::text;
  if (!payload.empty()) steps_.push_back({connection.peer, kind, std::move(payload), 0});
  if (is_cut) cut(connection);
}

void DiscordGateway::close(Connection& connection, std::uint16_t code) {
  if (!connection.may_send()) return;
  connection.seen.is_open = false;
  steps_.push_back({connection.peer, Step::Kind::close, "", code});
  const auto session = sessions_.find(connection.seen.session);
  if (session == sessions_.end() || session->second.connection != connection.seen.number) return;
  session->second.connection = 0;
  if (ends_session(code)) sessions_.erase(session);
}

void DiscordGateway::cut(Connection& connection) {
  if (!connection.may_send()) return;
  connection.seen.is_open = false;
  steps_.push_back({connection.peer, Step::Kind::cut, "", 0});
  const auto session = sessions_.find(connection.seen.session);
  if (session == sessions_.end() || session->second.connection != connection.seen.number) return;
  session->second.connection = 0;
}

}  // namespace usher::testing
