// Channels, messages, typing and reactions of the API.
#include <algorithm>

#include "support/discord/mentions.h"
#include "support/discord/state.h"

namespace usher::testing {
namespace {

constexpr std::size_t kMaxCharacters = 2000;
constexpr std::size_t kMaxNonce = 25;
constexpr std::size_t kMaxFiles = 10;
constexpr std::size_t kMaxUpload = 10u << 20;
constexpr std::int64_t kSettableFlags = 1 << 2 | 1 << 6 | 1 << 12;  // no embeds, ephemeral, silent
constexpr std::int64_t kLoadingFlag = 1 << 7;
constexpr int kReplyType = 19;

std::size_t characters(std::string_view text) {
  return static_cast<std::size_t>(
      std::count_if(text.begin(), text.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; }));
}

bool is_blank(std::string_view text) { return text.find_first_not_of(" \n\t\r") == std::string_view::npos; }

const char* words_for(int code) {
  switch (code) {
    case 50001:
      return "Missing Access";
    case 50007:
      return "Cannot send messages to this user";
    case 50013:
      return "Missing Permissions";
    default:
      return "Forbidden";
  }
}

// What is wrong with a button, or "".
std::string button_fault(const json::value& button) {
  if (integer_at(&button, "type") != 2) return "only buttons are known here";
  const std::int64_t style = integer_at(&button, "style").value_or(0);
  if (style < 1 || style > 5) return "style must be 1 to 5";
  const std::size_t id = string_at(&button, "custom_id").value_or("").size();
  if (style != 5 && (id == 0 || id > 100)) return "custom_id must have 1 to 100 characters";
  if (characters(string_at(&button, "label").value_or("")) > 80) return "label must have at most 80 characters";
  if (!member(&button, "label") && !member(&button, "emoji")) return "a button needs a label or an emoji";
  return "";
}

std::string components_fault(const json::array& rows) {
  if (rows.size() > 5) return "at most 5 rows";
  std::vector<std::string> seen;
  for (const json::value& row : rows) {
    const json::array* buttons = array_at(&row, "components");
    if (integer_at(&row, "type") != 1 || !buttons) return "a row has type 1 and components";
    if (buttons->empty() || buttons->size() > 5) return "1 to 5 buttons a row";
    for (const json::value& button : *buttons) {
      if (std::string fault = button_fault(button); !fault.empty()) return fault;
      const std::string id(string_at(&button, "custom_id").value_or(""));
      if (!id.empty() && std::find(seen.begin(), seen.end(), id) != seen.end()) return "custom_id twice";
      seen.push_back(id);
    }
  }
  return "";
}

// An edit that lists attachments drops the others.
void keep_listed_files(const json::object& body, std::vector<DiscordFile>& files) {
  const json::value holder(body);
  const json::array* listed = array_at(&holder, "attachments");
  if (!listed) return;
  std::erase_if(files, [&](const DiscordFile& file) {
    return std::none_of(listed->begin(), listed->end(),
                        [&](const json::value& entry) { return string_at(&entry, "id") == file.id; });
  });
}

// A nonce is a string or an integer; nullopt for anything else and for a long one.
std::optional<std::string> nonce_of(const json::object& body) {
  const json::value* nonce = body.if_contains("nonce");
  if (!nonce || nonce->is_null()) return "";
  if (!nonce->is_string() && !nonce->is_int64() && !nonce->is_uint64()) return std::nullopt;
  const std::string text = nonce->is_string() ? std::string(nonce->as_string()) : json::serialize(*nonce);
  if (text.size() > kMaxNonce) return std::nullopt;
  return text;
}

void add_new(std::vector<std::string>& all, const std::vector<std::string>& more) {
  for (const std::string& entry : more) {
    if (std::find(all.begin(), all.end(), entry) == all.end()) all.push_back(entry);
  }
}

}  // namespace

