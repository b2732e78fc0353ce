#include "channels/discord/interactions/decode.h"

#include <charconv>
#include <string_view>

#include "base/text.h"
#include "channels/discord/events/messages.h"
#include "channels/discord/events/snowflake.h"
#include "channels/discord/interactions/commands.h"
#include "channels/discord/outbound/payload.h"

namespace usher::discord {
namespace {

constexpr std::int64_t kPing = 1, kCommand = 2, kComponent = 3, kAutocomplete = 4;  // types of interactions
constexpr std::int64_t kSlash = 1, kButton = 2;                                     // of commands and components
constexpr std::int64_t kDirectMessage = 1, kPrivateChannel = 2;  // contexts: with the bot; among people
constexpr std::int64_t kEpoch = 1'420'070'400'000;               // 2015, where snowflakes begin

std::int64_t unix_seconds(std::string_view snowflake) {
  std::uint64_t id = 0;
  std::from_chars(snowflake.data(), snowflake.data() + snowflake.size(), id);
  return (static_cast<std::int64_t>(id >> 22) + kEpoch) / 1000;
}

std::string option_of(const json::value* data, std::string_view name) {
  const json::array* options = array_at(data, "options");
  for (std::size_t i = 0; options && i < options->size(); ++i) {
    if (string_at(&(*options)[i], "name") == name) return repair_utf8(string_at(&(*options)[i], "value").value_or(""));
  }
  return "";
}

// What the command or button says; "" for one that is not ours.
std::string words_of_interaction(std::int64_t type, const json::value* data) {
  if (type == kComponent) {
    const std::string_view id = string_at(data, "custom_id").value_or("");
    const bool is_ours = integer_at(data, "component_type") == kButton && id.starts_with(kSays);
    return is_ours ? repair_utf8(id.substr(kSays.size())) : "";
  }
  const std::string_view name = string_at(data, "name").value_or("");
  if (type != kCommand || integer_at(data, "type").value_or(kSlash) != kSlash || !is_command(name)) return "";
  if (name == "ask") return option_of(data, "text");
  const std::string code = name == "link" ? option_of(data, "code") : "";
  return "/" + std::string(name) + (code.empty() ? "" : " " + code);
}

// Who acts, and where; false when it does not say.
bool read_place(const json::value& event, channel::Incoming& in) {
  in.platform_id = snowflake_at(&event, "id");
  in.is_group = member(&event, "guild_id") != nullptr;
  in.guild = snowflake_at(&event, "guild_id");
  in.chat = snowflake_at(&event, "channel_id");
  if (in.chat.empty()) in.chat = snowflake_at(member(&event, "channel"), "id");
  const json::value* user = in.is_group ? member(member(&event, "member"), "user") : member(&event, "user");
  in.sender_id = snowflake_at(user, "id");
  if (in.platform_id.empty() || in.chat.empty() || in.sender_id.empty() || in.is_group == in.guild.empty())
    return false;
  if (bool_at(user, "bot").value_or(false)) return false;
  if (in.is_group && !array_at(member(&event, "member"), "roles")) return false;
  read_speaker(event, user, in);
  in.sent_at = unix_seconds(in.platform_id);
  return true;
}

void refuse(Interaction& interaction, std::string_view words) {
  interaction.kind = Interaction::Kind::refused;
  interaction.refusal = words;
}

}  // namespace

std::optional<Interaction> decode_interaction(const json::value& event, const DiscordOptions& options,
                                              std::string& problem) {
  Interaction out;
  const std::optional<std::int64_t> type = integer_at(&event, "type");
  if (type == kPing) return out;
  out.id = snowflake_at(&event, "id");
  out.address = {snowflake_at(&event, "application_id"), std::string(string_at(&event, "token").value_or("")), false};
  if (!type || out.id.empty() || to_text(out.address).empty()) {
    problem = "an interaction without its ids, its type or a token that can be used";
    return std::nullopt;
  }
  if (type == kAutocomplete) {
    out.kind = Interaction::Kind::autocomplete;
    return out;
  }
  channel::Incoming& in = out.incoming;
  if (!read_place(event, in)) {
    problem = "an interaction that does not say who acts, and where";
    return std::nullopt;
  }
  in.channel = options.name;
  in.kind = "discord";
  in.text = trim(words_of_interaction(*type, member(&event, "data")));
  out.kind = Interaction::Kind::said;
  if (in.text.empty()) refuse(out, "I do not know this one. /help says what I understand.");
  // Where no server is named and the context does not say that the bot is alone with somebody, others may read along.
  const std::optional<std::int64_t> context = integer_at(&event, "context");
  const bool is_elsewhere = context == kPrivateChannel || (!in.is_group && context != kDirectMessage);
  if (is_elsewhere) refuse(out, "I answer in servers and direct messages only.");
  out.address.is_ephemeral = out.kind == Interaction::Kind::refused || (in.is_group && is_private(in.text));
  in.message_id = to_text(out.address);
  if (in.message_id.empty()) problem = "an interaction whose token is too long";
  if (in.message_id.empty()) return std::nullopt;
  return out;
}

}  // namespace usher::discord
