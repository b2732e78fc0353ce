// The Discord simulator as a program, for peers, e2e tests in other languages and for playing by hand:
//
//   discord_simulator [--port N] [--token T] [--guilds N] [--limits on|off] [--script FILE]
//
// prints {"port":N,"api_root":"…","gateway":"…","token":"…","guild":"…","channel":"…"} and serves until it is killed.
// Beside Discord it takes, as POST with a JSON body, /control/ and
//   message {user, text, channel?, reply_to?, webhook?, is_bot?}, direct {user, text}, post {user, forum, text},
//   edit {message, text}, erase {message}, react {user, message, emoji}, command {user, name, options?, channel?},
//   press {user, message, custom_id}, thread {parent?}, forum {}, member {user, roles, nick?}, guilds {count,
//   channels?, roles?}, fault {route, status?, body?}, too_many {route, scope?, seconds}, lose {route}, forbid
//   {channel, code}, close {code}, cut, freeze, zombie, reconnect, invalidate {may_resume}, dispatch {name, data,
//   guild?}
// and as GET /control/sent[?at_least=N] (waits up to 10 s) and /control/state. A script holds one {"do": "message", …}
// a line, done at the start.
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <functional>
#include <map>
#include <optional>
#include <stdexcept>
#include <string>

#include "support/discord/discord_simulator.h"

namespace {

using namespace usher;
using namespace usher::testing;

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

json::array list(const json::object& in, std::string_view name) {
  const json::value holder(in);
  const json::array* found = array_at(&holder, name);
  return found ? *found : json::array{};
}

class Control {
 public:
  explicit Control(DiscordSimulator& simulator) : simulator_(simulator) {
    add_people();
    add_scenery();
    add_faults();
  }

  // Does one thing; nothing when there is no such thing.
  std::optional<json::value> perform(const std::string& what, const json::object& arguments) const {
    const auto found = actions_.find(what);
    if (found == actions_.end()) return std::nullopt;
    return found->second(arguments);
  }
  json::value sent() const;
  json::value state() const;

 private:
  using Action = std::function<json::value(const json::object&)>;
  void add_people();
  void add_scenery();
  void add_faults();
  // For what answers nothing.
  void add(const char* name, std::function<void(const json::object&)> what) {
    actions_[name] = [what = std::move(what)](const json::object& in) {
      what(in);
      return json::value(true);
    };
  }

