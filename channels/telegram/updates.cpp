// getUpdates' result → Incoming: who speaks, whether the bot is meant, and what is said.
#include <algorithm>
#include <limits>
#include <utility>

#include "base/text.h"
#include "channels/telegram/codec.h"

namespace usher::telegram {
namespace {

constexpr std::int64_t kMaxFileBytes = 20 << 20;  // what getFile gives out
constexpr std::int64_t kGeneralTopic = 1;
constexpr std::size_t kMaxName = 128;

struct ByteRange {
  std::size_t begin = 0, end = 0;
};

// Telegram counts entities in UTF-16 units. Past the end is the end; inside a surrogate pair is behind it.
std::size_t byte_of_unit(std::string_view text, std::size_t unit) {
  std::size_t at = 0, units = 0;
  while (at < text.size() && units < unit) {
    const unsigned char first = static_cast<unsigned char>(text[at]);
    const std::size_t bytes = first < 0x80 ? 1 : first < 0xE0 ? 2 : first < 0xF0 ? 3 : 4;
    units += bytes == 4 ? 2 : 1;
    at = std::min(text.size(), at + bytes);
  }
  return at;
}

std::optional<ByteRange> range_of(std::string_view text, const json::value& entity) {
  const std::optional<std::int64_t> offset = integer_at(&entity, "offset");
  const std::optional<std::int64_t> length = integer_at(&entity, "length");
  if (!offset || !length || *offset < 0 || *length <= 0 || *offset > 1'000'000 || *length > 1'000'000)
    return std::nullopt;
  return ByteRange{byte_of_unit(text, static_cast<std::size_t>(*offset)),
                   byte_of_unit(text, static_cast<std::size_t>(*offset + *length))};
}

bool is_same_name(std::string_view a, std::string_view b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](char x, char y) {
    const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; };
    return lower(x) == lower(y);
  });
}

// What the entities say about the bot being meant.
struct Mentions {
  bool is_named = false;          // "@bot", a text mention of it, or a command to it
  std::vector<ByteRange> to_cut;  // the bot's own name in the text
};

void read_command(std::string_view text, ByteRange range, const BotIdentity& bot, Mentions& out) {
  const std::string_view command = text.substr(range.begin, range.end - range.begin);
  const std::size_t at = command.find('@');
  if (at == std::string_view::npos) {
    out.is_named = out.is_named || range.begin == 0;
  } else if (is_same_name(command.substr(at + 1), bot.username)) {
    out.is_named = true;
    out.to_cut.push_back({range.begin + at, range.end});
  }
}

Mentions read_mentions(std::string_view text, const json::array* entities, const BotIdentity& bot, bool is_group) {
  Mentions out;
  if (!entities) return out;
  for (const json::value& entity : *entities) {
    const std::string_view type = string_at(&entity, "type").value_or("");
    const std::optional<ByteRange> range = range_of(text, entity);
    if (!range) continue;
    const std::string_view word = text.substr(range->begin, range->end - range->begin);
    if (type == "bot_command") {
      read_command(text, *range, bot, out);
    } else if (!is_group) {
      continue;
    } else if (type == "mention" && word.starts_with('@') && is_same_name(word.substr(1), bot.username)) {
      out.is_named = true;
      out.to_cut.push_back(*range);
    } else if (type == "text_mention" && integer_at(member(&entity, "user"), "id") == bot.id) {
      out.is_named = true;
      out.to_cut.push_back(*range);
    }
  }
  return out;
}

// The text without the bot's own name. What consists of nothing else stays as it is: somebody called.
std::string without(std::string_view text, std::vector<ByteRange> cuts) {
  std::sort(cuts.begin(), cuts.end(), [](ByteRange a, ByteRange b) { return a.begin < b.begin; });
  std::string out;
  std::size_t at = 0;
  for (const ByteRange& cut : cuts) {
    if (cut.begin < at) continue;
    out.append(text.substr(at, cut.begin - at));
    at = cut.end;
    const bool is_after_space = out.empty() || out.back() == ' ' || out.back() == '\n';
    if (is_after_space && at < text.size() && text[at] == ' ') ++at;
  }
  out.append(text.substr(at));
  const std::string_view trimmed = trim(out);
  return std::string(trimmed.empty() ? text : trimmed);
}

