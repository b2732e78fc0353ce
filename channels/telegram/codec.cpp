// Answers and requests of the Bot API; updates stand in updates.cpp.
#include "channels/telegram/codec.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <utility>

#include "base/beneath.h"
#include "base/text.h"

namespace usher::telegram {
namespace {

constexpr std::size_t kMaxBody = 16u << 20;
constexpr std::int64_t kMaxRetryAfter = 24 * 3600;

std::string lower_case(std::string_view text) {
  std::string out(text);
  for (char& c : out) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
  return out;
}

std::optional<std::int64_t> parse_integer(std::string_view text) {
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || text.empty()) return std::nullopt;
  return value;
}

// The code unit of a "\uXXXX" at `at`, or nothing.
std::optional<unsigned> escaped_unit(std::string_view text, std::size_t at) {
  if (at + 6 > text.size() || text[at] != '\\' || text[at + 1] != 'u') return std::nullopt;
  unsigned unit = 0;
  const auto [end, error] = std::from_chars(text.data() + at + 2, text.data() + at + 6, unit, 16);
  if (error != std::errc() || end != text.data() + at + 6) return std::nullopt;
  return unit;
}

bool is_high(unsigned unit) { return unit >= 0xD800 && unit < 0xDC00; }
bool is_low(unsigned unit) { return unit >= 0xDC00 && unit < 0xE000; }

// Invalid UTF-8 and escaped lone surrogates make a strict parser refuse a whole batch for the sake of one character.
std::string repair_json_text(std::string_view body) {
  std::string text = repair_utf8(body);
  std::string out;
  out.reserve(text.size());
  for (std::size_t at = 0; at < text.size();) {
    const std::optional<unsigned> unit = escaped_unit(text, at);
    if (!unit) {
      const std::size_t step = text[at] == '\\' && at + 1 < text.size() ? 2 : 1;
      out.append(text, at, step);
      at += step;
      continue;
    }
    const std::optional<unsigned> next = is_high(*unit) ? escaped_unit(text, at + 6) : std::nullopt;
    const bool is_pair = next && is_low(*next);
    if (is_pair)
      out.append(text, at, 12);
    else if (is_high(*unit) || is_low(*unit))
      out += "\\ufffd";
    else
      out.append(text, at, 6);
    at += is_pair ? 12 : 6;
  }
  return out;
}

struct KnownDescription {
  std::string_view part;  // lower case
  ApiErrorKind kind;
};

// Descriptions are all that tells one 400 from another.
constexpr std::array kKnownDescriptions{
    KnownDescription{"can't parse entities", ApiErrorKind::cannot_parse},
    KnownDescription{"message thread not found", ApiErrorKind::thread_not_found},
    KnownDescription{"topic_deleted", ApiErrorKind::thread_not_found},
    KnownDescription{"message to be replied not found", ApiErrorKind::reply_not_found},
    KnownDescription{"replied message not found", ApiErrorKind::reply_not_found},
    KnownDescription{"message text is empty", ApiErrorKind::text_empty},
    KnownDescription{"text must be non-empty", ApiErrorKind::text_empty},
    KnownDescription{"chat not found", ApiErrorKind::gone},
    KnownDescription{"peer_id_invalid", ApiErrorKind::gone},
    KnownDescription{"not enough rights to send", ApiErrorKind::gone},
    KnownDescription{"have no rights to send", ApiErrorKind::gone},
    KnownDescription{"chat_write_forbidden", ApiErrorKind::gone},
};

ApiErrorKind kind_of(int code, const std::string& description, std::int64_t migrate_to) {
  if (code == 429) return ApiErrorKind::too_many_requests;
  if (code == 403) return ApiErrorKind::gone;
  if (code == 401 || code == 404) return ApiErrorKind::token_refused;
  if (code == 409) {
    const bool is_webhook = description.find("webhook") != std::string::npos;
    return is_webhook ? ApiErrorKind::webhook_active : ApiErrorKind::other_poller;
  }
  if (code < 400 || code >= 500) return ApiErrorKind::unavailable;
  if (migrate_to != 0) return ApiErrorKind::migrated;
  for (const KnownDescription& known : kKnownDescriptions) {
    if (description.find(known.part) != std::string::npos) return known.kind;
  }
  return ApiErrorKind::refused;
}

ApiError decode_error(int status, const json::value& body, std::string_view retry_after) {
  ApiError error;
  const std::int64_t code = integer_at(&body, "error_code").value_or(status);
  const std::string_view description = string_at(&body, "description").value_or("no description");
  error.description = printable(description, 300);
  const json::value* parameters = member(&body, "parameters");
  error.migrate_to = integer_at(parameters, "migrate_to_chat_id").value_or(0);
  const std::int64_t header = parse_integer(trim(retry_after)).value_or(1);
  const std::int64_t wait = integer_at(parameters, "retry_after").value_or(header);
  error.retry_after = std::chrono::seconds(std::clamp<std::int64_t>(wait, 0, kMaxRetryAfter));
  error.kind =
      kind_of(code > 0 && code < 1000 ? static_cast<int>(code) : status, lower_case(description), error.migrate_to);
  return error;
}

// A page of some proxy, or a cut body: only the status speaks.
ApiError error_without_envelope(int status, std::string_view retry_after) {
  ApiError error;
  error.description = "HTTP " + std::to_string(status) + " without the Bot API's JSON";
  error.may_have_happened = status < 400 || status == 504;  // 504: a proxy stopped waiting for the Bot API
  if (status == 429) {
    error.kind = ApiErrorKind::too_many_requests;
    const std::int64_t wait = parse_integer(trim(retry_after)).value_or(5);
    error.retry_after = std::chrono::seconds(std::clamp<std::int64_t>(wait, 0, kMaxRetryAfter));
  }
  return error;
}

void put_target(json::object& body, const Target& target) {
  if (const auto id = parse_integer(target.chat))
    body["chat_id"] = *id;
  else
    body["chat_id"] = target.chat;
  // The General topic's id is refused on sending.
  if (const auto thread = parse_integer(target.thread); thread && *thread > 1) body["message_thread_id"] = *thread;
}

}  // namespace

