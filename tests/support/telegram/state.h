// The inside of TelegramSimulator, shared by telegram_simulator.cpp (HTTP, updates, what tests do) and
// telegram_methods.cpp (the Bot API's methods). Guarded by its mutex; pollers belong to the executor.
#pragma once

#include <boost/asio/steady_timer.hpp>
#include <condition_variable>
#include <deque>
#include <list>
#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <utility>

#include "support/telegram/telegram_html.h"
#include "support/telegram/telegram_simulator.h"

namespace usher::testing {

struct Queued {
  std::int64_t id = 0;
  json::object update;
  bool is_delivered = false;
};

struct TelegramSimulator::State : std::enable_shared_from_this<State> {
  State(asio::any_io_executor e, TelegramOptions o) : executor(std::move(e)), options(std::move(o)) {
    next_update = options.first_update_id;
  }

  // ---- the HTTP side; on the executor ----
  Task<HttpReply> on_call(HttpCall call);
  Task<HttpReply> answer(std::string method, json::object parameters);
  Task<HttpReply> get_updates(json::object parameters);
  HttpReply download(const std::string& path);
  HttpReply call_method(const std::string& method, const json::object& parameters);

  // ---- the methods; with the mutex held ----
  HttpReply get_me() const;
  HttpReply send_message(const json::object& parameters);
  HttpReply edit_message(const json::object& parameters);
  HttpReply send_draft(const json::object& parameters);
  HttpReply send_action(const json::object& parameters);
  HttpReply answer_callback(const json::object& parameters);
  HttpReply set_commands(const json::object& parameters);
  HttpReply get_file(const json::object& parameters);

  struct Checked {
    std::optional<HttpReply> refusal;
    ParsedText parsed;
    std::string parse_mode;
  };
  std::optional<HttpReply> check_chat(const json::object& parameters) const;
  Checked check_text(const json::object& parameters) const;
  json::object show(const SentMessage& message) const;
  json::object person(std::int64_t user) const;
  json::object chat_of(std::int64_t chat) const;

  std::vector<bool> confirmed_by(std::int64_t offset) const;
  void confirm(std::int64_t offset);
  json::array take(std::int64_t limit);
  bool is_allowed(const json::object& update) const;
  std::int64_t enqueue(json::object update);
  json::object message_from(std::int64_t user, std::int64_t chat);
  void wake();

  asio::any_io_executor executor;
  TelegramOptions options;
  std::unique_ptr<HttpServer> server;

  mutable std::mutex mutex;
  mutable std::condition_variable changed;
  std::deque<Queued> queue;
  std::map<std::int64_t, json::object> history;  // every update, for replay
  std::int64_t next_update = 0, next_message = 1, next_callback = 1, highest_offset = 0;
  std::optional<std::set<std::string>> allowed;
  std::string webhook;
  std::uint64_t poll_generation = 0;
  std::list<asio::steady_timer*> pollers;  // touched on the executor only
  std::vector<SentMessage> sent;
  std::map<std::string, std::deque<HttpReply>> faults;
  std::map<std::string, int> lost;
  std::map<std::string, std::vector<json::object>> calls;
  std::set<std::int64_t> blocked, forums;
  std::set<std::pair<std::int64_t, std::int64_t>> threads;
  std::map<std::int64_t, std::int64_t> migrated;
  std::map<std::string, std::string> files;  // file_id → bytes
  std::set<std::string> open_callbacks;
  json::array commands;
};

// {"ok":true,"result":…}
HttpReply accepted(json::value result);
// {"ok":false,…}; a retry_after among the parameters becomes a header too.
HttpReply refused(int code, const std::string& description, json::object parameters = {});
std::int64_t integer(const json::object& in, std::string_view name, std::int64_t fallback = 0);
std::string text_at(const json::object& in, std::string_view name);
std::string lower_case(std::string text);

}  // namespace usher::testing