std::optional<HttpReply> DiscordState::check_channel(const RestRequest& request, bool sends) {
  const DiscordChannel* channel = world.find_channel(request.ids.at("channel"));
  if (!channel) return rest_error(404, 10003, "Unknown Channel");
  if (!channel->guild.empty() && !world.find_guild(channel->guild)) return rest_error(403, 50001, "Missing Access");
  if (sends && channel->refusal != 0) return rest_error(403, channel->refusal, words_for(channel->refusal));
  if (sends && channel->type == DiscordChannel::kForum) {
    return rest_error(400, 50008, "Cannot send messages in a non-text channel");
  }
  return std::nullopt;
}

std::optional<HttpReply> DiscordState::read_message(const RestRequest& request, DiscordMessage& message, bool is_edit) {
  const json::object& body = request.body;
  const json::value holder(body);
  if (body.contains("content") || !is_edit) message.content = text_in(body, "content");
  if (characters(message.content) > kMaxCharacters) {
    return rest_invalid("content", "Must be 2000 or fewer in length.");
  }
  std::size_t upload = 0;
  for (const DiscordFile& file : request.files) upload += file.bytes.size();
  if (upload > kMaxUpload) return rest_error(413, 40005, "Request entity too large");
  if (request.files.size() > kMaxFiles) return rest_invalid("attachments", "Must be 10 or fewer in length.");
  keep_listed_files(body, message.files);
  message.files.insert(message.files.end(), request.files.begin(), request.files.end());
  if (const json::array* embeds = array_at(&holder, "embeds")) message.embeds = *embeds;
  if (const json::array* rows = array_at(&holder, "components")) {
    if (const std::string fault = components_fault(*rows); !fault.empty()) return rest_invalid("components", fault);
    message.components = *rows;
  }
  if (is_blank(message.content) && message.files.empty() && message.embeds.empty()) {
    return rest_error(400, 50006, "Cannot send an empty message");
  }
  if (!is_edit) message.flags = integer_at(&holder, "flags").value_or(0) & kSettableFlags;

  const DiscordMessage* replied = world.find_message(message.channel, message.reply_to);
  const Result<std::vector<std::string>> pinged =
      pinged_by(mentions_in(message.content), body.if_contains("allowed_mentions"), replied ? replied->author : "");
  if (!pinged) return rest_invalid("allowed_mentions", pinged.error().message);
  add_new(message.pinged, *pinged);
  message.request = body;
  message.author = world.bot();
  message.is_bot = true;
  return std::nullopt;
}

const DiscordMessage* DiscordState::find_by_nonce(const json::object& body, const std::string& nonce) const {
  const json::value holder(body);
  if (nonce.empty() || !bool_at(&holder, "enforce_nonce").value_or(false)) return nullptr;
  const auto known = nonces.find(nonce);
  const auto found = known == nonces.end() ? world.messages.end() : world.messages.find(known->second);
  const auto oldest = std::chrono::system_clock::now() - options.nonce_life;
  if (found == world.messages.end() || found->second.is_deleted || found->second.created < oldest) return nullptr;
  return &found->second;
}

HttpReply DiscordState::create_message(const RestRequest& request) {
  if (std::optional<HttpReply> refusal = check_channel(request, true)) return *refusal;
  const std::optional<std::string> nonce = nonce_of(request.body);
  if (!nonce) return rest_invalid("nonce", "Must be 25 or fewer in length.");
  if (const DiscordMessage* known = find_by_nonce(request.body, *nonce)) return rest_ok(world.show(*known));
  DiscordMessage message;
  message.channel = request.ids.at("channel");
  message.nonce = *nonce;
  const json::value holder(request.body);
  if (const json::value* reference = member(&holder, "message_reference")) {
    message.reply_to = string_at(reference, "message_id").value_or("");
    const bool is_there = world.find_message(message.channel, message.reply_to) != nullptr;
    if (!is_there && bool_at(reference, "fail_if_not_exists").value_or(true)) {
      return rest_invalid("message_reference", "Unknown message");
    }
    if (!is_there) message.reply_to.clear();
    message.type = is_there ? kReplyType : 0;
  }
  if (std::optional<HttpReply> refusal = read_message(request, message, false)) return *refusal;
  message.flags &= ~std::int64_t{64};  // only interactions are answered in private
  const DiscordMessage& made = publish(std::move(message), false);
  if (!nonce->empty()) nonces[*nonce] = made.id;
  return rest_ok(world.show(made));
}