std::string display_name(const json::value* from) {
  std::string name(string_at(from, "first_name").value_or(""));
  const std::string_view last = string_at(from, "last_name").value_or("");
  if (!last.empty()) name += (name.empty() ? "" : " ") + std::string(last);
  if (name.empty()) name = string_at(from, "username").value_or("");
  return std::string(prefix_within_bytes(name, kMaxName));
}

std::size_t size_of(const json::value& file) {
  return static_cast<std::size_t>(std::max<std::int64_t>(0, integer_at(&file, "file_size").value_or(0)));
}

// A photo comes in several sizes: the largest that may be downloaded.
void read_photo(const json::value& message, std::vector<channel::Attachment>& out) {
  const json::array* sizes = array_at(&message, "photo");
  if (!sizes) return;
  const json::value* best = nullptr;
  std::int64_t best_width = -1;
  for (const json::value& size : *sizes) {
    const std::int64_t width = integer_at(&size, "width").value_or(0);
    const bool is_usable = string_at(&size, "file_id") && integer_at(&size, "file_size").value_or(0) <= kMaxFileBytes;
    if (!is_usable || width <= best_width) continue;
    best = &size;
    best_width = width;
  }
  if (!best) return;
  using channel::Attachment;
  out.push_back({Attachment::Kind::image, std::string(*string_at(best, "file_id")), "", "image/jpeg", size_of(*best)});
}

// Every other kind of file is passed on as what it claims to be; the gateway decides.
void read_files(const json::value& message, std::vector<channel::Attachment>& out) {
  using channel::Attachment;
  for (std::string_view kind : {"document", "audio", "voice", "video", "video_note"}) {
    const json::value* file = member(&message, kind);
    const std::optional<std::string_view> id = string_at(file, "file_id");
    if (!id) continue;
    const std::string_view media_type = string_at(file, "mime_type").value_or("");
    const bool is_image = kind == "document" && media_type.starts_with("image/");
    out.push_back({is_image ? Attachment::Kind::image : Attachment::Kind::other, std::string(*id),
                   std::string(prefix_within_bytes(string_at(file, "file_name").value_or(""), kMaxName)),
                   std::string(prefix_within_bytes(media_type, kMaxName)), size_of(*file)});
  }
}

bool is_forwarded(const json::value& message) {
  return member(&message, "forward_origin") || member(&message, "forward_date");
}

// In a forum every message "replies" to the one that opened its topic; that is not a reply to whoever opened it.
bool is_reply_to(const json::value& message, const BotIdentity& bot) {
  const json::value* replied = member(&message, "reply_to_message");
  if (!replied || member(replied, "forum_topic_created")) return false;
  return integer_at(member(replied, "from"), "id") == bot.id;
}

bool is_for_bot(const json::value& message, const Mentions& mentions, const DecodeContext& context, bool is_group) {
  if (!is_group) return true;
  if (context.groups == GroupMode::off) return false;
  if (context.groups == GroupMode::all) return true;
  // Words of a forwarded message are somebody else's: they call nobody.
  return (mentions.is_named && !is_forwarded(message)) || is_reply_to(message, context.bot);
}

// The person behind a message: their id, "" when the platform vouches for nobody (anonymous admins, channels), nothing
// when a bot wrote it.
std::optional<std::string> sender_of(const json::value& message) {
  if (bool_at(&message, "is_automatic_forward").value_or(false)) return std::nullopt;
  if (member(&message, "sender_chat")) return "";
  const json::value* from = member(&message, "from");
  if (bool_at(from, "is_bot").value_or(false)) return std::nullopt;
  const std::optional<std::int64_t> id = integer_at(from, "id");
  return id && *id > 0 ? std::to_string(*id) : "";
}

