#include "support/telegram/telegram_simulator.h"

#include <algorithm>
#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <utility>

#include "support/telegram/state.h"
#include "support/telegram/telegram_html.h"

namespace usher::testing {
namespace {

std::string percent_decoded(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '%' && i + 2 < text.size()) {
      out += static_cast<char>(std::strtol(std::string(text.substr(i + 1, 2)).c_str(), nullptr, 16));
      i += 2;
    } else {
      out += text[i] == '+' ? ' ' : text[i];
    }
  }
  return out;
}

// Parameters of a query or of a form; numbers become numbers, as the server reads them.
void read_form(std::string_view form, json::object& out) {
  while (!form.empty()) {
    const std::size_t end = std::min(form.find('&'), form.size());
    const std::string_view pair = form.substr(0, end);
    form.remove_prefix(std::min(form.size(), end + 1));
    const std::size_t equals = pair.find('=');
    if (equals == std::string_view::npos) continue;
    const std::string value = percent_decoded(pair.substr(equals + 1));
    const Result<json::value> parsed = parse_json(value);
    const bool is_structured = parsed && !parsed->is_string() && !parsed->is_null();
    out[percent_decoded(pair.substr(0, equals))] = is_structured ? *parsed : json::value(value);
  }
}

json::object parameters_of(const HttpCall& call, std::string_view query) {
  json::object out;
  read_form(query, out);
  const Result<json::value> body = parse_json(call.body);
  if (body && body->is_object()) {
    for (const auto& [name, value] : body->as_object()) out[name] = value;
  } else {
    read_form(call.body, out);
  }
  return out;
}

}  // namespace

// ---- calls ----

Task<HttpReply> TelegramSimulator::State::on_call(HttpCall call) {
  const std::size_t mark = std::min(call.target.find('?'), call.target.size());
  const std::string path = call.target.substr(0, mark);
  const std::string query = mark < call.target.size() ? call.target.substr(mark + 1) : "";
  const std::string files_prefix = "/file/bot" + options.token + "/";
  if (path.starts_with(files_prefix)) co_return download(path.substr(files_prefix.size()));
  if (!path.starts_with("/bot")) {
    if (!options.other) co_return refused(404, "Not Found");
    HttpReply reply = co_await options.other(std::move(call));
    co_return reply;
  }
  const std::size_t slash = path.rfind('/');
  if (path.substr(4, slash - 4) != options.token || slash < 4) co_return refused(401, "Unauthorized");
  const std::string method = lower_case(path.substr(slash + 1));
  json::object parameters = parameters_of(call, query);
  if (options.watch) options.watch(method, parameters, nullptr);
  HttpReply reply = co_await answer(method, parameters);
  if (options.watch) options.watch(method, parameters, &reply);
  co_return reply;
}

Task<HttpReply> TelegramSimulator::State::answer(std::string method, json::object parameters) {
  bool is_lost = false;
  {
    const std::lock_guard lock(mutex);
    calls[method].push_back(parameters);
    changed.notify_all();
    if (std::deque<HttpReply>& queue_of_faults = faults[method]; !queue_of_faults.empty()) {
      HttpReply fault = std::move(queue_of_faults.front());
      queue_of_faults.pop_front();
      co_return fault;
    }
    is_lost = lost[method] > 0 && lost[method]-- > 0;
  }
  HttpReply reply;
  if (method == "getupdates") {
    HttpReply polled = co_await get_updates(std::move(parameters));
    reply = std::move(polled);
  } else {
    reply = call_method(method, parameters);
  }
  reply.reset = reply.reset || is_lost;
  co_return reply;
}

