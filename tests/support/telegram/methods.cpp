// The methods of the Bot API as the simulator plays them.
#include <algorithm>
#include <ctime>

#include "support/telegram/state.h"

namespace usher::testing {
namespace {

constexpr std::size_t kMaxUnits = 4096;
constexpr std::size_t kMaxRawBytes = 32'768;
constexpr std::int64_t kMaxDownload = 20 << 20;

std::string without_outer_space(const std::string& text) {
  const std::size_t begin = text.find_first_not_of(" \n\t\r");
  if (begin == std::string::npos) return "";
  return text.substr(begin, text.find_last_not_of(" \n\t\r") - begin + 1);
}

// What is wrong with an inline keyboard, or "".
std::string keyboard_error(const json::object& parameters) {
  const json::value holder(parameters);
  const json::array* rows = array_at(member(&holder, "reply_markup"), "inline_keyboard");
  if (!rows) return "";
  for (const json::value& row : *rows) {
    if (!row.is_array()) return "Bad Request: object expected as reply markup";
    for (const json::value& button : row.as_array()) {
      const auto data = string_at(&button, "callback_data");
      if (data && (data->empty() || data->size() > 64)) return "Bad Request: BUTTON_DATA_INVALID";
    }
  }
  return "";
}

}  // namespace

std::string lower_case(std::string text) {
  for (char& c : text) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
  return text;
}

HttpReply accepted(json::value result) {
  HttpReply reply;
  reply.body = json::serialize(json::object{{"ok", true}, {"result", std::move(result)}});
  return reply;
}

HttpReply refused(int code, const std::string& description, json::object parameters) {
  json::object body{{"ok", false}, {"error_code", code}, {"description", description}};
  HttpReply reply;
  reply.status = code;
  if (!parameters.empty()) {
    if (const json::value* wait = parameters.if_contains("retry_after")) {
      reply.headers.push_back({"Retry-After", std::to_string(wait->as_int64())});
    }
    body["parameters"] = std::move(parameters);
  }
  reply.body = json::serialize(body);
  return reply;
}

std::int64_t integer(const json::object& in, std::string_view name, std::int64_t fallback) {
  const json::value holder(in);
  return integer_at(&holder, name).value_or(fallback);
}

std::string text_at(const json::object& in, std::string_view name) {
  const json::value* value = in.if_contains(name);
  return value && value->is_string() ? std::string(value->as_string()) : "";
}

json::object TelegramSimulator::State::person(std::int64_t user) const {
  return {{"id", user}, {"is_bot", false}, {"first_name", "User" + std::to_string(user)}, {"language_code", "en"}};
}

json::object TelegramSimulator::State::chat_of(std::int64_t chat) const {
  if (chat > 0) return {{"id", chat}, {"type", "private"}, {"first_name", "User" + std::to_string(chat)}};
  json::object out{{"id", chat}, {"type", "supergroup"}, {"title", "Group " + std::to_string(-chat)}};
  if (forums.contains(chat)) out["is_forum"] = true;
  return out;
}

json::object TelegramSimulator::State::message_from(std::int64_t user, std::int64_t chat) {
  return {
      {"message_id", next_message++}, {"from", person(user)}, {"chat", chat_of(chat)}, {"date", std::time(nullptr)}};
}

// ---- methods ----

HttpReply TelegramSimulator::State::get_me() const {
  return accepted(json::object{{"id", std::strtoll(options.token.c_str(), nullptr, 10)},
                               {"is_bot", true},
                               {"first_name", "Usher's test bot"},
                               {"username", options.username},
                               {"can_join_groups", true},
                               {"can_read_all_group_messages", false},
                               {"supports_inline_queries", false}});
}

std::optional<HttpReply> TelegramSimulator::State::check_chat(const json::object& parameters) const {
  const std::int64_t chat = integer(parameters, "chat_id");
  if (chat == 0)
    return refused(400,
                   parameters.contains("chat_id") ? "Bad Request: chat not found" : "Bad Request: chat_id is empty");
  if (blocked.contains(chat)) {
    return refused(403, chat > 0 ? "Forbidden: bot was blocked by the user"
                                 : "Forbidden: bot was kicked from the supergroup chat");
  }
  if (const auto moved = migrated.find(chat); moved != migrated.end()) {
    return refused(400, "Bad Request: group chat was upgraded to a supergroup chat",
                   {{"migrate_to_chat_id", moved->second}});
  }
  const std::int64_t thread = integer(parameters, "message_thread_id");
  if (thread != 0 && (thread == 1 || !threads.contains({chat, thread}))) {
    return refused(400, "Bad Request: message thread not found");
  }
  return std::nullopt;
}

TelegramSimulator::State::Checked TelegramSimulator::State::check_text(const json::object& parameters) const {
  Checked out;
  const std::string raw = text_at(parameters, "text");
  out.parse_mode = text_at(parameters, "parse_mode");
  if (raw.size() > kMaxRawBytes) {
    out.refusal = refused(400, "Bad Request: message is too long");
    return out;
  }
  if (lower_case(out.parse_mode) == "html") {
    Result<ParsedText> parsed = parse_telegram_html(raw);
    if (!parsed) {
      out.refusal = refused(400, "Bad Request: can't parse entities: " + parsed.error().message);
      return out;
    }
    out.parsed = std::move(*parsed);
  } else if (out.parse_mode.empty()) {
    out.parsed.text = raw;
  } else {
    out.refusal = refused(400, "Bad Request: unsupported parse_mode");
    return out;
  }
  if (utf16_units(out.parsed.text) > kMaxUnits) out.refusal = refused(400, "Bad Request: message is too long");
  if (without_outer_space(out.parsed.text).empty()) out.refusal = refused(400, "Bad Request: message text is empty");
  return out;
}

json::object TelegramSimulator::State::show(const SentMessage& message) const {
  json::object out{{"message_id", message.message_id},
                   {"from", json::object{{"id", std::strtoll(options.token.c_str(), nullptr, 10)},
                                         {"is_bot", true},
                                         {"first_name", "Usher's test bot"},
                                         {"username", options.username}}},
                   {"chat", chat_of(message.chat_id)},
                   {"date", std::time(nullptr)},
                   {"text", message.text}};
  if (!message.entities.empty()) out["entities"] = message.entities;
  if (message.thread_id != 0) {
    out["message_thread_id"] = message.thread_id;
    out["is_topic_message"] = true;
  }
  if (const json::value* markup = message.request.if_contains("reply_markup")) out["reply_markup"] = *markup;
  return out;
}

HttpReply TelegramSimulator::State::send_message(const json::object& parameters) {
  if (std::optional<HttpReply> refusal = check_chat(parameters)) return *refusal;
  Checked checked = check_text(parameters);
  if (checked.refusal) return *checked.refusal;
  if (const std::string wrong = keyboard_error(parameters); !wrong.empty()) return refused(400, wrong);
  SentMessage message;
  const json::value holder(parameters);
  const json::value* reply = member(&holder, "reply_parameters");
  message.reply_to = integer_at(reply, "message_id").value_or(0);
  if (message.reply_to >= next_message) {
    if (!bool_at(reply, "allow_sending_without_reply").value_or(false)) {
      return refused(400, "Bad Request: message to be replied not found");
    }
    message.reply_to = 0;
  }
  message.message_id = next_message++;
  message.chat_id = integer(parameters, "chat_id");
  message.thread_id = integer(parameters, "message_thread_id");
  message.text = without_outer_space(checked.parsed.text);
  message.raw_text = text_at(parameters, "text");
  message.parse_mode = checked.parse_mode;
  message.entities = std::move(checked.parsed.entities);
  message.request = parameters;
  sent.push_back(message);
  return accepted(show(message));
}

HttpReply TelegramSimulator::State::edit_message(const json::object& parameters) {
  if (std::optional<HttpReply> refusal = check_chat(parameters)) return *refusal;
  Checked checked = check_text(parameters);
  if (checked.refusal) return *checked.refusal;
  const std::int64_t id = integer(parameters, "message_id");
  const auto found = std::find_if(sent.begin(), sent.end(), [&](const SentMessage& message) {
    return message.message_id == id && message.chat_id == integer(parameters, "chat_id");
  });
  if (found == sent.end()) return refused(400, "Bad Request: message to edit not found");
  const json::value* old_markup = found->request.if_contains("reply_markup");
  const json::value* new_markup = parameters.if_contains("reply_markup");
  const bool is_same_markup = (!old_markup && !new_markup) || (old_markup && new_markup && *old_markup == *new_markup);
  if (found->text == checked.parsed.text && found->entities == checked.parsed.entities && is_same_markup) {
    return refused(400,
                   "Bad Request: message is not modified: specified new message content and reply markup are "
                   "exactly the same as a current content and reply markup of the message");
  }
  found->text = checked.parsed.text;
  found->raw_text = text_at(parameters, "text");
  found->parse_mode = checked.parse_mode;
  found->entities = std::move(checked.parsed.entities);
  found->request = parameters;
  return accepted(show(*found));
}

HttpReply TelegramSimulator::State::send_draft(const json::object& parameters) {
  if (std::optional<HttpReply> refusal = check_chat(parameters)) return *refusal;
  if (integer(parameters, "chat_id") < 0) return refused(400, "Bad Request: drafts can be sent to private chats only");
  if (integer(parameters, "draft_id") == 0) return refused(400, "Bad Request: draft_id must be non-zero");
  if (utf16_units(text_at(parameters, "text")) > kMaxUnits) return refused(400, "Bad Request: message is too long");
  return accepted(true);
}

HttpReply TelegramSimulator::State::send_action(const json::object& parameters) {
  if (std::optional<HttpReply> refusal = check_chat(parameters)) return *refusal;
  static const std::set<std::string> kActions = {"typing", "upload_photo", "upload_document", "choose_sticker"};
  if (!kActions.contains(text_at(parameters, "action")))
    return refused(400, "Bad Request: wrong parameter action in request");
  return accepted(true);
}

HttpReply TelegramSimulator::State::answer_callback(const json::object& parameters) {
  if (open_callbacks.erase(text_at(parameters, "callback_query_id")) > 0) return accepted(true);
  return refused(400, "Bad Request: query is too old and response timeout expired or query ID is invalid");
}

HttpReply TelegramSimulator::State::set_commands(const json::object& parameters) {
  const json::value* list = parameters.if_contains("commands");
  if (!list || !list->is_array()) return refused(400, "Bad Request: parameter \"commands\" is required");
  if (list->as_array().size() > 100) return refused(400, "Bad Request: BOT_COMMANDS_TOO_MUCH");
  for (const json::value& entry : list->as_array()) {
    const std::string_view name = string_at(&entry, "command").value_or("");
    const bool is_valid = !name.empty() && name.size() <= 32 && std::all_of(name.begin(), name.end(), [](char c) {
      return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_';
    });
    if (!is_valid || string_at(&entry, "description").value_or("").empty())
      return refused(400, "Bad Request: BOT_COMMAND_INVALID");
  }
  commands = list->as_array();
  return accepted(true);
}

HttpReply TelegramSimulator::State::get_file(const json::object& parameters) {
  const std::string id = text_at(parameters, "file_id");
  const auto found = files.find(id);
  if (found == files.end()) return refused(400, "Bad Request: invalid file_id");
  const std::int64_t size = static_cast<std::int64_t>(found->second.size());
  if (size > kMaxDownload) return refused(400, "Bad Request: file is too big");
  return accepted(json::object{
      {"file_id", id}, {"file_unique_id", "u" + id}, {"file_size", size}, {"file_path", "photos/" + id + ".jpg"}});
}

HttpReply TelegramSimulator::State::download(const std::string& path) {
  const std::lock_guard lock(mutex);
  calls["download"].push_back({{"path", path}});
  changed.notify_all();
  if (std::deque<HttpReply>& queue_of_faults = faults["download"]; !queue_of_faults.empty()) {
    HttpReply fault = std::move(queue_of_faults.front());
    queue_of_faults.pop_front();
    return fault;
  }
  for (const auto& [id, bytes] : files) {
    if (path != "photos/" + id + ".jpg") continue;
    HttpReply reply;
    reply.content_type = "application/octet-stream";
    reply.body = bytes;
    return reply;
  }
  return refused(404, "Not Found");
}

}  // namespace usher::testing
