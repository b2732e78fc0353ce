#include "events.h"

#include <fmt/format.h>

#include <array>
#include <cstdint>

namespace usher::bench {

namespace {

constexpr std::uint64_t id_base = 1'000'000'000'000'000'000;
constexpr int channels_of_guild = 50, roles_of_guild = 30, members_of_guild = 50, emojis_of_guild = 20;
constexpr const char* joined = "2024-05-17T09:41:22.173000+00:00";
constexpr const char* permissions = "2248473465835073";

// As good as random, so that the stream deflates no better than Discord's.
std::uint64_t mix(std::uint64_t value) {
  value += 0x9E3779B97F4A7C15;
  value = (value ^ (value >> 30)) * 0xBF58476D1CE4E5B9;
  value = (value ^ (value >> 27)) * 0x94D049BB133111EB;
  return value ^ (value >> 31);
}

std::string hash_of(int guild, int number) {
  const std::uint64_t first = mix(static_cast<std::uint64_t>(guild) << 32 | static_cast<std::uint64_t>(number));
  return fmt::format("{:016x}{:016x}", first, mix(first));
}

// The ids of a guild's things: of the guild itself (kind 0), its people, roles, channels …
std::string id_of(int guild, int kind, int number) {
  const std::uint64_t name = static_cast<std::uint64_t>(guild) << 40 | static_cast<std::uint64_t>(kind) << 32 |
                             static_cast<std::uint64_t>(number);
  return std::to_string(id_base + (mix(name) >> 3));
}

std::string words_of(int number) {
  constexpr std::array words{"and",  "so",      "I",    "said", "to",   "them",  "that", "it",   "would", "rain",
                             "then", "perhaps", "not",  "very", "much", "what",  "do",   "you",  "think", "of",
                             "a",    "boat",    "lamp", "game", "when", "later", "is",   "here", "never", "good"};
  std::string text;
  std::uint64_t seed = mix(static_cast<std::uint64_t>(number));
  for (std::uint64_t left = 4 + seed % 24; left > 0; --left) {
    seed = mix(seed);
    text += words[seed % words.size()];
    text += left > 1 ? " " : ".";
  }
  return text;
}

json::object user(int guild, int number) {
  return {{"id", id_of(guild, 1, number)},
          {"username", fmt::format("person_{}_{}", guild, number)},
          {"discriminator", "0"},
          {"global_name", fmt::format("Person {}", number)},
          {"avatar", hash_of(guild, number)},
          {"avatar_decoration_data", nullptr},
          {"public_flags", 0},
          {"bot", false}};
}

json::object member_without_user(int guild, int number) {
  return {
      {"roles", json::array{id_of(guild, 2, number % roles_of_guild), id_of(guild, 2, (number * 7) % roles_of_guild)}},
      {"nick", number % 3 == 0 ? json::value(fmt::format("Nick {}", number)) : json::value(nullptr)},
      {"avatar", nullptr},
      {"joined_at", joined},
      {"premium_since", nullptr},
      {"communication_disabled_until", nullptr},
      {"deaf", false},
      {"mute", false},
      {"pending", false},
      {"flags", 0}};
}

json::object member(int guild, int number) {
  json::object out = member_without_user(guild, number);
  out["user"] = user(guild, number);
  return out;
}

json::object channel(int guild, int number) {
  json::array overwrites;
  for (int i = 0; i < 3; ++i) {
    overwrites.push_back(json::object{
        {"id", id_of(guild, 2, (number + i) % roles_of_guild)}, {"type", 0}, {"allow", "1024"}, {"deny", "2048"}});
  }
  return {{"id", id_of(guild, 3, number)},
          {"type", number % 5 == 4 ? 2 : 0},
          {"name", fmt::format("channel-{}", number)},
          {"position", number},
          {"topic", words_of(guild * 64 + number)},
          {"nsfw", false},
          {"parent_id", nullptr},
          {"last_message_id", id_of(guild, 9, number)},
          {"rate_limit_per_user", 0},
          {"flags", 0},
          {"permission_overwrites", std::move(overwrites)}};
}

json::object role(const std::string& id, int number) {
  return {{"id", id},
          {"name", fmt::format("Role {}", number)},
          {"color", 0x336699 + number},
          {"hoist", number % 4 == 0},
          {"position", number},
          {"permissions", permissions},
          {"managed", false},
          {"mentionable", false},
          {"flags", 0},
          {"icon", nullptr},
          {"unicode_emoji", nullptr}};
}

json::object emoji(int guild, int number) {
  return {{"id", id_of(guild, 4, number)},
          {"name", fmt::format("emoji_{}", number)},
          {"roles", json::array{}},
          {"require_colons", true},
          {"managed", false},
          {"animated", false},
          {"available", true}};
}

json::array list_of(int count, auto make) {
  json::array out;
  for (int i = 0; i < count; ++i) out.push_back(make(i));
  return out;
}

json::object message(int number) {
  const int guild = number % 40;
  const bool mentions = number % 100 == 0;
  json::object out{{"id", id_of(guild, 5, number)},
                   {"channel_id", id_of(guild, 3, number % channels_of_guild)},
                   {"guild_id", id_of(guild, 0, 0)},
                   {"type", 0},
                   {"content", (mentions ? fmt::format("<@{}> ", sample_bot) : "") + words_of(number)},
                   {"author", user(guild, number % members_of_guild)},
                   {"member", member_without_user(guild, number % members_of_guild)},
                   {"timestamp", joined},
                   {"edited_timestamp", nullptr},
                   {"tts", false},
                   {"pinned", false},
                   {"mention_everyone", false},
                   {"flags", 0}};
  out["mentions"] =
      mentions ? json::array{json::object{{"id", sample_bot}, {"username", "bot"}, {"bot", true}}} : json::array{};
  for (const char* name : {"mention_roles", "attachments", "embeds", "components"}) out[name] = json::array{};
  return out;
}

json::object presence(int number) {
  const int guild = number % 40;
  return {{"user", json::object{{"id", id_of(guild, 1, number % members_of_guild)}}},
          {"guild_id", id_of(guild, 0, 0)},
          {"status", number % 2 == 0 ? "online" : "idle"},
          {"client_status", json::object{{"desktop", "online"}, {"mobile", "idle"}}},
          {"activities", json::array{json::object{{"id", "custom"},
                                                  {"type", 4},
                                                  {"name", "Custom Status"},
                                                  {"state", words_of(number)},
                                                  {"created_at", 1'700'000'000'000 + number}},
                                     json::object{{"id", hash_of(-2, number)},
                                                  {"type", 0},
                                                  {"name", "A game of some kind"},
                                                  {"details", words_of(number + 7)},
                                                  {"created_at", 1'700'000'000'000 + number}}}}};
}

json::object typing(int number) {
  const int guild = number % 40, person = number % members_of_guild;
  return {{"user_id", id_of(guild, 1, person)},
          {"channel_id", id_of(guild, 3, number % channels_of_guild)},
          {"guild_id", id_of(guild, 0, 0)},
          {"timestamp", 1'700'000'000 + number},
          {"member", member(guild, person)}};
}

json::object voice_state(int number) {
  const int guild = number % 40, person = number % members_of_guild;
  return {{"guild_id", id_of(guild, 0, 0)},
          {"channel_id", nullptr},
          {"user_id", id_of(guild, 1, person)},
          {"session_id", hash_of(-1, number)},
          {"member", member(guild, person)},
          {"deaf", false},
          {"mute", false},
          {"suppress", false}};
}

json::object joining(int number) {
  json::object out = member(number % 40, number % members_of_guild);
  out["guild_id"] = id_of(number % 40, 0, 0);
  return out;
}

struct Event {
  const char* name;
  json::object data;
};

Event event(int number) {
  if (number % 10 == 0) return {"MESSAGE_CREATE", message(number)};
  if (number % 500 == 499) return {"GUILD_CREATE", sample_guild(number)};
  switch (number % 20) {
    case 1:
      return {"MESSAGE_UPDATE", message(number)};
    case 3:
      return {"GUILD_MEMBER_ADD", joining(number)};
    case 19:
      return {"VOICE_STATE_UPDATE", voice_state(number)};
    case 5:
    case 7:
    case 9:
    case 11:
    case 13:
    case 15:
      return {"TYPING_START", typing(number)};
    default:
      return {"PRESENCE_UPDATE", presence(number)};
  }
}

}  // namespace

json::object sample_guild(int number) {
  const std::string id = id_of(number, 0, 0);
  json::object out{{"id", id},
                   {"name", fmt::format("Guild {}", number)},
                   {"owner_id", id_of(number, 1, 0)},
                   {"joined_at", joined},
                   {"member_count", 400},
                   {"preferred_locale", "en-GB"},
                   {"large", true},
                   {"unavailable", false},
                   {"channels", list_of(channels_of_guild, [&](int i) { return channel(number, i); })},
                   {"members", list_of(members_of_guild, [&](int i) { return member(number, i); })},
                   {"emojis", list_of(emojis_of_guild, [&](int i) { return emoji(number, i); })}};
  // The first role is everybody's and has the guild's own id.
  out["roles"] = list_of(roles_of_guild, [&](int i) { return role(i == 0 ? id : id_of(number, 2, i), i); });
  for (const char* name : {"threads", "stickers", "features", "voice_states", "presences", "stage_instances",
                           "guild_scheduled_events", "soundboard_sounds"}) {
    out[name] = json::array{};
  }
  for (const char* name : {"icon", "splash", "banner", "description", "afk_channel_id", "system_channel_id"}) {
    out[name] = nullptr;
  }
  for (const char* name : {"verification_level", "default_message_notifications", "explicit_content_filter",
                           "mfa_level", "nsfw_level", "premium_tier", "afk_timeout", "system_channel_flags"}) {
    out[name] = 0;
  }
  return out;
}

std::vector<std::string> sample_frames(std::size_t count) {
  std::vector<std::string> frames;
  for (std::size_t i = 0; i < count; ++i) {
    Event next = event(static_cast<int>(i));
    frames.push_back(
        json::serialize(json::object{{"t", next.name}, {"s", i + 1}, {"op", 0}, {"d", std::move(next.data)}}));
  }
  return frames;
}

}  // namespace usher::bench