HttpReply DiscordState::edit(DiscordMessage& message, const RestRequest& request) {
  DiscordMessage changed_message = message;
  if (std::optional<HttpReply> refusal = read_message(request, changed_message, true)) return *refusal;
  if (!message.is_loading) changed_message.earlier.push_back(message.content);
  changed_message.is_loading = false;
  changed_message.flags &= ~kLoadingFlag;
  message = std::move(changed_message);
  publish_edit(message);
  return rest_ok(world.show(message));
}

HttpReply DiscordState::edit_message(const RestRequest& request) {
  if (std::optional<HttpReply> refusal = check_channel(request, true)) return *refusal;
  DiscordMessage* message = world.find_message(request.ids.at("channel"), request.ids.at("message"));
  if (!message || message->is_ephemeral()) return rest_error(404, 10008, "Unknown Message");
  if (message->author != world.bot()) {
    return rest_error(403, 50005, "Cannot edit a message authored by another user");
  }
  if (std::chrono::system_clock::now() - message->created > std::chrono::hours(1)) {
    return rest_error(429, 30046, "Maximum number of edits to messages older than 1 hour reached. Try again later.");
  }
  return edit(*message, request);
}

HttpReply DiscordState::get_message(const RestRequest& request) {
  if (std::optional<HttpReply> refusal = check_channel(request, false)) return *refusal;
  const DiscordMessage* message = world.find_message(request.ids.at("channel"), request.ids.at("message"));
  if (!message || message->is_ephemeral()) return rest_error(404, 10008, "Unknown Message");
  return rest_ok(world.show(*message));
}

HttpReply DiscordState::delete_message(const RestRequest& request) {
  if (std::optional<HttpReply> refusal = check_channel(request, false)) return *refusal;
  DiscordMessage* message = world.find_message(request.ids.at("channel"), request.ids.at("message"));
  if (!message || message->is_ephemeral()) return rest_error(404, 10008, "Unknown Message");
  if (message->author != world.bot()) return rest_error(403, 50013, words_for(50013));
  publish_delete(*message);
  return rest_none();
}

HttpReply DiscordState::show_typing(const RestRequest& request) {
  if (std::optional<HttpReply> refusal = check_channel(request, true)) return *refusal;
  typing.push_back(request.ids.at("channel"));
  return rest_none();
}

HttpReply DiscordState::react(const RestRequest& request, bool adds) {
  if (std::optional<HttpReply> refusal = check_channel(request, false)) return *refusal;
  const DiscordMessage* message = world.find_message(request.ids.at("channel"), request.ids.at("message"));
  if (!message) return rest_error(404, 10008, "Unknown Message");
  const std::string& emoji = request.ids.at("emoji");
  const bool is_custom = emoji.find(':') != std::string::npos;
  const bool is_unicode =
      std::any_of(emoji.begin(), emoji.end(), [](char c) { return static_cast<signed char>(c) < 0; });
  if (!is_custom && !is_unicode) return rest_error(400, 10014, "Unknown Emoji");
  reactions.push_back({message->channel, message->id, emoji, adds});
  gateway.dispatch(adds ? "MESSAGE_REACTION_ADD" : "MESSAGE_REACTION_REMOVE",
                   json::object{{"user_id", world.bot()},
                                {"channel_id", message->channel},
                                {"message_id", message->id},
                                {"emoji", json::object{{"id", nullptr}, {"name", emoji}}}},
                   message->guild);
  return rest_none();
}

HttpReply DiscordState::add_reaction(const RestRequest& request) { return react(request, true); }
HttpReply DiscordState::remove_reaction(const RestRequest& request) { return react(request, false); }

}  // namespace usher::testing
