#include "support/programs/control.h"

#include <boost/asio/steady_timer.hpp>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <stdexcept>

namespace usher::testing {
namespace {

constexpr std::string_view kPrefix = "/control/";
constexpr std::string_view kAtLeast = "at_least=";
constexpr std::chrono::milliseconds kBetweenLooks{10};
constexpr int kMostLooks = 1000;

HttpReply answer(int status, const json::value& value) {
  HttpReply reply;
  reply.status = status;
  reply.body = json::serialize(value);
  return reply;
}

}  // namespace

void Control::add_silent(const std::string& name, std::function<void(const json::object&)> action) {
  add(name, [action = std::move(action)](const json::object& in) {
    action(in);
    return json::value(true);
  });
}

Task<HttpReply> Control::serve(HttpCall call) {
  const std::string path = call.target.substr(0, call.target.find('?'));
  if (!path.starts_with(kPrefix)) co_return answer(400, "what?");
  const std::string name = path.substr(kPrefix.size());
  if (name == "state") co_return answer(200, state());
  if (name != "sent") co_return perform(name, call.body);
  const std::size_t wanted = call.target.find(kAtLeast);
  const bool waits = wanted != std::string::npos;
  const char* least = waits ? call.target.c_str() + wanted + kAtLeast.size() : "0";
  HttpReply reply = co_await serve_sent(std::strtoul(least, nullptr, 10));
  co_return reply;
}

Task<HttpReply> Control::serve_sent(std::size_t at_least) {
  asio::steady_timer timer(co_await asio::this_coro::executor);
  for (int i = 0; i < kMostLooks && sent().size() < at_least; ++i) {
    timer.expires_after(kBetweenLooks);
    co_await timer.async_wait(asio::use_awaitable);
  }
  co_return answer(200, sent());
}

HttpReply Control::perform(const std::string& name, const std::string& body) const {
  const Result<json::value> arguments = parse_json(body.empty() ? "{}" : body);
  if (!arguments || !arguments->is_object()) return answer(400, "what?");
  const auto action = actions_.find(name);
  if (action == actions_.end()) return answer(404, "there is no such control");
  try {
    return answer(200, json::object{{"result", action->second(arguments->get_object())}});
  } catch (const std::out_of_range&) {
    return answer(404, "there is no such thing to do it to");
  }
}

bool Control::run_script(const std::string& file) const {
  std::ifstream in(file);
  if (!in) return std::fprintf(stderr, "cannot open %s\n", file.c_str()), false;
  for (std::string line; std::getline(in, line);) {
    if (line.empty()) continue;
    Result<json::value> step = parse_json(line);
    const auto action = step && step->is_object() ? actions_.find(words(step->get_object(), "do")) : actions_.end();
    if (action == actions_.end()) return std::fprintf(stderr, "not a step: %s\n", line.c_str()), false;
    step->get_object().erase("do");
    action->second(step->get_object());
  }
  return true;
}

std::int64_t number(const json::object& in, std::string_view name, std::int64_t fallback) {
  const json::value holder(in);
  return integer_at(&holder, name).value_or(fallback);
}

std::string words(const json::object& in, std::string_view name, const std::string& fallback) {
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

void introduce(const json::object& facts) {
  std::printf("%s\n", json::serialize(facts).c_str());
  std::fflush(stdout);
}

}  // namespace usher::testing
