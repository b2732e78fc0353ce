// The Bot API simulator as a program, for peers and e2e tests in other languages and for playing by hand:
//
//   telegram_simulator [--port N] [--token T] [--script FILE]
//
// prints {"port":N,"token":"…"} and serves until it is killed. Beside the Bot API it takes, as POST with a JSON body,
// /control/message {user, chat?, text, thread?, reply_to?}, photo {user, caption, text}, update {…}, press {user,
// message_id, data}, fault {method, status?, body?, content_type?, delay_ms?, times?, hang?, reset?, cut?}, too_many
// {method, retry_after}, lose {method}, block {chat}, migrate {chat, new_chat}, restart_ids {next}, replay {update_id},
// webhook {url}; and as GET /control/sent[?at_least=N] (waits up to 10 s) and /control/state. A script holds one
// {"do": "message", …} a line, done at the start.
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <functional>
#include <map>
#include <optional>
#include <string>

#include "support/telegram/telegram_simulator.h"

namespace {

using namespace usher;
using namespace usher::testing;

class Control {
 public:
  explicit Control(TelegramSimulator& simulator) : simulator_(simulator) {}

  // Does one thing; nothing when there is no such thing.
  std::optional<json::value> perform(const std::string& what, const json::object& arguments);
  json::value sent() const;
  json::value state() const;