HttpReply TelegramSimulator::State::call_method(const std::string& method, const json::object& parameters) {
  const std::lock_guard lock(mutex);
  struct Notify {
    State& state;
    ~Notify() { state.changed.notify_all(); }
  } notify{*this};
  if (method == "getme") return get_me();
  if (method == "sendmessage") return send_message(parameters);
  if (method == "editmessagetext") return edit_message(parameters);
  if (method == "sendmessagedraft") return send_draft(parameters);
  if (method == "sendchataction") return send_action(parameters);
  if (method == "answercallbackquery") return answer_callback(parameters);
  if (method == "setmycommands") return set_commands(parameters);
  if (method == "getmycommands") return accepted(commands);
  if (method == "getfile") return get_file(parameters);
  if (method == "setwebhook" || method == "deletewebhook") {
    webhook = method == "setwebhook" ? text_at(parameters, "url") : "";
    if (const json::value* drop = parameters.if_contains("drop_pending_updates"); drop && *drop == true) queue.clear();
    return accepted(true);
  }
  if (method == "getwebhookinfo") {
    return accepted(
        json::object{{"url", webhook}, {"has_custom_certificate", false}, {"pending_update_count", queue.size()}});
  }
  return refused(404, "Not Found");
}

Task<HttpReply> TelegramSimulator::State::get_updates(json::object parameters) {
  using Clock = std::chrono::steady_clock;
  const std::shared_ptr<State> self = shared_from_this();
  const std::int64_t timeout = std::clamp<std::int64_t>(integer(parameters, "timeout"), 0, 50);
  const std::int64_t limit = std::clamp<std::int64_t>(integer(parameters, "limit", 100), 1, 100);
  const Clock::time_point end = Clock::now() + std::chrono::seconds(timeout);
  std::uint64_t generation = 0;
  {
    const std::lock_guard lock(mutex);
    if (const json::value* kinds = parameters.if_contains("allowed_updates"); kinds && kinds->is_array()) {
      allowed.emplace();
      for (const json::value& kind : kinds->as_array()) allowed->insert(std::string(kind.as_string()));
    }
    generation = ++poll_generation;
    if (parameters.contains("offset")) confirm(integer(parameters, "offset"));
    changed.notify_all();
  }
  wake();  // the older poll, if there is one, now fails
  asio::steady_timer timer(co_await asio::this_coro::executor);
  for (;;) {
    {
      const std::lock_guard lock(mutex);
      if (!webhook.empty()) {
        co_return refused(409,
                          "Conflict: can't use getUpdates method while webhook is active; use deleteWebhook to "
                          "delete the webhook first");
      }
      if (generation != poll_generation) {
        co_return refused(409,
                          "Conflict: terminated by other getUpdates request; make sure that only one bot instance "
                          "is running");
      }
      json::array updates = take(limit);
      if (!updates.empty() || Clock::now() >= end) co_return accepted(std::move(updates));
    }
    timer.expires_at(end);
    const auto own = pollers.insert(pollers.end(), &timer);
    boost::system::error_code ignored;
    co_await timer.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
    pollers.erase(own);
  }
}

void TelegramSimulator::State::wake() {
  asio::post(executor, [weak = weak_from_this()] {
    const std::shared_ptr<State> self = weak.lock();
    if (!self) return;
    for (asio::steady_timer* timer : self->pollers) timer->cancel();
  });
}

// ---- updates ----

// What an offset confirms of the queue, by place: an id can stand there twice, and behind a greater one. An offset that
// fits nothing known (the ids have started anew) confirms nothing.
std::vector<bool> TelegramSimulator::State::confirmed_by(std::int64_t offset) const {
  std::vector<bool> confirmed(queue.size(), false);
  const auto length = static_cast<std::int64_t>(queue.size());
  const auto last = std::find_if(queue.rbegin(), queue.rend(),
                                 [&](const Queued& queued) { return queued.is_delivered && queued.id == offset - 1; });
  const std::int64_t first_kept = offset < 0 ? length + offset : queue.rend() - last;
  for (std::int64_t i = 0; i < length; ++i) {
    const bool is_below = offset >= 0 && last == queue.rend() && offset <= next_update + 10 &&
                          queue[static_cast<std::size_t>(i)].id < offset;
    confirmed[static_cast<std::size_t>(i)] = is_below || i < first_kept;
  }
  return confirmed;
}

void TelegramSimulator::State::confirm(std::int64_t offset) {
  highest_offset = std::max(highest_offset, offset);
  const std::vector<bool> confirmed = confirmed_by(offset);
  std::size_t at = 0;
  std::erase_if(queue, [&](const Queued&) { return confirmed[at++]; });
}

