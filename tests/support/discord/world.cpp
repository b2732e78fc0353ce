#include "support/discord/world.h"

#include <algorithm>
#include <utility>

#include "support/discord/mentions.h"

namespace usher::testing {
namespace {

constexpr std::uint64_t kDiscordEpochMs = 1'420'070'400'000;

}  // namespace

std::string text_in(const json::object& in, std::string_view name, const std::string& fallback) {
  const json::value* value = in.if_contains(name);
  return value && value->is_string() ? std::string(value->as_string()) : fallback;
}

DiscordWorld::DiscordWorld(std::string bot, std::string application)
    : bot_(std::move(bot)), application_(std::move(application)) {
  usernames[bot_] = "usher_test_bot";
}

std::string DiscordWorld::new_id() {
  const auto now =
      std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::system_clock::now().time_since_epoch());
  last_id_ = std::max(last_id_ + 1, (static_cast<std::uint64_t>(now.count()) - kDiscordEpochMs) << 22);
  return std::to_string(last_id_);
}

// ---- what there is ----

DiscordGuild& DiscordWorld::guild(const std::string& id) {
  DiscordGuild& guild = guilds[id];
  if (guild.id.empty()) {
    guild.id = id;
    guild.members[bot_] = {};
  }
  return guild;
}

DiscordChannel& DiscordWorld::add_channel(DiscordChannel channel) {
  if (channel.id.empty()) channel.id = new_id();
  if (!channel.guild.empty()) {
    DiscordGuild& home = guild(channel.guild);
    (channel.type == DiscordChannel::kThread ? home.threads : home.channels).push_back(channel.id);
  }
  DiscordChannel& kept = channels[channel.id];
  kept = std::move(channel);
  return kept;
}

DiscordChannel& DiscordWorld::direct_channel(const std::string& user) {
  std::string& id = direct_channels_[user];
  if (!id.empty()) return channels.at(id);
  DiscordChannel& made = add_channel({.user = user, .type = DiscordChannel::kDirect});
  id = made.id;
  return made;
}

DiscordMember& DiscordWorld::member(const std::string& guild_id, const std::string& user) {
  return guild(guild_id).members[user];
}

DiscordChannel* DiscordWorld::find_channel(const std::string& id) {
  const auto found = channels.find(id);
  return found == channels.end() ? nullptr : &found->second;
}

const DiscordGuild* DiscordWorld::find_guild(const std::string& id) const {
  const auto found = guilds.find(id);
  return found == guilds.end() ? nullptr : &found->second;
}

DiscordMessage* DiscordWorld::find_message(const std::string& channel, const std::string& id) {
  const auto found = messages.find(id);
  const bool is_there = found != messages.end() && found->second.channel == channel && !found->second.is_deleted;
  return is_there ? &found->second : nullptr;
}

DiscordMessage& DiscordWorld::add_message(DiscordMessage message, bool pings_reply) {
  if (message.id.empty()) message.id = new_id();
  const DiscordChannel* channel = find_channel(message.channel);
  if (channel) message.guild = channel->guild;
  message.created = std::chrono::system_clock::now();
  for (DiscordFile& file : message.files) file.id = new_id();
  if (!message.guild.empty() && message.webhook.empty()) member(message.guild, message.author);
  read_mentions(message, pings_reply);
  order.push_back(message.id);
  DiscordMessage& kept = messages[message.id];
  kept = std::move(message);
  return kept;
}

void DiscordWorld::read_mentions(DiscordMessage& message, bool pings_reply) {
  if (message.author == bot_) return read_pings(message);
  const DiscordMentions found = mentions_in(message.content);
  message.mentions = found.users;
  message.mentioned_roles = found.roles;
  message.mentions_everyone = found.everyone || found.here;
  const DiscordMessage* replied = find_message(message.channel, message.reply_to);
  if (!replied || !pings_reply) return;
  const bool is_known = std::find(found.users.begin(), found.users.end(), replied->author) != found.users.end();
  if (!is_known) message.mentions.push_back(replied->author);
}

// Of what the bot mentions only those are listed whom it was allowed to ping.
void DiscordWorld::read_pings(DiscordMessage& message) {
  message.mentions.clear();
  message.mentioned_roles.clear();
  message.mentions_everyone = false;
  for (const std::string& name : message.pinged) {
    if (name == "everyone" || name == "here") {
      message.mentions_everyone = true;
    } else if (name.starts_with('&')) {
      message.mentioned_roles.push_back(name.substr(1));
    } else {
      message.mentions.push_back(name);
    }
  }
}

}  // namespace usher::testing
