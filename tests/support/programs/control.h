// How a simulator that runs as a program is steered: what it serves beneath /control/ beside its platform, and a script
// of the same steps. On the simulator's executor; the actions refer to the simulator, which outlives it.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>

#include "base/async.h"
#include "base/json.h"
#include "support/http/http_server.h"

namespace usher::testing {

class Control {
 public:
  using Action = std::function<json::value(const json::object& arguments)>;

  // POST /control/NAME with a JSON body; answered with {"result":…}, a std::out_of_range with 404.
  void add(const std::string& name, Action action) { actions_[name] = std::move(action); }
  // For what answers nothing.
  void add_silent(const std::string& name, std::function<void(const json::object& arguments)> action);
  // GET /control/state, and GET /control/sent[?at_least=N], which waits up to 10 s.
  std::function<json::value()> state;
  std::function<json::array()> sent;

  Task<HttpReply> serve(HttpCall call);
  // Each line of the file is {"do": NAME, …}. False, with a word on stderr, at the first that cannot be done.
  bool run_script(const std::string& file) const;

 private:
  HttpReply perform(const std::string& name, const std::string& body) const;
  Task<HttpReply> serve_sent(std::size_t at_least);

  std::map<std::string, Action> actions_;
};

// What stands in the arguments of an action, or else the fallback.
std::int64_t number(const json::object& in, std::string_view name, std::int64_t fallback = 0);
std::string words(const json::object& in, std::string_view name, const std::string& fallback = "");
bool flag(const json::object& in, std::string_view name);
json::array list(const json::object& in, std::string_view name);
// {status?, body?, content_type?, delay_ms?, hang?, reset?, cut?, shred?}
HttpReply fault_of(const json::object& in);

// One line of JSON on stdout, which tells whoever started the program how to reach it.
void introduce(const json::object& facts);

}  // namespace usher::testing