json::array TelegramSimulator::State::take(std::int64_t limit) {
  json::array updates;
  for (Queued& queued : queue) {
    if (static_cast<std::int64_t>(updates.size()) == limit) break;
    queued.is_delivered = true;
    updates.push_back(queued.update);
  }
  return updates;
}

bool TelegramSimulator::State::is_allowed(const json::object& update) const {
  for (const auto& [kind, value] : update) {
    if (kind == "update_id") continue;
    const bool is_special = kind == "chat_member" || kind == "message_reaction" || kind == "message_reaction_count";
    return !allowed || allowed->empty() ? !is_special : allowed->contains(std::string(kind));
  }
  return true;
}

std::int64_t TelegramSimulator::State::enqueue(json::object update) {
  std::int64_t id = integer(update, "update_id", -1);
  const std::lock_guard lock(mutex);
  if (!update.contains("update_id")) {
    id = next_update++;
    update["update_id"] = id;
  }
  history[id] = update;
  if (is_allowed(update)) queue.push_back({id, std::move(update), false});
  wake();
  return id;
}

// ---- what tests do ----

TelegramSimulator::TelegramSimulator(asio::any_io_executor executor, TelegramOptions options)
    : state_(std::make_shared<State>(executor, std::move(options))) {
  const auto handler = [weak = std::weak_ptr<State>(state_)](HttpCall call) -> Task<HttpReply> {
    // Not a coroutine itself: the one that it hands out holds the state.
    struct Call {
      static Task<HttpReply> run(std::shared_ptr<State> self, HttpCall own) {
        if (!self) co_return HttpReply{.reset = true};
        HttpReply reply = co_await self->on_call(std::move(own));
        co_return reply;
      }
    };
    return Call::run(weak.lock(), std::move(call));
  };
  state_->server = std::make_unique<HttpServer>(executor, handler, state_->options.port);
}

TelegramSimulator::~TelegramSimulator() { state_->server->stop(); }

std::string TelegramSimulator::api_root() const { return state_->server->url(); }
const std::string& TelegramSimulator::token() const { return state_->options.token; }

std::int64_t TelegramSimulator::private_message(std::int64_t user, const std::string& text) {
  return group_message(user, user, text);
}

std::int64_t TelegramSimulator::group_message(std::int64_t user, std::int64_t chat, const std::string& text,
                                              std::int64_t thread, std::int64_t reply_to_message) {
  json::object message;
  {
    const std::lock_guard lock(state_->mutex);
    if (thread != 0) {
      state_->forums.insert(chat);
      state_->threads.insert({chat, thread});
    }
    message = state_->message_from(user, chat);
    message["text"] = text;
    if (json::array entities = find_entities(text); !entities.empty()) message["entities"] = std::move(entities);
    if (thread != 0) {
      message["message_thread_id"] = thread;
      message["is_topic_message"] = true;
    }
    if (reply_to_message != 0) {
      json::object replied{{"message_id", reply_to_message},
                           {"from", state_->person(999)},
                           {"chat", state_->chat_of(chat)},
                           {"date", 1}};
      for (const SentMessage& sent : state_->sent) {
        if (sent.message_id == reply_to_message) replied = state_->show(sent);
      }
      message["reply_to_message"] = std::move(replied);
    }
  }
  return state_->enqueue({{"message", std::move(message)}});
}

std::int64_t TelegramSimulator::photo(std::int64_t user, const std::string& bytes, const std::string& caption) {
  json::object message;
  {
    const std::lock_guard lock(state_->mutex);
    const std::string id = "photo" + std::to_string(state_->files.size() + 1);
    state_->files[id] = bytes;
    state_->files[id + "s"] = bytes.substr(0, bytes.size() / 2);
    message = state_->message_from(user, user);
    const auto size = [&](const std::string& file_id, int width) {
      return json::object{{"file_id", file_id},
                          {"file_unique_id", "u" + file_id},
                          {"width", width},
                          {"height", width},
                          {"file_size", state_->files[file_id].size()}};
    };
    message["photo"] = json::array{size(id + "s", 90), size(id, 1280)};
    if (!caption.empty()) message["caption"] = caption;
    if (json::array entities = find_entities(caption); !entities.empty())
      message["caption_entities"] = std::move(entities);
  }
  return state_->enqueue({{"message", std::move(message)}});
}

