// [[channels.telegram]].
#include <fmt/format.h>

#include <algorithm>

#include "config/sections/channels/channel_keys.h"

namespace usher::config {
namespace {

// "123456:AA…": it becomes part of a URL.
bool is_bot_token(std::string_view token) {
  const std::size_t colon = token.find(':');
  const auto is_digit = [](char c) { return c >= '0' && c <= '9'; };
  const auto is_part = [&](char c) {
    return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || c == '-';
  };
  return colon != std::string_view::npos && colon > 0 && colon + 1 < token.size() &&
         std::ranges::all_of(token.substr(0, colon), is_digit) && std::ranges::all_of(token.substr(colon + 1), is_part);
}

void read_mode(const TableReader& table) {
  const std::optional<Text> mode = table.text("mode");
  if (!mode || mode->value == "poll") return;
  const std::string message = mode->value == "webhook" ? "mode 'webhook' is not available in this version"
                                                       : unknown_word(*mode, "mode", {"poll"});
  table.problems().error(mode->source, message);
}

Secret read_token(Loading& loading, const TableReader& table) {
  const std::optional<Text> token = table.required_text("token");
  if (!token) return {};
  if (!is_bot_token(token->value)) {
    loading.problems.error(token->source, "'token' is not a bot token; BotFather gives one like 123456:ABC-DEF");
    return {};
  }
  Secret secret(token->value);
  for (const Telegram& other : loading.config.telegram) {
    if (!(other.token == secret)) continue;
    loading.problems.error(
        token->source, fmt::format("'token' is that of channel '{}' too; a bot can be polled once only", other.name));
  }
  return secret;
}

}  // namespace

Telegram read_telegram(Loading& loading, const TableReader& table, ChannelNames& names) {
  Telegram telegram;
  telegram.source = table.source();
  telegram.name = names.read(table, "telegram");
  telegram.tenant = read_channel_tenant(loading, table);
  telegram.token = read_token(loading, table);
  if (const std::optional<Text> root = table.text("api_root")) {
    telegram.api_root = read_url(loading.problems, *root, "api_root", true).value_or("");
  }
  telegram.groups = read_groups(table);
  telegram.resend_unknown = table.boolean("resend_unknown", false);
  read_mode(table);
  return telegram;
}

}  // namespace usher::config
