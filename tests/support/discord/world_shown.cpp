// How Discord shows users, guilds, channels and messages.
#include <cstdio>
#include <ctime>
#include <utility>

#include "support/discord/world.h"

namespace usher::testing {
namespace {

json::array strings(const auto& list) {
  json::array out;
  for (const auto& entry : list) out.emplace_back(entry);
  return out;
}

json::object show_role(const std::string& id, const std::string& name) {
  return {{"id", id},         {"name", name},         {"color", 0},
          {"hoist", false},   {"position", 0},        {"permissions", "2248473465835073"},
          {"managed", false}, {"mentionable", false}, {"flags", 0}};
}

}  // namespace

std::string discord_time(std::chrono::system_clock::time_point time) {
  const auto since = std::chrono::duration_cast<std::chrono::microseconds>(time.time_since_epoch()).count();
  const std::time_t seconds = since / 1'000'000;
  std::tm utc{};
  gmtime_r(&seconds, &utc);
  char day[32], out[64];
  std::strftime(day, sizeof day, "%Y-%m-%dT%H:%M:%S", &utc);
  std::snprintf(out, sizeof out, "%s.%06lld+00:00", day, static_cast<long long>(since % 1'000'000));
  return out;
}

json::object DiscordWorld::show_user(const std::string& id, bool is_bot) const {
  const auto name = usernames.find(id);
  json::object out{{"id", id},
                   {"username", name == usernames.end() ? "user" + id : name->second},
                   {"discriminator", "0"},
                   {"global_name", nullptr},
                   {"avatar", nullptr},
                   {"public_flags", 0}};
  if (is_bot || id == bot_) out["bot"] = true;
  return out;
}

json::object DiscordWorld::show_member(const std::string& guild_id, const std::string& user) const {
  const DiscordGuild* guild = find_guild(guild_id);
  const auto found = guild ? guild->members.find(user) : std::map<std::string, DiscordMember>::const_iterator{};
  const DiscordMember member = guild && found != guild->members.end() ? found->second : DiscordMember{};
  return {{"roles", strings(member.roles)},
          {"nick", member.nick.empty() ? json::value(nullptr) : json::value(member.nick)},
          {"avatar", nullptr},
          {"joined_at", "2024-01-01T00:00:00.000000+00:00"},
          {"premium_since", nullptr},
          {"communication_disabled_until", nullptr},
          {"deaf", false},
          {"mute", false},
          {"pending", false},
          {"flags", 0}};
}

json::object DiscordWorld::show_channel(const DiscordChannel& channel) const {
  json::object out{{"id", channel.id}, {"type", channel.type}, {"last_message_id", nullptr}, {"flags", 0}};
  if (channel.type == DiscordChannel::kDirect) {
    out["recipients"] = json::array{show_user(channel.user)};
    return out;
  }
  out["guild_id"] = channel.guild;
  out["name"] = channel.name.empty() ? "channel-" + channel.id : channel.name;
  out["parent_id"] = channel.parent.empty() ? json::value(nullptr) : json::value(channel.parent);
  out["rate_limit_per_user"] = 0;
  if (channel.type == DiscordChannel::kThread) {
    out["owner_id"] = bot_;
    out["message_count"] = out["member_count"] = 1;
    out["thread_metadata"] = json::object{{"archived", false},
                                          {"auto_archive_duration", 1440},
                                          {"archive_timestamp", "2024-01-01T00:00:00.000000+00:00"},
                                          {"locked", false}};
  } else {
    out["position"] = 0;
    out["topic"] = nullptr;
    out["nsfw"] = false;
    out["permission_overwrites"] = json::array{};
    if (channel.type == DiscordChannel::kForum) out["available_tags"] = json::array{};
  }
  return out;
}

json::object DiscordWorld::show_guild(const DiscordGuild& guild) const {
  json::array shown_channels, shown_threads, shown_roles{show_role(guild.id, "@everyone")}, shown_members;
  for (const std::string& id : guild.channels) shown_channels.push_back(show_channel(channels.at(id)));
  for (const std::string& id : guild.threads) shown_threads.push_back(show_channel(channels.at(id)));
  for (const std::string& id : guild.roles) shown_roles.push_back(show_role(id, "role-" + id));
  json::object own = show_member(guild.id, bot_);
  own["user"] = show_user(bot_);
  shown_members.push_back(std::move(own));
  json::object out{{"id", guild.id},
                   {"name", "Guild " + guild.id},
                   {"owner_id", "1000000000000000009"},
                   {"joined_at", "2024-01-01T00:00:00.000000+00:00"},
                   {"member_count", guild.members.size()},
                   {"preferred_locale", "en-GB"},
                   {"channels", std::move(shown_channels)},
                   {"threads", std::move(shown_threads)},
                   {"roles", std::move(shown_roles)},
                   {"members", std::move(shown_members)}};
  for (const char* name : {"emojis", "stickers", "features", "voice_states", "presences", "stage_instances",
                           "guild_scheduled_events", "soundboard_sounds"}) {
    out[name] = json::array{};
  }
  for (const char* name : {"unavailable", "large", "nsfw", "premium_progress_bar_enabled"}) out[name] = false;
  for (const char* name : {"icon", "splash", "banner", "description", "afk_channel_id", "system_channel_id"}) {
    out[name] = nullptr;
  }
  for (const char* name : {"verification_level", "default_message_notifications", "explicit_content_filter",
                           "mfa_level", "nsfw_level", "premium_tier", "afk_timeout", "system_channel_flags"}) {
    out[name] = 0;
  }
  return out;
}

json::array DiscordWorld::show_files(const DiscordMessage& message) const {
  json::array out;
  for (const DiscordFile& file : message.files) {
    const std::string url = files_url + "/attachments/" + message.channel + "/" + file.id + "/" + file.name;
    out.push_back(json::object{{"id", file.id},
                               {"filename", file.name},
                               {"size", file.bytes.size()},
                               {"content_type", file.media_type},
                               {"url", url + "?ex=1&is=2&hm=3"},
                               {"proxy_url", url}});
  }
  return out;
}

json::object DiscordWorld::show(const DiscordMessage& message) const {
  json::array mentions;
  for (const std::string& user : message.mentions) mentions.push_back(show_user(user));
  json::object author = show_user(message.webhook.empty() ? message.author : message.webhook, message.is_bot);
  if (!message.webhook.empty()) author["bot"] = true;
  const bool is_edited = message.edited > message.created;
  json::object out{{"id", message.id},
                   {"channel_id", message.channel},
                   {"type", message.type},
                   {"content", message.content},
                   {"author", std::move(author)},
                   {"timestamp", discord_time(message.created)},
                   {"edited_timestamp", is_edited ? json::value(discord_time(message.edited)) : json::value(nullptr)},
                   {"tts", false},
                   {"pinned", false},
                   {"flags", message.flags},
                   {"mentions", std::move(mentions)},
                   {"mention_roles", strings(message.mentioned_roles)},
                   {"mention_everyone", message.mentions_everyone},
                   {"attachments", show_files(message)},
                   {"embeds", message.embeds},
                   {"components", message.components}};
  if (!message.nonce.empty()) out["nonce"] = message.nonce;
  if (!message.webhook.empty()) out["webhook_id"] = message.webhook;
  if (!message.interaction.empty()) out["application_id"] = out["webhook_id"] = application_;
  show_reference(message, out);
  return out;
}

void DiscordWorld::show_reference(const DiscordMessage& message, json::object& out) const {
  if (message.reply_to.empty()) return;
  out["message_reference"] =
      json::object{{"type", 0}, {"message_id", message.reply_to}, {"channel_id", message.channel}};
  const auto replied = messages.find(message.reply_to);
  out["referenced_message"] = nullptr;
  if (replied == messages.end() || replied->second.is_deleted) return;
  DiscordMessage shallow = replied->second;  // Discord goes one level deep
  shallow.reply_to.clear();
  out["referenced_message"] = show(shallow);
}

json::object DiscordWorld::show_event(const DiscordMessage& message) const {
  json::object out = show(message);
  if (message.guild.empty()) {
    out["channel_type"] = DiscordChannel::kDirect;
    return out;
  }
  out["guild_id"] = message.guild;
  if (message.webhook.empty()) out["member"] = show_member(message.guild, message.author);
  return out;
}

}  // namespace usher::testing