std::int64_t TelegramSimulator::update(json::object update) { return state_->enqueue(std::move(update)); }

void TelegramSimulator::press_button(std::int64_t user, const SentMessage& message, const std::string& data) {
  json::object query;
  {
    const std::lock_guard lock(state_->mutex);
    const std::string id = std::to_string(4'000'000'000'000'000'000 + state_->next_callback++);
    state_->open_callbacks.insert(id);
    query = {{"id", id},
             {"from", state_->person(user)},
             {"message", state_->show(message)},
             {"chat_instance", "1"},
             {"data", data}};
  }
  state_->enqueue({{"callback_query", std::move(query)}});
}

void TelegramSimulator::fault(const std::string& method, HttpReply reply) {
  const std::lock_guard lock(state_->mutex);
  state_->faults[lower_case(method)].push_back(std::move(reply));
}

void TelegramSimulator::too_many_requests(const std::string& method, int retry_after) {
  fault(method,
        refused(429, "Too Many Requests: retry after " + std::to_string(retry_after), {{"retry_after", retry_after}}));
}

void TelegramSimulator::lose_answer(const std::string& method) {
  const std::lock_guard lock(state_->mutex);
  ++state_->lost[lower_case(method)];
}

void TelegramSimulator::block(std::int64_t chat) {
  const std::lock_guard lock(state_->mutex);
  state_->blocked.insert(chat);
}

void TelegramSimulator::set_webhook(const std::string& url) {
  const std::lock_guard lock(state_->mutex);
  state_->webhook = url;
  state_->wake();
}

void TelegramSimulator::migrate(std::int64_t chat, std::int64_t new_chat) {
  const std::lock_guard lock(state_->mutex);
  state_->migrated[chat] = new_chat;
}

void TelegramSimulator::restart_update_ids(std::int64_t next) {
  const std::lock_guard lock(state_->mutex);
  state_->next_update = next;
}

void TelegramSimulator::replay(std::int64_t update_id) {
  json::object update;
  {
    const std::lock_guard lock(state_->mutex);
    update = state_->history.at(update_id);
  }
  state_->enqueue(std::move(update));
}

std::vector<SentMessage> TelegramSimulator::sent() const {
  const std::lock_guard lock(state_->mutex);
  return state_->sent;
}

std::size_t TelegramSimulator::count(const std::string& method) const {
  const std::lock_guard lock(state_->mutex);
  const auto found = state_->calls.find(lower_case(method));
  return found == state_->calls.end() ? 0 : found->second.size();
}

std::vector<json::object> TelegramSimulator::requests(const std::string& method) const {
  const std::lock_guard lock(state_->mutex);
  const auto found = state_->calls.find(lower_case(method));
  return found == state_->calls.end() ? std::vector<json::object>{} : found->second;
}

int TelegramSimulator::connections() const { return state_->server->connections(); }

std::int64_t TelegramSimulator::confirmed_below() const {
  const std::lock_guard lock(state_->mutex);
  return state_->highest_offset;
}

std::vector<std::int64_t> TelegramSimulator::confirmed_by(std::int64_t offset) const {
  const std::lock_guard lock(state_->mutex);
  const std::vector<bool> confirmed = state_->confirmed_by(offset);
  std::vector<std::int64_t> ids;
  for (std::size_t i = 0; i < confirmed.size(); ++i) {
    if (confirmed[i]) ids.push_back(state_->queue[i].id);
  }
  return ids;
}

std::vector<std::int64_t> TelegramSimulator::unconfirmed() const {
  const std::lock_guard lock(state_->mutex);
  std::vector<std::int64_t> ids;
  for (const Queued& queued : state_->queue) ids.push_back(queued.id);
  return ids;
}

bool TelegramSimulator::wait_until(const std::function<bool()>& done, std::chrono::milliseconds timeout) const {
  const auto end = std::chrono::steady_clock::now() + timeout;
  while (!done()) {
    std::unique_lock lock(state_->mutex);
    if (std::chrono::steady_clock::now() >= end) return false;
    // `done` looks at more than our own state, so the wait is short even when nothing is called.
    state_->changed.wait_for(lock, std::chrono::milliseconds(5));
  }
  return true;
}

}  // namespace usher::testing
