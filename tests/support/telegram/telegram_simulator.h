// A Bot API server that obeys PROTOCOLS ("Telegram Bot API") to the letter: getMe, getUpdates with offsets that
// confirm, timeouts, limits, allowed_updates and the 409 of two polls, sendMessage with 4096 UTF-16 units after entity
// parsing, HTML entity parsing with its errors, editMessageText, answerCallbackQuery, sendChatAction, setMyCommands,
// deleteWebhook, getFile and file download, migrations, blocks, rate limits with retry_after; and every fault. grammY
// vouches for it in tests/peers. Runs on the executor it is given.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/async.h"
#include "base/json.h"
#include "support/http/http_server.h"

namespace usher::testing {

// One message that a bot sent, as the platform would show it.
struct SentMessage {
  std::int64_t message_id = 0;
  std::int64_t chat_id = 0;
  std::int64_t thread_id = 0;
  std::int64_t reply_to = 0;
  std::string text;      // after entity parsing
  std::string raw_text;  // as sent
  std::string parse_mode;
  json::array entities;  // what the HTML said: {type, offset, length} in UTF-16 units
  json::object request;  // the whole request
};

struct TelegramOptions {
  std::string token = "4242:AAtesttesttesttesttesttesttesttesttest";
  std::string username = "usher_test_bot";
  std::int64_t first_update_id = 1000;
  std::uint16_t port = 0;
  HttpServer::Handler other;  // answers calls that are not the Bot API's; without it they are 404
  // Told of every call of the Bot API when it has come (`reply` is null), and when it has taken effect but its answer
  // has not left. On the executor; may call the simulator.
  std::function<void(const std::string& method, const json::object& parameters, const HttpReply* reply)> watch;
};

class TelegramSimulator {
 public:
  explicit TelegramSimulator(asio::any_io_executor executor, TelegramOptions options = {});
  ~TelegramSimulator();

  std::string api_root() const;  // "http://127.0.0.1:PORT"
  const std::string& token() const;

  // A person writes. Returns the update_id. Every function here is thread-safe.
  std::int64_t private_message(std::int64_t user, const std::string& text);
  std::int64_t group_message(std::int64_t user, std::int64_t chat, const std::string& text, std::int64_t thread = 0,
                             std::int64_t reply_to_message = 0);
  std::int64_t photo(std::int64_t user, const std::string& bytes, const std::string& caption);
  // Any update; "update_id" is set unless present.
  std::int64_t update(json::object update);
  void press_button(std::int64_t user, const SentMessage& message, const std::string& data);

  // The next calls of `method` (lower case) are answered so, once each, in order.
  void fault(const std::string& method, HttpReply reply);
  void too_many_requests(const std::string& method, int retry_after);
  // The next call of `method` takes effect, and its answer is lost.
  void lose_answer(const std::string& method);
  void block(std::int64_t chat);
  // The platform has got a webhook until deleteWebhook is called.
  void set_webhook(const std::string& url);
  void migrate(std::int64_t chat, std::int64_t new_chat);
  void restart_update_ids(std::int64_t next);
  // Delivers an already confirmed update once more.
  void replay(std::int64_t update_id);

  std::vector<SentMessage> sent() const;               // in order; an edit changes the message it edits
  std::size_t count(const std::string& method) const;  // calls so far
  int connections() const;                             // accepted so far
  std::int64_t confirmed_below() const;                // the highest offset seen
  std::vector<std::int64_t> unconfirmed() const;
  // Those of them that a poll with this offset would confirm.
  std::vector<std::int64_t> confirmed_by(std::int64_t offset) const;
  // The parsed parameters of every call of `method`, in order.
  std::vector<json::object> requests(const std::string& method) const;
  // Waits until `done` holds, checked after every call; false when `timeout` passes first. For tests in other threads.
  bool wait_until(const std::function<bool()>& done, std::chrono::milliseconds timeout) const;

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace usher::testing