 private:
  TelegramSimulator& simulator_;
};

std::int64_t number(const json::object& in, std::string_view name, std::int64_t fallback = 0) {
  const json::value holder(in);
  return integer_at(&holder, name).value_or(fallback);
}

std::string words(const json::object& in, std::string_view name, const std::string& fallback = "") {
  const json::value* value = in.if_contains(name);
  return value && value->is_string() ? std::string(value->as_string()) : fallback;
}

bool flag(const json::object& in, std::string_view name) {
  const json::value holder(in);
  return bool_at(&holder, name).value_or(false);
}

HttpReply fault_of(const json::object& in) {
  HttpReply reply;
  reply.status = static_cast<int>(number(in, "status", 502));
  reply.body = words(in, "body", "<html><body>Bad Gateway</body></html>");
  reply.content_type = words(in, "content_type", "text/html");
  reply.delay = std::chrono::milliseconds(number(in, "delay_ms"));
  reply.hang = flag(in, "hang");
  reply.reset = flag(in, "reset");
  reply.cut = flag(in, "cut");
  reply.shred = flag(in, "shred");
  return reply;
}

std::optional<json::value> Control::perform(const std::string& what, const json::object& in) {
  using Action = std::function<json::value()>;
  TelegramSimulator& s = simulator_;
  const std::string method = words(in, "method");
  const std::int64_t user = number(in, "user", 1001), chat = number(in, "chat", user);
  const std::map<std::string, Action> actions = {
      {"message",
       [&] {
         return json::value(
             s.group_message(user, chat, words(in, "text"), number(in, "thread"), number(in, "reply_to")));
       }},
      {"photo",
       [&] { return json::value(s.photo(user, words(in, "text", "not really a picture"), words(in, "caption"))); }},
      {"update", [&] { return json::value(s.update(in)); }},
      {"press",
       [&] {
         for (const SentMessage& message : s.sent()) {
           if (message.message_id == number(in, "message_id")) s.press_button(user, message, words(in, "data"));
         }
         return json::value(true);
       }},
      {"fault",
       [&] {
         for (std::int64_t i = 0; i < number(in, "times", 1); ++i) s.fault(method, fault_of(in));
         return json::value(true);
       }},
      {"too_many",
       [&] { return s.too_many_requests(method, static_cast<int>(number(in, "retry_after", 1))), json::value(true); }},
      {"lose", [&] { return s.lose_answer(method), json::value(true); }},
      {"block", [&] { return s.block(chat), json::value(true); }},
      {"migrate", [&] { return s.migrate(chat, number(in, "new_chat")), json::value(true); }},
      {"restart_ids", [&] { return s.restart_update_ids(number(in, "next")), json::value(true); }},
      {"replay", [&] { return s.replay(number(in, "update_id")), json::value(true); }},
      {"webhook", [&] { return s.set_webhook(words(in, "url")), json::value(true); }},
  };
  const auto found = actions.find(what);
  if (found == actions.end()) return std::nullopt;
  return found->second();
}

json::value Control::sent() const {
  json::array out;
  for (const SentMessage& m : simulator_.sent()) {
    out.push_back(json::object{{"message_id", m.message_id},
                               {"chat_id", m.chat_id},
                               {"thread_id", m.thread_id},
                               {"reply_to", m.reply_to},
                               {"text", m.text},
                               {"raw_text", m.raw_text},
                               {"parse_mode", m.parse_mode},
                               {"entities", m.entities},
                               {"request", m.request}});
  }
  return out;
}

json::value Control::state() const {
  json::object counts;
  for (const char* method : {"getMe", "getUpdates", "sendMessage", "editMessageText", "answerCallbackQuery",
                             "sendChatAction", "setMyCommands", "deleteWebhook", "getFile", "download"}) {
    counts[method] = simulator_.count(method);
  }
  json::array waiting;
  for (std::int64_t id : simulator_.unconfirmed()) waiting.push_back(id);
  return json::object{{"confirmed_below", simulator_.confirmed_below()}, {"unconfirmed", waiting}, {"calls", counts}};
}

HttpReply answer(int status, const json::value& value) {
  HttpReply reply;
  reply.status = status;
  reply.body = json::serialize(value);
  return reply;
}

Task<HttpReply> serve(Control& control, HttpCall call) {
  const std::string path = call.target.substr(0, call.target.find('?'));
  if (path == "/control/state") co_return answer(200, control.state());
  if (path == "/control/sent") {
    const std::size_t equals = call.target.find("at_least=");
    const std::size_t wanted =
        equals == std::string::npos ? 0 : std::strtoul(call.target.c_str() + equals + 9, nullptr, 10);
    asio::steady_timer timer(co_await asio::this_coro::executor);
    for (int i = 0; i < 1000 && control.sent().as_array().size() < wanted; ++i) {
      timer.expires_after(std::chrono::milliseconds(10));
      co_await timer.async_wait(asio::use_awaitable);
    }
    co_return answer(200, control.sent());
  }
  const Result<json::value> body = parse_json(call.body.empty() ? "{}" : call.body);
  if (!path.starts_with("/control/") || !body || !body->is_object()) co_return answer(400, "what?");
  const std::optional<json::value> done = control.perform(path.substr(9), body->as_object());
  co_return done ? answer(200, json::object{{"result", *done}}) : answer(404, "there is no such control");
}

bool run_script(Control& control, const std::string& file) {
  std::ifstream in(file);
  if (!in) return std::fprintf(stderr, "cannot open %s\n", file.c_str()), false;
  for (std::string line; std::getline(in, line);) {
    if (line.empty()) continue;
    Result<json::value> parsed = parse_json(line);
    const bool is_step = parsed && parsed->is_object();
    const std::string what = is_step ? words(parsed->as_object(), "do") : "";
    if (is_step) parsed->as_object().erase("do");
    if (!is_step || !control.perform(what, parsed->as_object())) {
      return std::fprintf(stderr, "not a step: %s\n", line.c_str()), false;
    }
  }
  return true;
}

}  // namespace

int main(int count, char** arguments) {
  TelegramOptions options;
  std::string script;
  for (int i = 1; i + 1 < count; i += 2) {
    const std::string name = arguments[i], value = arguments[i + 1];
    if (name == "--port")
      options.port = static_cast<std::uint16_t>(std::atoi(value.c_str()));
    else if (name == "--token")
      options.token = value;
    else if (name == "--script")
      script = value;
    else
      return std::fprintf(stderr, "usage: %s [--port N] [--token T] [--script FILE]\n", arguments[0]), 2;
  }
  asio::io_context loop(1);
  Control* control = nullptr;
  options.other = [&control](HttpCall call) { return serve(*control, std::move(call)); };
  TelegramSimulator simulator(loop.get_executor(), options);
  Control own(simulator);
  control = &own;
  if (!script.empty() && !run_script(own, script)) return 2;
  const std::string port = simulator.api_root().substr(simulator.api_root().rfind(':') + 1);
  std::printf("{\"port\":%s,\"token\":\"%s\"}\n", port.c_str(), options.token.c_str());
  std::fflush(stdout);
  loop.run();
}
