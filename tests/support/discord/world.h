// The guilds, channels, members and messages of the Discord simulator, and how Discord shows them. Knows no sockets.
// Not thread-safe.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "base/json.h"
#include "support/discord/discord_types.h"

namespace usher::testing {

struct DiscordMember {
  std::vector<std::string> roles;
  std::string nick;
};

struct DiscordGuild {
  std::string id;
  std::vector<std::string> channels, threads;
  std::set<std::string> roles;
  std::map<std::string, DiscordMember> members;
};

struct DiscordChannel {
  static constexpr int kText = 0, kDirect = 1, kThread = 11, kForum = 15;
  std::string id, guild, parent, name;
  std::string user;  // of a direct channel
  int type = kText;
  int refusal = 0;  // the code of what is sent there
};

class DiscordWorld {
 public:
  DiscordWorld(std::string bot, std::string application);

  std::string new_id();  // a snowflake of now, greater than all before it
  // Each makes what it names unless it exists.
  DiscordGuild& guild(const std::string& id);
  DiscordChannel& direct_channel(const std::string& user);
  DiscordChannel& add_channel(DiscordChannel channel);
  // A member who joins by speaking has no roles.
  DiscordMember& member(const std::string& guild, const std::string& user);
  // Sets id, guild, author's kind, times and mentions (as the content and `pings_reply` have them), and keeps it.
  DiscordMessage& add_message(DiscordMessage message, bool pings_reply);
  void read_mentions(DiscordMessage& message, bool pings_reply);

  // Null for what does not exist.
  DiscordChannel* find_channel(const std::string& id);
  DiscordMessage* find_message(const std::string& channel, const std::string& id);
  const DiscordGuild* find_guild(const std::string& id) const;

  json::object show_user(const std::string& id, bool is_bot = false) const;
  json::object show_member(const std::string& guild, const std::string& user) const;  // without the user
  json::object show_channel(const DiscordChannel& channel) const;
  json::object show_guild(const DiscordGuild& guild) const;      // as in GUILD_CREATE
  json::object show(const DiscordMessage& message) const;        // as REST answers
  json::object show_event(const DiscordMessage& message) const;  // with guild and member, as the gateway has it

  const std::string& bot() const { return bot_; }
  const std::string& application() const { return application_; }

  std::map<std::string, DiscordGuild> guilds;
  std::map<std::string, DiscordChannel> channels;
  std::map<std::string, DiscordMessage> messages;
  std::vector<std::string> order;  // of the messages
  std::map<std::string, std::string> usernames;
  std::string files_url;  // what an attachment's address begins with

 private:
  void read_pings(DiscordMessage& message);
  void show_reference(const DiscordMessage& message, json::object& out) const;
  json::array show_files(const DiscordMessage& message) const;

  std::string bot_, application_;
  std::map<std::string, std::string> direct_channels_;  // by user
  std::uint64_t last_id_ = 0;
};

// "2026-08-01T12:00:00.123000+00:00"
std::string discord_time(std::chrono::system_clock::time_point time);
// A string member, or `fallback`.
std::string text_in(const json::object& in, std::string_view name, const std::string& fallback = "");

}  // namespace usher::testing