  DiscordSimulator& simulator_;
  std::map<std::string, Action> actions_;
};

std::string user_of(const json::object& in) { return words(in, "user", "2000000000000000001"); }

void Control::add_people() {
  DiscordSimulator& s = simulator_;
  actions_["message"] = [&s](const json::object& in) {
    return json::value(s.write({.user = user_of(in),
                                .content = words(in, "text"),
                                .channel = words(in, "channel"),
                                .reply_to = words(in, "reply_to"),
                                .is_bot = flag(in, "is_bot"),
                                .webhook = words(in, "webhook")}));
  };
  actions_["direct"] = [&s](const json::object& in) {
    return json::value(s.direct_message(user_of(in), words(in, "text")));
  };
  actions_["post"] = [&s](const json::object& in) {
    return json::value(s.forum_post(user_of(in), words(in, "forum"), words(in, "text")));
  };
  add("edit", [&s](const json::object& in) { s.edit(words(in, "message"), words(in, "text")); });
  add("erase", [&s](const json::object& in) { s.erase(words(in, "message")); });
  add("react", [&s](const json::object& in) { s.react(user_of(in), words(in, "message"), words(in, "emoji")); });
  actions_["command"] = [&s](const json::object& in) {
    return json::value(s.command({.user = user_of(in),
                                  .name = words(in, "name"),
                                  .options = list(in, "options"),
                                  .channel = words(in, "channel")}));
  };
  actions_["press"] = [&s](const json::object& in) {
    return json::value(s.press(user_of(in), words(in, "message"), words(in, "custom_id")));
  };
}

void Control::add_scenery() {
  DiscordSimulator& s = simulator_;
  actions_["thread"] = [&s](const json::object& in) {
    return json::value(s.add_thread(words(in, "parent", s.options().channel)));
  };
  actions_["forum"] = [&s](const json::object&) { return json::value(s.add_channel(s.options().guild, 15)); };
  add("member", [&s](const json::object& in) {
    std::vector<std::string> roles;
    for (const json::value& role : list(in, "roles")) roles.emplace_back(role.as_string());
    s.set_member(s.options().guild, user_of(in), std::move(roles), words(in, "nick"));
  });
  add("guilds", [&s](const json::object& in) {
    s.add_guilds(static_cast<std::size_t>(number(in, "count")), static_cast<std::size_t>(number(in, "channels", 20)),
                 static_cast<std::size_t>(number(in, "roles", 10)));
  });
  add("forbid",
      [&s](const json::object& in) { s.forbid(words(in, "channel"), static_cast<int>(number(in, "code", 50013))); });
}

void Control::add_faults() {
  DiscordSimulator& s = simulator_;
  add("fault", [&s](const json::object& in) {
    HttpReply reply;
    reply.status = static_cast<int>(number(in, "status", 502));
    reply.body = words(in, "body", "<html><body>Bad Gateway</body></html>");
    reply.content_type = words(in, "content_type", "text/html");
    s.fault(words(in, "route"), reply);
  });
  add("too_many", [&s](const json::object& in) {
    const json::value* seconds = in.if_contains("seconds");
    s.too_many(words(in, "route"), words(in, "scope", "user"), seconds ? seconds->to_number<double>() : 1.0);
  });
  add("lose", [&s](const json::object& in) { s.lose_answer(words(in, "route")); });
  add("close",
      [&s](const json::object& in) { s.close_connections(static_cast<std::uint16_t>(number(in, "code", 4000))); });
  add("cut", [&s](const json::object&) { s.cut_connections(); });
  add("freeze", [&s](const json::object&) { s.freeze_connections(); });
  add("zombie", [&s](const json::object&) { s.stop_acknowledging(); });
  add("reconnect", [&s](const json::object&) { s.ask_to_reconnect(); });
  add("invalidate", [&s](const json::object& in) { s.invalidate_sessions(flag(in, "may_resume")); });
  add("dispatch", [&s](const json::object& in) {
    const json::value* data = in.if_contains("data");
    s.dispatch(words(in, "name"), data && data->is_object() ? data->as_object() : json::object{}, words(in, "guild"));
  });
}

json::array texts(const std::vector<std::string>& list) {
  json::array out;
  for (const std::string& text : list) out.emplace_back(text);
  return out;
}

json::value Control::sent() const {
  json::array out;
  for (const DiscordMessage& m : simulator_.sent()) {
    json::array files;
    for (const DiscordFile& file : m.files) files.emplace_back(file.name);
    out.push_back(json::object{{"id", m.id},
                               {"channel", m.channel},
                               {"guild", m.guild},
                               {"content", m.content},
                               {"earlier", texts(m.earlier)},
                               {"nonce", m.nonce},
                               {"reply_to", m.reply_to},
                               {"flags", m.flags},
                               {"files", files},
                               {"components", m.components},
                               {"pinged", texts(m.pinged)},
                               {"interaction", m.interaction},
                               {"is_deleted", m.is_deleted},
                               {"request", m.request}});
  }
  return out;
}

json::value Control::state() const {
  json::array acks, reactions, connections;
  for (const DiscordAck& ack : simulator_.acknowledgements()) {
    acks.push_back(json::object{
        {"interaction", ack.interaction}, {"type", ack.type}, {"delay_ms", ack.delay.count()}, {"data", ack.data}});
  }
  for (const DiscordReaction& reaction : simulator_.reactions()) {
    reactions.push_back(
        json::object{{"message", reaction.message}, {"emoji", reaction.emoji}, {"is_added", reaction.is_added}});
  }
  for (const GatewayConnection& connection : simulator_.connections()) {
    connections.push_back(json::object{{"number", connection.number},
                                       {"target", connection.target},
                                       {"is_at_resume_url", connection.is_at_resume_url},
                                       {"is_open", connection.is_open},
                                       {"session", connection.session},
                                       {"shard", connection.shard},
                                       {"heartbeats", connection.heartbeats},
                                       {"sent", texts(connection.sent)}});
  }
  return json::object{{"acknowledgements", acks},          {"reactions", reactions},
                      {"connections", connections},        {"typing", texts(simulator_.typing())},
                      {"commands", simulator_.commands()}, {"identifies", simulator_.identifies()},
                      {"resumes", simulator_.resumes()},   {"refused_calls", simulator_.refused_calls()}};
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
  try {
    const std::optional<json::value> done = control.perform(path.substr(9), body->as_object());
    co_return done ? answer(200, json::object{{"result", *done}}) : answer(404, "there is no such control");
  } catch (const std::out_of_range&) {
    co_return answer(404, "there is no such channel, message or interaction");
  }
}

bool run_script(const Control& control, const std::string& file) {
  std::ifstream in(file);
  if (!in) return std::fprintf(stderr, "cannot open %s\n", file.c_str()), false;
  for (std::string line; std::getline(in, line);) {
    if (line.empty()) continue;
    const Result<json::value> step = parse_json(line);
    const bool is_done =
        step && step->is_object() && control.perform(words(step->as_object(), "do"), step->as_object());
    if (!is_done) return std::fprintf(stderr, "not a step: %s\n", line.c_str()), false;
  }
  return true;
}

struct Arguments {
  DiscordSimulatorOptions options;
  std::string script;
  std::size_t guilds = 0;
};

std::optional<Arguments> read_arguments(int count, char** arguments) {
  Arguments out;
  DiscordSimulatorOptions& options = out.options;
  for (int i = 1; i + 1 < count; i += 2) {
    const std::string name = arguments[i], value = arguments[i + 1];
    if (name == "--port")
      options.port = static_cast<std::uint16_t>(std::atoi(value.c_str()));
    else if (name == "--token")
      options.token = value;
    else if (name == "--guilds")
      out.guilds = std::strtoul(value.c_str(), nullptr, 10);
    else if (name == "--limits")
      options.limit.calls = options.calls_per_second = value == "off" ? 0 : 50;
    else if (name == "--script")
      out.script = value;
    else
      return std::nullopt;
  }
  // Short enough to be seen at work.
  if (options.limit.calls != 0) options.limits["POST /channels/:channel/typing"] = {2, std::chrono::milliseconds(300)};
  return out;
}

void introduce(const DiscordSimulator& simulator) {
  const std::string root = simulator.api_root();
  const std::string port = root.substr(17, root.find('/', 17) - 17);  // behind "http://127.0.0.1:"
  const json::object facts{{"port", std::atoi(port.c_str())},    {"api_root", root},
                           {"gateway", simulator.gateway_url()}, {"token", simulator.options().token},
                           {"guild", simulator.options().guild}, {"channel", simulator.options().channel}};
  std::printf("%s\n", json::serialize(facts).c_str());
  std::fflush(stdout);
}

}  // namespace

int main(int count, char** arguments) {
  std::optional<Arguments> given = read_arguments(count, arguments);
  if (!given) {
    std::fprintf(stderr, "usage: %s [--port N] [--token T] [--guilds N] [--limits on|off] [--script FILE]\n",
                 arguments[0]);
    return 2;
  }
  asio::io_context loop(1);
  Control* control = nullptr;
  given->options.other = [&control](HttpCall call) { return serve(*control, std::move(call)); };
  DiscordSimulator simulator(loop.get_executor(), given->options);
  simulator.add_guilds(given->guilds, 20, 10);
  Control own(simulator);
  control = &own;
  if (!given->script.empty() && !run_script(own, given->script)) return 2;
  introduce(simulator);
  loop.run();
}
