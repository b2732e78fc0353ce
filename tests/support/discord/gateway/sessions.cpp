// Logging in, resuming, and what each session is sent.
#include <algorithm>
#include <array>

#include "support/discord/gateway/gateway.h"

namespace usher::testing {
namespace {

constexpr std::int64_t kMessageContent = 1 << 15;
constexpr std::int64_t kAllIntents = (1 << 26) - 1;
constexpr std::size_t kMaxGuildsOfShard = 2500;

struct IntentOf {
  std::string_view prefix;
  int in_guild, direct;  // bits
};
// The first that fits counts.
constexpr std::array<IntentOf, 7> kIntents = {{{"GUILD_MEMBER_", 1, 1},
                                               {"MESSAGE_REACTION_", 10, 13},
                                               {"MESSAGE_", 9, 12},
                                               {"TYPING_START", 11, 14},
                                               {"GUILD_", 0, 0},
                                               {"CHANNEL_", 0, 0},
                                               {"THREAD_", 0, 0}}};

bool is_of_shard(const std::string& guild, std::int64_t shard, std::int64_t shards) {
  const std::uint64_t id = guild.empty() ? 0 : std::stoull(guild);
  return static_cast<std::int64_t>((id >> 22) % static_cast<std::uint64_t>(shards)) == shard;
}

struct Shard {
  std::int64_t number = 0, of = 1;
};

// Nothing for a shard that cannot be; the only one when the identify names none.
std::optional<Shard> shard_of(const json::value& data) {
  const json::value* value = member(&data, "shard");
  if (!value) return Shard{};
  const bool is_pair = value->is_array() && value->as_array().size() == 2 && value->as_array()[0].is_int64() &&
                       value->as_array()[1].is_int64();
  if (!is_pair) return std::nullopt;
  const Shard shard{value->as_array()[0].as_int64(), value->as_array()[1].as_int64()};
  if (shard.number < 0 || shard.number >= shard.of) return std::nullopt;
  return shard;
}

bool mentions(const json::object& message, const std::string& user) {
  const json::value holder(message);
  const json::array* list = array_at(&holder, "mentions");
  return list && std::any_of(list->begin(), list->end(),
                             [&](const json::value& entry) { return string_at(&entry, "id") == user; });
}

}  // namespace

std::int64_t intent_of(std::string_view event, bool is_in_guild) {
  const auto found = std::find_if(kIntents.begin(), kIntents.end(),
                                  [&](const IntentOf& row) { return event.starts_with(row.prefix); });
  if (found == kIntents.end()) return 0;
  return std::int64_t{1} << (is_in_guild ? found->in_guild : found->direct);
}

json::object without_content(json::object message) {
  message["content"] = "";
  for (const char* name : {"embeds", "attachments", "components"}) message[name] = json::array{};
  return message;
}

// ---- logging in ----

std::uint16_t DiscordGateway::identify_fault(const json::value& data) const {
  if (string_at(&data, "token") != options_.token || is_token_reset()) return 4004;
  if (!object_at(&data, "properties")) return 4002;
  const std::optional<Shard> shard = shard_of(data);
  if (!shard) return 4010;
  if (world_.guilds.size() > kMaxGuildsOfShard * static_cast<std::size_t>(shard->of)) return 4011;
  const std::optional<std::int64_t> intents = integer_at(&data, "intents");
  if (!intents || *intents < 0 || *intents > kAllIntents) return 4013;
  return *intents & options_.refused_intents ? 4014 : 0;
}

bool DiscordGateway::may_identify_now(std::int64_t shard) {
  std::deque<Clock::time_point>& recent = logins_[shard % options_.max_concurrency];
  const Clock::time_point now = Clock::now();
  while (!recent.empty() && recent.front() <= now - options_.identify_window) recent.pop_front();
  if (!recent.empty()) return false;
  recent.push_back(now);
  return true;
}

bool DiscordGateway::answers_login_by_script(Connection& connection) {
  const ConnectionScript& script = connection.script;
  if (script.close_at_login) return close(connection, *script.close_at_login), true;
  if (!script.invalid_session) return false;
  send_op(connection, 9, *script.invalid_session);
  connection.script.invalid_session.reset();  // the next try on this connection is a real one
  return true;
}

void DiscordGateway::identify(Connection& connection, const json::value& data) {
  ++identifies_;
  if (string_at(&data, "token") == options_.token) ++starts_;
  if (answers_login_by_script(connection)) return;
  if (const std::uint16_t fault = identify_fault(data); fault != 0) return close(connection, fault);
  if (!may_identify_now(shard_of(data)->number)) return send_op(connection, 9, false);
  start_session(connection, data);
}

void DiscordGateway::start_session(Connection& connection, const json::value& data) {
  const Shard shard = *shard_of(data);
  Session session;
  session.id = "session-" + world_.new_id();
  session.shard = shard.number;
  session.shards = shard.of;
  session.intents = *integer_at(&data, "intents");
  session.connection = connection.seen.number;
  connection.seen.session = session.id;
  connection.seen.shard = static_cast<int>(shard.number);
  Session& kept = sessions_[session.id] = std::move(session);

  json::array unavailable;
  for (const auto& [id, guild] : world_.guilds) {
    if (is_of_shard(id, kept.shard, kept.shards)) {
      unavailable.push_back(json::object{{"id", id}, {"unavailable", true}});
    }
  }
  add_event(kept, "READY",
            json::object{{"v", 10},
                         {"user", world_.show_user(world_.bot())},
                         {"guilds", std::move(unavailable)},
                         {"session_id", kept.id},
                         {"session_type", "normal"},
                         {"resume_gateway_url", resume_url},
                         {"shard", json::array{kept.shard, kept.shards}},
                         {"private_channels", json::array{}},
                         {"application", json::object{{"id", world_.application()}, {"flags", 0}}}});
  if ((kept.intents & 1) == 0) return;
  for (const auto& [id, guild] : world_.guilds) {
    if (is_of_shard(id, kept.shard, kept.shards)) add_event(kept, "GUILD_CREATE", world_.show_guild(guild));
  }
}

void DiscordGateway::resume(Connection& connection, const json::value& data) {
  if (answers_login_by_script(connection)) return;
  if (string_at(&data, "token") != options_.token || is_token_reset()) return close(connection, 4004);
  const std::optional<std::int64_t> seq = integer_at(&data, "seq");
  const auto found = sessions_.find(std::string(string_at(&data, "session_id").value_or("")));
  if (found == sessions_.end()) return send_op(connection, 9, false);
  Session& session = found->second;
  if (!seq || *seq < 0 || *seq > session.seq) {
    sessions_.erase(found);
    return close(connection, 4007);
  }
  const bool is_forgotten = !session.log.empty() && session.log.front().seq > *seq + 1;
  if (is_forgotten) {
    sessions_.erase(found);
    return send_op(connection, 9, false);
  }
  if (session.connection != 0) cut(connections_[static_cast<std::size_t>(session.connection) - 1]);
  connection.seen.session = session.id;
  connection.seen.shard = static_cast<int>(session.shard);
  session.connection = connection.seen.number;
  replay(connection, session, *seq);
}

void DiscordGateway::replay(Connection& connection, Session& session, std::int64_t seq) {
  const std::int64_t seen = seq - static_cast<std::int64_t>(connection.script.repeats);
  for (const Event& event : session.log) {
    const bool is_login = event.name == "READY" || event.name == "RESUMED";
    if (event.seq > seen && !is_login) send(connection, event.name, event.frame);
  }
  add_event(session, "RESUMED", json::object{});
  ++resumes_;
}

// ---- events ----

void DiscordGateway::add_event(Session& session, const std::string& name, const json::value& data) {
  ++session.seq;
  std::string frame = json::serialize(json::object{{"op", 0}, {"t", name}, {"s", session.seq}, {"d", data}});
  if (session.connection != 0) {
    send(connections_[static_cast<std::size_t>(session.connection) - 1], name, frame);
  }
  session.log.push_back({session.seq, name, std::move(frame)});
  if (session.log.size() > options_.kept_events) session.log.pop_front();
}

void DiscordGateway::dispatch(const std::string& name, const json::object& data, const std::string& guild) {
  const std::int64_t needed = intent_of(name, !guild.empty());
  const bool has_content = (name == "MESSAGE_CREATE" || name == "MESSAGE_UPDATE") && !guild.empty();
  const json::value holder(data);
  const bool is_shown_anyway =
      string_at(member(&holder, "author"), "id") == world_.bot() || mentions(data, world_.bot());
  for (auto& [id, session] : sessions_) {
    if (!is_of_shard(guild, session.shard, session.shards) || (session.intents & needed) != needed) continue;
    const bool is_stripped = has_content && !is_shown_anyway && (session.intents & kMessageContent) == 0;
    add_event(session, name, is_stripped ? without_content(data) : data);
  }
}

}  // namespace usher::testing