std::string text_of(const json::value& message, const Mentions& mentions, std::string_view raw) {
  std::string text = without(raw, mentions.to_cut);
  // Marked, so that a forwarded "/stop" is no command and the words are not taken for the sender's own.
  if (is_forwarded(message) && !text.empty()) text = "Forwarded message:\n" + text;
  return text;
}

struct Decoded {
  std::optional<channel::Incoming> message;
  std::string problem;
};

Decoded decode_message(const json::value& message, std::int64_t update_id, const DecodeContext& context) {
  const json::value* chat = member(&message, "chat");
  const std::optional<std::int64_t> chat_id = integer_at(chat, "id");
  const std::optional<std::int64_t> message_id = integer_at(&message, "message_id");
  const std::string_view type = string_at(chat, "type").value_or("");
  if (!chat_id || !message_id || type.empty()) return {std::nullopt, "a message without chat or id"};
  const bool is_group = type == "group" || type == "supergroup";
  if (!is_group && type != "private") return {};
  if (const std::optional<std::int64_t> moved = integer_at(&message, "migrate_to_chat_id")) {
    // A ceiling in config.toml knows the old id only: the operator has to hear of it.
    return {std::nullopt, "group " + std::to_string(*chat_id) + " is now supergroup " + std::to_string(*moved) +
                              "; a [[rbac.groups]] entry for it must name the new id"};
  }
  const std::optional<std::string> sender = sender_of(message);
  if (!sender) return {};

  const bool has_text = string_at(&message, "text").has_value();
  const std::string_view raw = string_at(&message, has_text ? "text" : "caption").value_or("");
  const json::array* entities = array_at(&message, has_text ? "entities" : "caption_entities");
  const Mentions mentions = read_mentions(raw, entities, context.bot, is_group);
  if (!is_for_bot(message, mentions, context, is_group)) return {};

  channel::Incoming in;
  in.channel = context.channel;
  in.platform_id = std::to_string(update_id);
  in.kind = "telegram";
  in.sender_id = *sender;
  in.display_name = display_name(member(&message, "from"));
  in.chat = std::to_string(*chat_id);
  in.message_id = std::to_string(*message_id);
  in.is_group = is_group;
  in.text = text_of(message, mentions, raw);
  in.sent_at = integer_at(&message, "date").value_or(0);
  const std::int64_t thread = integer_at(&message, "message_thread_id").value_or(0);
  const bool is_topic = bool_at(&message, "is_topic_message").value_or(false);
  if (is_topic && thread > kGeneralTopic) in.thread = std::to_string(thread);
  read_photo(message, in.attachments);
  read_files(message, in.attachments);
  if (in.text.empty() && in.attachments.empty()) return {};  // a service message, a sticker, a place
  return {std::move(in), ""};
}

}  // namespace

Result<Batch> decode_updates(const json::value& result, const DecodeContext& context) {
  const json::array* updates = result.if_array();
  if (!updates) return fail(ErrorKind::protocol, "Telegram's getUpdates answered no list");
  Batch batch;
  batch.updates = updates->size();
  for (const json::value& update : *updates) {
    const std::optional<std::int64_t> id = integer_at(&update, "update_id");
    if (!id || *id < 0 || *id == std::numeric_limits<std::int64_t>::max()) {
      batch.problems.push_back("an update without an id");
      continue;
    }
    batch.next_offset = *id + 1;
    const json::value* message = member(&update, "message");
    if (!message) continue;  // edits never run again; other kinds are not ours
    Decoded decoded = decode_message(*message, *id, context);
    if (!decoded.problem.empty()) batch.problems.push_back("update " + std::to_string(*id) + ": " + decoded.problem);
    if (decoded.message) batch.messages.push_back(std::move(*decoded.message));
  }
  if (batch.updates > 0 && !batch.next_offset) return fail(ErrorKind::protocol, "Telegram's updates carry no ids");
  return batch;
}

}  // namespace usher::telegram
