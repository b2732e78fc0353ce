// The Bot API's JSON ↔ usher's types. Pure functions over text: no socket, no clock, no state. Any thread.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "base/result.h"
#include "channel/channel.h"
#include "channel/group_mode.h"
#include "channels/telegram/split.h"

namespace usher::telegram {

using channel::GroupMode;

// What getMe says of the bot.
struct BotIdentity {
  std::int64_t id = 0;
  std::string username;  // without '@'
};

struct DecodeContext {
  std::string channel;  // the channel's configured name
  BotIdentity bot;
  GroupMode groups = GroupMode::mention;
};

// ---- answers of the Bot API -----------------------------------------------------------------------------------------

// What a refused call means for the caller.
enum class ApiErrorKind {
  too_many_requests,  // retry_after says how long this chat has to wait
  migrated,           // the group became migrate_to_chat_id
  gone,               // blocked, kicked, deactivated, no such chat: never again
  cannot_parse,       // the HTML was not accepted
  thread_not_found,   // the topic is gone
  reply_not_found,    // the message replied to is gone
  text_empty,         // nothing visible
  token_refused,      // 401 or 404: the token is wrong or revoked
  webhook_active,     // 409 of getUpdates: somebody has set a webhook
  other_poller,       // 409 of getUpdates: another process polls with this token
  unavailable,        // 5xx, or a page instead of JSON
  refused,            // any other 4xx
};

struct ApiError {
  ApiErrorKind kind = ApiErrorKind::unavailable;
  std::string description;  // the platform's words, shortened and printable
  std::chrono::seconds retry_after{0};
  std::int64_t migrate_to = 0;
  // The call may have had its effect all the same: an answer that is not the Bot API's and does not say no.
  bool may_have_happened = false;
};

// `value` is the member "result" of an accepted call.
using ApiResult = std::expected<json::value, ApiError>;

// The body of an answer with its status and Retry-After header. Anything that is not the Bot API's envelope is
// unavailable.
ApiResult decode_answer(int status, std::string_view body, std::string_view retry_after);

// A usher error for logs and callers, with what has been asked ("getFile").
Error to_error(const ApiError& error, std::string_view method);

// getMe's result.
Result<BotIdentity> decode_identity(const json::value& result);

// ---- updates --------------------------------------------------------------------------------------------------------

struct Batch {
  std::vector<channel::Incoming> messages;
  std::optional<std::int64_t> next_offset;  // last update_id + 1, even when it is smaller than before
  std::size_t updates = 0;
  std::vector<std::string> problems;  // what was malformed and skipped, for the log
};

// getUpdates' result. A malformed or unknown update is skipped (and confirmed with its batch), never an error: one
// poisoned update must not block the queue. Fails with protocol when it is no list of updates at all.
Result<Batch> decode_updates(const json::value& result, const DecodeContext& context);

// ---- requests -------------------------------------------------------------------------------------------------------

std::string encode_get_updates(std::optional<std::int64_t> offset, std::chrono::seconds timeout);

// Where a message goes; decimal ids as they stand in Incoming and Outgoing, "" = none.
struct Target {
  std::string chat, thread, reply_to;
};
std::string encode_send(const Target& target, const Chunk& chunk, bool is_plain);
std::string encode_typing(const Target& target);
std::string encode_get_file(std::string_view file_id);
std::string encode_commands();

// getFile's result: the path below /file/bot<token>/ and its size (0 = not said). invalid for a path that is not plain.
struct RemoteFile {
  std::string path;
  std::size_t bytes = 0;
};
Result<RemoteFile> decode_file(const json::value& result);

}  // namespace usher::telegram
