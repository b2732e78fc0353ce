#include "channels/discord/events/messages.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <limits>
#include <utility>
#include <vector>

#include "base/text.h"
#include "channels/discord/events/snowflake.h"

namespace usher::discord {
namespace {

constexpr std::int64_t kPlain = 0, kReply = 19;  // types of messages; all others are the platform's own words
constexpr std::int64_t kForward = 1;             // type of a message_reference
constexpr std::size_t kMaxName = 128, kMaxAttachments = 10, kMaxUrl = 2048;
constexpr std::array<std::string_view, 4> kImages{"image/png", "image/jpeg", "image/webp", "image/gif"};

std::string text_at(const json::value* in, std::string_view name) {
  return repair_utf8(string_at(in, name).value_or(""));
}

std::string name_at(const json::value* in, std::string_view name) {
  return std::string(prefix_within_bytes(text_at(in, name), kMaxName));
}

// Nobody's words but a person's count: neither a bot's, this one's included, nor a webhook's, whose name and picture
// anybody may choose, nor Discord's own.
bool is_from_person(const json::value& event, const json::value* author, const DecodeContext& context) {
  if (member(&event, "webhook_id")) return false;
  if (bool_at(author, "bot").value_or(false) || bool_at(author, "system").value_or(false)) return false;
  if (string_at(author, "id") == context.bot_id) return false;
  const std::optional<std::int64_t> type = integer_at(&event, "type");
  return type == kPlain || type == kReply;
}

// Both ways in which Discord writes a mention of a user.
std::array<std::string, 2> mentions_of(const std::string& id) { return {"<@" + id + ">", "<@!" + id + ">"}; }

// Discord lists whom a message really mentions; words alone could stand in a code block.
bool mentions_bot(const json::value& event, std::string_view text, const DecodeContext& context) {
  const json::array* listed = array_at(&event, "mentions");
  const bool is_listed = listed && std::ranges::any_of(*listed, [&](const json::value& user) {
                           return string_at(&user, "id") == context.bot_id;
                         });
  return is_listed && std::ranges::any_of(mentions_of(context.bot_id), [&](const std::string& mention) {
           return text.find(mention) != std::string_view::npos;
         });
}

bool is_forward(const json::value& event) {
  return integer_at(member(&event, "message_reference"), "type") == kForward;
}

bool is_reply_to_bot(const json::value& event, const DecodeContext& context) {
  if (integer_at(&event, "type") != kReply || is_forward(event)) return false;
  return string_at(member(member(&event, "referenced_message"), "author"), "id") == context.bot_id;
}

bool is_for_bot(const json::value& event, std::string_view text, const DecodeContext& context) {
  if (context.groups == GroupMode::off) return false;
  if (context.groups == GroupMode::all) return true;
  return mentions_bot(event, text, context) || is_reply_to_bot(event, context);
}

// The text without the bot's own name. What consists of nothing else stays as it is: somebody called.
std::string without_mentions(std::string_view text, const DecodeContext& context) {
  std::string out(text);
  for (const std::string& mention : mentions_of(context.bot_id)) {
    for (std::size_t at = out.find(mention); at != std::string::npos; at = out.find(mention, at)) {
      const std::size_t end = at + mention.size();
      const bool is_after_space = at == 0 || out[at - 1] == ' ' || out[at - 1] == '\n';
      const bool takes_space = is_after_space && end < out.size() && out[end] == ' ';
      out.erase(at, mention.size() + (takes_space ? 1 : 0));
    }
  }
  const std::string_view trimmed = trim(out);
  return std::string(trimmed.empty() ? text : trimmed);
}

std::string display_name(const json::value& event, const json::value* author) {
  std::string name = name_at(member(&event, "member"), "nick");
  if (name.empty()) name = name_at(author, "global_name");
  if (name.empty()) name = name_at(author, "username");
  return name;
}

// "image/png; charset=…" → "image/png"
std::string media_type_of(const json::value& file) {
  const std::string type = name_at(&file, "content_type");
  return lower_ascii(trim(std::string_view(type).substr(0, type.find(';'))));
}

void read_attachments(const json::value& message, std::vector<channel::Attachment>& out) {
  const json::array* files = array_at(&message, "attachments");
  if (!files) return;
  for (const json::value& file : *files) {
    const std::string_view url = string_at(&file, "url").value_or("");
    if (url.empty() || url.size() > kMaxUrl || out.size() >= kMaxAttachments) continue;
    channel::Attachment attachment;
    attachment.media_type = media_type_of(file);
    const bool is_image = std::ranges::find(kImages, attachment.media_type) != kImages.end();
    attachment.kind = is_image ? channel::Attachment::Kind::image : channel::Attachment::Kind::other;
    attachment.platform_id = url;
    attachment.name = name_at(&file, "filename");
    attachment.bytes = static_cast<std::size_t>(std::max<std::int64_t>(0, integer_at(&file, "size").value_or(0)));
    out.push_back(std::move(attachment));
  }
}

// What a message quotes from elsewhere. Marked, so that a forwarded "/stop" is no command and the words are not taken
// for the sender's own.
void read_forward(const json::value& event, channel::Incoming& in) {
  const json::array* snapshots = array_at(&event, "message_snapshots");
  if (!snapshots || snapshots->empty()) return;
  const json::value* quoted = member(&snapshots->front(), "message");
  if (!quoted) return;
  const std::string text = text_at(quoted, "content");
  if (!text.empty()) in.text += (in.text.empty() ? "" : "\n") + ("Forwarded message:\n" + text);
  read_attachments(*quoted, in.attachments);
}

// "2026-11-27T12:34:56.789000+00:00" → Unix seconds; 0 for anything else. Discord writes UTC always.
std::int64_t unix_seconds(std::string_view text) {
  if (text.size() < 19 || text[10] != 'T') return 0;
  const auto number = [&](std::size_t at, std::size_t digits) {
    unsigned value = 0;  // takes no sign
    const char* end = text.data() + at + digits;
    const auto [stop, error] = std::from_chars(text.data() + at, end, value);
    return error == std::errc{} && stop == end ? static_cast<int>(value) : -1;
  };
  const std::chrono::year_month_day day(std::chrono::year(number(0, 4)),
                                        std::chrono::month(static_cast<unsigned>(number(5, 2))),
                                        std::chrono::day(static_cast<unsigned>(number(8, 2))));
  const int hour = number(11, 2), minute = number(14, 2), second = number(17, 2);
  if (!day.ok() || hour < 0 || minute < 0 || second < 0) return 0;
  const auto time = std::chrono::sys_days(day) + std::chrono::hours(hour) + std::chrono::minutes(minute) +
                    std::chrono::seconds(second);
  const std::int64_t seconds = std::chrono::duration_cast<std::chrono::seconds>(time.time_since_epoch()).count();
  return std::max<std::int64_t>(0, seconds);
}

}  // namespace

void read_speaker(const json::value& event, const json::value* user, channel::Incoming& in) {
  if (in.is_group) in.platform_roles = roles_in(member(&event, "member"));
  in.display_name = display_name(event, user);
}

std::optional<channel::Incoming> decode_message(const json::value& event, const DecodeContext& context,
                                                std::string& problem) {
  const json::value* author = member(&event, "author");
  channel::Incoming in;
  in.channel = context.channel;
  in.kind = "discord";
  in.platform_id = snowflake_at(&event, "id");
  in.message_id = in.platform_id;
  in.chat = snowflake_at(&event, "channel_id");
  in.sender_id = snowflake_at(author, "id");
  in.guild = snowflake_at(&event, "guild_id");
  in.is_group = member(&event, "guild_id") != nullptr;
  const bool has_ids = !in.platform_id.empty() && !in.chat.empty() && !in.sender_id.empty();
  if (!has_ids || in.is_group == in.guild.empty() || !integer_at(&event, "type")) {
    problem = "a message without its ids or its type";
    return std::nullopt;
  }
  if (!is_from_person(event, author, context)) return std::nullopt;
  const std::string text = text_at(&event, "content");
  if (in.is_group && !is_for_bot(event, text, context)) return std::nullopt;
  if (in.is_group && !array_at(member(&event, "member"), "roles")) {
    problem = "a guild's message that does not say which roles its sender holds";
    return std::nullopt;
  }

  in.text = without_mentions(text, context);
  read_attachments(event, in.attachments);
  if (is_forward(event)) read_forward(event, in);
  if (in.text.empty() && in.attachments.empty()) return std::nullopt;  // a sticker, a poll
  read_speaker(event, author, in);
  in.sent_at = unix_seconds(string_at(&event, "timestamp").value_or(""));
  return in;
}

}  // namespace usher::discord