ApiResult decode_answer(int status, std::string_view body, std::string_view retry_after) {
  Result<json::value> parsed = parse_json(body, kMaxBody);
  if (!parsed && body.size() <= kMaxBody) parsed = parse_json(repair_json_text(body), 3 * kMaxBody);
  const std::optional<bool> is_ok = parsed ? bool_at(&*parsed, "ok") : std::nullopt;
  if (!is_ok) return std::unexpected(error_without_envelope(status, retry_after));
  if (!*is_ok) return std::unexpected(decode_error(status, *parsed, retry_after));
  json::value* result = parsed->as_object().if_contains("result");
  if (!result) return std::unexpected(error_without_envelope(status, retry_after));
  return std::move(*result);
}

Error to_error(const ApiError& error, std::string_view method) {
  Error out{ErrorKind::invalid, "Telegram's " + std::string(method) + ": " + error.description, std::nullopt};
  switch (error.kind) {
    case ApiErrorKind::too_many_requests:
      out.kind = ErrorKind::busy;
      out.retry_after = error.retry_after;
      break;
    case ApiErrorKind::token_refused:
      out.kind = ErrorKind::denied;
      out.message += " (is the token right?)";
      break;
    case ApiErrorKind::webhook_active:
    case ApiErrorKind::other_poller:
    case ApiErrorKind::unavailable:
      out.kind = ErrorKind::unavailable;
      break;
    case ApiErrorKind::gone:
      out.kind = ErrorKind::not_found;
      break;
    default:
      break;
  }
  return out;
}

Result<BotIdentity> decode_identity(const json::value& result) {
  const std::optional<std::int64_t> id = integer_at(&result, "id");
  const std::optional<std::string_view> username = string_at(&result, "username");
  if (!id || *id <= 0 || !username || username->empty()) {
    return fail(ErrorKind::protocol, "Telegram's getMe named no bot id and username");
  }
  return BotIdentity{*id, std::string(*username)};
}

std::string encode_get_updates(std::optional<std::int64_t> offset, std::chrono::seconds timeout) {
  json::object body;
  if (offset) body["offset"] = *offset;
  body["timeout"] = timeout.count();
  body["limit"] = 100;
  body["allowed_updates"] = json::array{"message", "callback_query", "my_chat_member"};
  return json::serialize(body);
}

std::string encode_send(const Target& target, const Chunk& chunk, bool is_plain) {
  json::object body(one_piece());
  put_target(body, target);
  body["text"] = is_plain ? chunk.plain : chunk.html;
  if (!is_plain) body["parse_mode"] = "HTML";
  // A preview is a request to whatever address the model was talked into writing.
  body["link_preview_options"] = json::object{{"is_disabled", true}};
  if (const auto reply = parse_integer(target.reply_to)) {
    body["reply_parameters"] = json::object{{"message_id", *reply}, {"allow_sending_without_reply", true}};
  }
  return json::serialize(body);
}

std::string encode_typing(const Target& target) {
  json::object body(one_piece());
  put_target(body, target);
  body["action"] = "typing";
  return json::serialize(body);
}

std::string encode_get_file(std::string_view file_id) { return json::serialize(json::object{{"file_id", file_id}}); }

std::string encode_commands() {
  constexpr std::array<std::pair<std::string_view, std::string_view>, 8> kCommands{{
      {"start", "Say hello"},
      {"help", "What I can do"},
      {"new", "Start a new conversation"},
      {"whoami", "Who I think you are"},
      {"usage", "What you have used"},
      {"stop", "Stop what I am doing"},
      {"link", "Use another account of yours as this one"},
      {"unlink", "Undo what /link has joined"},
  }};
  json::array commands;
  for (const auto& [command, description] : kCommands) {
    commands.push_back(json::object{{"command", command}, {"description", description}});
  }
  return json::serialize(json::object{{"commands", std::move(commands)}});
}

Result<RemoteFile> decode_file(const json::value& result) {
  const std::optional<std::string_view> path = string_at(&result, "file_path");
  if (!path) return fail(ErrorKind::not_found, "Telegram offers no download of this file (too big, or expired)");
  const bool is_plain = is_plain_relative_path(*path) && std::all_of(path->begin(), path->end(), [](char c) {
                          return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                                 std::string_view("/._-~").find(c) != std::string_view::npos;
                        });
  if (!is_plain) return fail(ErrorKind::invalid, "Telegram names a file path that cannot be asked for");
  const std::int64_t bytes = integer_at(&result, "file_size").value_or(0);
  return RemoteFile{std::string(*path), static_cast<std::size_t>(std::max<std::int64_t>(0, bytes))};
}

}  // namespace usher::telegram
