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
#include <cstdio>
#include <cstdlib>
#include <string>

#include "support/programs/control.h"
#include "support/telegram/telegram_simulator.h"

namespace {

using namespace usher;
using namespace usher::testing;

std::int64_t user_of(const json::object& in) { return number(in, "user", 1001); }
std::int64_t chat_of(const json::object& in) { return number(in, "chat", user_of(in)); }

void add_people(Control& control, TelegramSimulator& s) {
  control.add("message", [&s](const json::object& in) {
    return json::value(
        s.group_message(user_of(in), chat_of(in), words(in, "text"), number(in, "thread"), number(in, "reply_to")));
  });
  control.add("photo", [&s](const json::object& in) {
    return json::value(s.photo(user_of(in), words(in, "text", "not really a picture"), words(in, "caption")));
  });
  control.add("update", [&s](const json::object& in) { return json::value(s.update(in)); });
  control.add_silent("press", [&s](const json::object& in) {
    for (const SentMessage& message : s.sent()) {
      const bool is_pressed = message.message_id == number(in, "message_id");
      if (is_pressed) s.press_button(user_of(in), message, words(in, "data"));
    }
  });
  control.add_silent("replay", [&s](const json::object& in) { s.replay(number(in, "update_id")); });
}

void add_faults(Control& control, TelegramSimulator& s) {
  control.add_silent("fault", [&s](const json::object& in) {
    for (std::int64_t i = 0; i < number(in, "times", 1); ++i) s.fault(words(in, "method"), fault_of(in));
  });
  control.add_silent("too_many", [&s](const json::object& in) {
    s.too_many_requests(words(in, "method"), static_cast<int>(number(in, "retry_after", 1)));
  });
  control.add_silent("lose", [&s](const json::object& in) { s.lose_answer(words(in, "method")); });
  control.add_silent("block", [&s](const json::object& in) { s.block(chat_of(in)); });
  control.add_silent("migrate", [&s](const json::object& in) { s.migrate(chat_of(in), number(in, "new_chat")); });
  control.add_silent("restart_ids", [&s](const json::object& in) { s.restart_update_ids(number(in, "next")); });
  control.add_silent("webhook", [&s](const json::object& in) { s.set_webhook(words(in, "url")); });
}

json::array sent_by(const TelegramSimulator& simulator) {
  json::array out;
  for (const SentMessage& m : simulator.sent()) {
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

json::value state_of(const TelegramSimulator& simulator) {
  json::object counts;
  for (const char* method : {"getMe", "getUpdates", "sendMessage", "editMessageText", "answerCallbackQuery",
                             "sendChatAction", "setMyCommands", "deleteWebhook", "getFile", "download"}) {
    counts[method] = simulator.count(method);
  }
  json::array waiting;
  for (std::int64_t id : simulator.unconfirmed()) waiting.push_back(id);
  return json::object{{"confirmed_below", simulator.confirmed_below()}, {"unconfirmed", waiting}, {"calls", counts}};
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
  Control control;
  options.other = [&control](HttpCall call) { return control.serve(std::move(call)); };
  TelegramSimulator simulator(loop.get_executor(), options);
  add_people(control, simulator);
  add_faults(control, simulator);
  control.sent = [&simulator] { return sent_by(simulator); };
  control.state = [&simulator] { return state_of(simulator); };
  if (!script.empty() && !control.run_script(script)) return 2;
  const std::string root = simulator.api_root();
  introduce({{"port", std::atoi(root.c_str() + root.rfind(':') + 1)}, {"token", options.token}});
  loop.run();
}
