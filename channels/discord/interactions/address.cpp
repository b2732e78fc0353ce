#include "channels/discord/interactions/address.h"

#include <algorithm>

#include "channels/discord/events/snowflake.h"

namespace usher::discord {
namespace {

constexpr std::string_view kScheme = "interaction:";
constexpr std::string_view kEphemeral = ":e";
constexpr std::size_t kMaxBytes = 512;

}  // namespace

bool is_interaction_token(std::string_view token) {
  return !token.empty() && std::ranges::all_of(token, [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '.' || c == '-' ||
           c == '_' || c == '=';
  });
}

std::string to_text(const InteractionAddress& address) {
  std::string text(kScheme);
  text.append(address.application).append(":").append(address.token);
  if (address.is_ephemeral) text += kEphemeral;
  const bool is_readable = is_snowflake(address.application) && is_interaction_token(address.token);
  return is_readable && text.size() <= kMaxBytes ? text : "";
}

std::optional<InteractionAddress> interaction_address(std::string_view text) {
  if (!text.starts_with(kScheme) || text.size() > kMaxBytes) return std::nullopt;
  text.remove_prefix(kScheme.size());
  const std::size_t colon = text.find(':');
  if (colon == std::string_view::npos) return std::nullopt;
  InteractionAddress address;
  address.application = text.substr(0, colon);
  text.remove_prefix(colon + 1);
  const std::size_t end = std::min(text.find(':'), text.size());
  address.token = text.substr(0, end);
  address.is_ephemeral = text.substr(end) == kEphemeral;
  if (end < text.size() && !address.is_ephemeral) return std::nullopt;
  if (!is_snowflake(address.application) || !is_interaction_token(address.token)) return std::nullopt;
  return address;
}

}  // namespace usher::discord
