// [[channels.discord]].
#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "config/sections/channels/channel_keys.h"

namespace usher::config {
namespace {

constexpr int kMaxShards = 256;

struct Intent {
  const char* name;
  std::uint32_t bit;
};
// Those that usher can make use of; Discord's own names in lower case.
constexpr Intent kIntents[] = {{"guilds", 1u << 0},
                               {"guild_members", 1u << 1},
                               {"guild_messages", 1u << 9},
                               {"direct_messages", 1u << 12},
                               {"message_content", 1u << 15}};

// It becomes part of a header.
bool is_bot_token(std::string_view token) {
  const auto is_part = [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || c == '-' ||
           c == '.';
  };
  return token.size() >= 20 && token.size() <= 200 && std::ranges::count(token, '.') == 2 &&
         std::ranges::all_of(token, is_part);
}

Secret read_token(Loading& loading, const TableReader& table) {
  const std::optional<Text> token = table.required_text("token");
  if (!token) return {};
  if (!is_bot_token(token->value)) {
    loading.problems.error(token->source,
                           "'token' is not a bot token; the developer portal shows one on the page Bot (three parts "
                           "with dots between, without the word Bot)");
    return {};
  }
  Secret secret(token->value);
  for (const Discord& other : loading.config.discord) {
    if (!(other.token == secret)) continue;
    loading.problems.error(token->source, fmt::format("'token' is that of channel '{}' too", other.name));
  }
  return secret;
}

std::uint32_t read_intents(const TableReader& table, std::uint32_t fallback) {
  if (!table.has("intents")) return fallback;
  std::vector<std::string> names;
  for (const Intent& intent : kIntents) names.emplace_back(intent.name);
  std::uint32_t intents = 0;
  for (const Text& text : table.texts("intents")) {
    const auto known = std::ranges::find(kIntents, text.value, [](const Intent& intent) { return intent.name; });
    if (known == std::end(kIntents)) {
      table.problems().error(text.source, unknown_word(text, "intents", names));
    } else {
      intents |= known->bit;
    }
  }
  if ((intents & 1u) == 0) {
    table.problems().warning(
        table.source_of("intents"),
        "without 'guilds' a discord_role assignment without 'guild' never counts in direct messages");
  }
  return intents;
}

int read_shards(const TableReader& table) {
  const std::optional<Text> text = table.text("shards");
  if (!text || text->value == "auto") return 0;
  int shards = 0;
  const char* end = text->value.data() + text->value.size();
  const auto [stopped, failed] = std::from_chars(text->value.data(), end, shards);
  if (failed == std::errc() && stopped == end && shards >= 1 && shards <= kMaxShards) return shards;
  table.problems().error(text->source, fmt::format("'shards' is \"auto\" or a number from 1 to {}", kMaxShards));
  return 0;
}

// One emoji, or "name:id" of a guild's own.
std::string read_acknowledge(const TableReader& table) {
  const std::optional<Text> text = table.text("acknowledge");
  if (!text) return "";
  const std::size_t colon = text->value.find(':');
  const bool is_custom = colon != std::string::npos && colon > 0 && colon + 1 < text->value.size() &&
                         text->value.find_first_not_of("0123456789", colon + 1) == std::string::npos;
  // Whether it is one that Discord has, only Discord knows.
  const bool is_emoji = text->value.size() <= 40 &&
                        std::ranges::all_of(text->value, [](char c) { return static_cast<unsigned char>(c) >= 0x80; });
  if (is_custom || is_emoji) return text->value;
  table.problems().error(text->source, "'acknowledge' is one emoji, or name:id of one of a guild's own");
  return "";
}

std::string read_public_key(const TableReader& table) {
  const std::optional<Text> text = table.text("public_key");
  if (!text) return "";
  const bool is_key =
      text->value.size() == 64 && text->value.find_first_not_of("0123456789abcdef") == std::string::npos;
  if (is_key) return text->value;
  table.problems().error(text->source,
                         "'public_key' is the application's public key: 64 hex digits, on the developer portal's page "
                         "General Information");
  return "";
}

}  // namespace

Discord read_discord(Loading& loading, const TableReader& table, ChannelNames& names) {
  static constexpr Choice<LongReply> kLongReplies[] = {{"messages", LongReply::messages}, {"file", LongReply::file}};
  Discord discord;
  discord.source = table.source();
  discord.name = names.read(table, "discord");
  discord.tenant = read_channel_tenant(loading, table);
  discord.token = read_token(loading, table);
  if (const std::optional<Text> root = table.text("api_root")) {
    discord.api_root = read_url(loading.problems, *root, "api_root", true).value_or("");
  }
  discord.intents = read_intents(table, discord.intents);
  discord.groups = read_groups(table);
  discord.long_reply = read_choice(table, "long_reply", kLongReplies, LongReply::messages);
  discord.shards = read_shards(table);
  discord.acknowledge = read_acknowledge(table);
  discord.public_key = read_public_key(table);
  return discord;
}

}  // namespace usher::config
