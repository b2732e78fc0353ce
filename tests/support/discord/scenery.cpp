// How tests change the simulated Discord: its guilds, channels and members, and what goes wrong.
#include "support/discord/state.h"

namespace usher::testing {

// ---- the world ----

std::string DiscordSimulator::add_guild(std::string id) {
  const std::lock_guard lock(state_->mutex);
  if (id.empty()) id = state_->world.new_id();
  state_->gateway.dispatch("GUILD_CREATE", state_->world.show_guild(state_->world.guild(id)), id);
  state_->wake();
  return id;
}

void DiscordSimulator::add_guilds(std::size_t count, std::size_t channels, std::size_t roles) {
  const std::lock_guard lock(state_->mutex);
  DiscordWorld& world = state_->world;
  for (std::size_t i = 0; i < count; ++i) {
    const std::string id = world.new_id();
    for (std::size_t c = 0; c < channels; ++c) world.add_channel({.guild = id});
    DiscordGuild& guild = world.guild(id);
    for (std::size_t r = 0; r < roles; ++r) guild.roles.insert(world.new_id());
    state_->gateway.dispatch("GUILD_CREATE", world.show_guild(guild), id);
  }
  state_->wake();
}

std::string DiscordSimulator::add_channel(const std::string& guild, int type, std::string id) {
  const std::lock_guard lock(state_->mutex);
  const DiscordChannel& made = state_->world.add_channel({.id = std::move(id), .guild = guild, .type = type});
  state_->gateway.dispatch("CHANNEL_CREATE", state_->world.show_channel(made), guild);
  state_->wake();
  return made.id;
}

std::string DiscordSimulator::add_thread(const std::string& parent, std::string id) {
  const std::lock_guard lock(state_->mutex);
  const std::string guild = state_->world.channels.at(parent).guild;
  const DiscordChannel& made = state_->world.add_channel(
      {.id = std::move(id), .guild = guild, .parent = parent, .type = DiscordChannel::kThread});
  state_->gateway.dispatch("THREAD_CREATE", state_->world.show_channel(made), guild);
  state_->wake();
  return made.id;
}

std::string DiscordSimulator::direct_channel(const std::string& user) {
  const std::lock_guard lock(state_->mutex);
  return state_->world.direct_channel(user).id;
}

void DiscordSimulator::set_member(const std::string& guild, const std::string& user, std::vector<std::string> roles,
                                  const std::string& nick) {
  const std::lock_guard lock(state_->mutex);
  DiscordGuild& home = state_->world.guild(guild);
  const bool is_new = !home.members.contains(user);
  home.roles.insert(roles.begin(), roles.end());
  home.members[user] = {std::move(roles), nick};
  json::object event = state_->world.show_member(guild, user);
  event["user"] = state_->world.show_user(user);
  event["guild_id"] = guild;
  state_->gateway.dispatch(is_new ? "GUILD_MEMBER_ADD" : "GUILD_MEMBER_UPDATE", event, guild);
  state_->wake();
}

void DiscordSimulator::remove_member(const std::string& guild, const std::string& user) {
  const std::lock_guard lock(state_->mutex);
  state_->world.guild(guild).members.erase(user);
  state_->gateway.dispatch("GUILD_MEMBER_REMOVE",
                           json::object{{"guild_id", guild}, {"user", state_->world.show_user(user)}}, guild);
  state_->wake();
}

void DiscordSimulator::name_user(const std::string& user, const std::string& username) {
  const std::lock_guard lock(state_->mutex);
  state_->world.usernames[user] = username;
}

void DiscordSimulator::forbid(const std::string& channel, int code) {
  const std::lock_guard lock(state_->mutex);
  state_->world.channels.at(channel).refusal = code;
}

// ---- faults of REST ----

void DiscordSimulator::fault(const std::string& route, HttpReply reply) {
  const std::lock_guard lock(state_->mutex);
  state_->faults[route].push_back(std::move(reply));
}

void DiscordSimulator::too_many(const std::string& route, const std::string& scope, double retry_after_seconds) {
  fault(route, too_many_reply(scope, retry_after_seconds));
}

void DiscordSimulator::refuse(const std::string& route, int status, int code, const std::string& message) {
  fault(route, rest_error(status, code, message));
}

void DiscordSimulator::server_error(const std::string& route, int status) {
  HttpReply reply;
  reply.status = status;
  reply.content_type = "text/html";
  reply.body = "<!DOCTYPE html><html><head><title>502 Bad Gateway</title></head><body>cloudflare</body></html>";
  fault(route, std::move(reply));
}

void DiscordSimulator::lose_answer(const std::string& route) {
  const std::lock_guard lock(state_->mutex);
  ++state_->lost[route];
}

// ---- faults of the gateway ----

void DiscordSimulator::next_connection(ConnectionScript script) {
  const std::lock_guard lock(state_->mutex);
  state_->gateway.script(std::move(script));
}

void DiscordSimulator::refuse_resume_url(bool is_refused) {
  const std::lock_guard lock(state_->mutex);
  state_->gateway.refuses_resume_url = is_refused;
}

void DiscordSimulator::close_connections(std::uint16_t code) {
  const std::lock_guard lock(state_->mutex);
  state_->gateway.close_all(code);
  state_->wake();
}

void DiscordSimulator::cut_connections() {
  const std::lock_guard lock(state_->mutex);
  state_->gateway.cut_all();
  state_->wake();
}

void DiscordSimulator::freeze_connections() {
  const std::lock_guard lock(state_->mutex);
  state_->gateway.freeze_all();
  state_->wake();
}

void DiscordSimulator::stop_acknowledging() {
  const std::lock_guard lock(state_->mutex);
  state_->gateway.stop_acknowledging();
}

void DiscordSimulator::ask_for_heartbeat() {
  const std::lock_guard lock(state_->mutex);
  state_->gateway.send_all(1, nullptr);
  state_->wake();
}

void DiscordSimulator::ask_to_reconnect() {
  const std::lock_guard lock(state_->mutex);
  state_->gateway.send_all(7, nullptr);
  state_->wake();
}

void DiscordSimulator::invalidate_sessions(bool may_resume) {
  const std::lock_guard lock(state_->mutex);
  state_->gateway.send_all(9, may_resume);
  state_->wake();
}

void DiscordSimulator::forget_sessions() {
  const std::lock_guard lock(state_->mutex);
  state_->gateway.forget_sessions();
}

void DiscordSimulator::dispatch(const std::string& name, const json::object& data, const std::string& guild) {
  const std::lock_guard lock(state_->mutex);
  state_->gateway.dispatch(name, data, guild);
  state_->wake();
}

void DiscordSimulator::send_raw(const std::string& text) {
  const std::lock_guard lock(state_->mutex);
  state_->gateway.send_raw(text);
  state_->wake();
}

}  // namespace usher::testing
