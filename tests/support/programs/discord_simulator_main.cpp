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
#include <cstdio>
#include <cstdlib>
#include <optional>
#include <string>

#include "support/discord/discord_simulator.h"
#include "support/programs/control.h"

namespace {

using namespace usher;
using namespace usher::testing;

std::string user_of(const json::object& in) { return words(in, "user", "2000000000000000001"); }

void add_people(Control& control, DiscordSimulator& s) {
  control.add("message", [&s](const json::object& in) {
    return json::value(s.write({.user = user_of(in),
                                .content = words(in, "text"),
                                .channel = words(in, "channel"),
                                .reply_to = words(in, "reply_to"),
                                .is_bot = flag(in, "is_bot"),
                                .webhook = words(in, "webhook")}));
  });
  control.add("direct",
              [&s](const json::object& in) { return json::value(s.direct_message(user_of(in), words(in, "text"))); });
  control.add("post", [&s](const json::object& in) {
    return json::value(s.forum_post(user_of(in), words(in, "forum"), words(in, "text")));
  });
  control.add_silent("edit", [&s](const json::object& in) { s.edit(words(in, "message"), words(in, "text")); });
  control.add_silent("erase", [&s](const json::object& in) { s.erase(words(in, "message")); });
  control.add_silent("react",
                     [&s](const json::object& in) { s.react(user_of(in), words(in, "message"), words(in, "emoji")); });
  control.add("command", [&s](const json::object& in) {
    return json::value(s.command({.user = user_of(in),
                                  .name = words(in, "name"),
                                  .options = list(in, "options"),
                                  .channel = words(in, "channel")}));
  });
  control.add("press", [&s](const json::object& in) {
    return json::value(s.press(user_of(in), words(in, "message"), words(in, "custom_id")));
  });
}

void add_scenery(Control& control, DiscordSimulator& s) {
  control.add("thread", [&s](const json::object& in) {
    return json::value(s.add_thread(words(in, "parent", s.options().channel)));
  });
  control.add("forum", [&s](const json::object&) { return json::value(s.add_channel(s.options().guild, 15)); });
  control.add_silent("member", [&s](const json::object& in) {
    std::vector<std::string> roles;
    for (const json::value& role : list(in, "roles")) roles.emplace_back(role.as_string());
    s.set_member(s.options().guild, user_of(in), std::move(roles), words(in, "nick"));
  });
  control.add_silent("guilds", [&s](const json::object& in) {
    s.add_guilds(static_cast<std::size_t>(number(in, "count")), static_cast<std::size_t>(number(in, "channels", 20)),
                 static_cast<std::size_t>(number(in, "roles", 10)));
  });
  control.add_silent("forbid", [&s](const json::object& in) {
    s.forbid(words(in, "channel"), static_cast<int>(number(in, "code", 50013)));
  });
}

void add_faults(Control& control, DiscordSimulator& s) {
  control.add_silent("fault", [&s](const json::object& in) { s.fault(words(in, "route"), fault_of(in)); });
  control.add_silent("too_many", [&s](const json::object& in) {
    const json::value* seconds = in.if_contains("seconds");
    s.too_many(words(in, "route"), words(in, "scope", "user"), seconds ? seconds->to_number<double>() : 1.0);
  });
  control.add_silent("lose", [&s](const json::object& in) { s.lose_answer(words(in, "route")); });
  control.add_silent("close", [&s](const json::object& in) {
    s.close_connections(static_cast<std::uint16_t>(number(in, "code", 4000)));
  });
  control.add_silent("cut", [&s](const json::object&) { s.cut_connections(); });
  control.add_silent("freeze", [&s](const json::object&) { s.freeze_connections(); });
  control.add_silent("zombie", [&s](const json::object&) { s.stop_acknowledging(); });
  control.add_silent("reconnect", [&s](const json::object&) { s.ask_to_reconnect(); });
  control.add_silent("invalidate", [&s](const json::object& in) { s.invalidate_sessions(flag(in, "may_resume")); });
  control.add_silent("dispatch", [&s](const json::object& in) {
    const json::value* data = in.if_contains("data");
    s.dispatch(words(in, "name"), data && data->is_object() ? data->as_object() : json::object{}, words(in, "guild"));
  });
}

json::array texts(const std::vector<std::string>& list) {
  json::array out;
  for (const std::string& text : list) out.emplace_back(text);
  return out;
}

json::array sent_by(const DiscordSimulator& simulator) {
  json::array out;
  for (const DiscordMessage& m : simulator.sent()) {
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

json::value state_of(const DiscordSimulator& simulator) {
  json::array acks, reactions, connections;
  for (const DiscordAck& ack : simulator.acknowledgements()) {
    acks.push_back(json::object{
        {"interaction", ack.interaction}, {"type", ack.type}, {"delay_ms", ack.delay.count()}, {"data", ack.data}});
  }
  for (const DiscordReaction& reaction : simulator.reactions()) {
    reactions.push_back(
        json::object{{"message", reaction.message}, {"emoji", reaction.emoji}, {"is_added", reaction.is_added}});
  }
  for (const GatewayConnection& connection : simulator.connections()) {
    connections.push_back(json::object{{"number", connection.number},
                                       {"target", connection.target},
                                       {"is_at_resume_url", connection.is_at_resume_url},
                                       {"is_open", connection.is_open},
                                       {"session", connection.session},
                                       {"shard", connection.shard},
                                       {"heartbeats", connection.heartbeats},
                                       {"sent", texts(connection.sent)}});
  }
  return json::object{{"acknowledgements", acks},         {"reactions", reactions},
                      {"connections", connections},       {"typing", texts(simulator.typing())},
                      {"commands", simulator.commands()}, {"identifies", simulator.identifies()},
                      {"resumes", simulator.resumes()},   {"refused_calls", simulator.refused_calls()}};
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

json::object facts_of(const DiscordSimulator& simulator) {
  const std::string root = simulator.api_root();
  const std::string port = root.substr(17, root.find('/', 17) - 17);  // behind "http://127.0.0.1:"
  return {{"port", std::atoi(port.c_str())},    {"api_root", root},
          {"gateway", simulator.gateway_url()}, {"token", simulator.options().token},
          {"guild", simulator.options().guild}, {"channel", simulator.options().channel}};
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
  Control control;
  given->options.other = [&control](HttpCall call) { return control.serve(std::move(call)); };
  DiscordSimulator simulator(loop.get_executor(), given->options);
  simulator.add_guilds(given->guilds, 20, 10);
  add_people(control, simulator);
  add_scenery(control, simulator);
  add_faults(control, simulator);
  control.sent = [&simulator] { return sent_by(simulator); };
  control.state = [&simulator] { return state_of(simulator); };
  if (!given->script.empty() && !control.run_script(given->script)) return 2;
  introduce(facts_of(simulator));
  loop.run();
}
