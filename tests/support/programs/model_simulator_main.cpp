// The model simulator as a program, for playing by hand: model_simulator [--port N]. What it answers depends on a word
// in the last user message: "!tool NAME {JSON}" calls that tool, "!html", "!error", "!429", "!500", "!cut", "!hang",
// "!empty",
// "!broken" and "!many" play that fault; anything else is echoed.
#include <boost/asio/io_context.hpp>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <map>

#include "support/model/model_simulator.h"

namespace {

using namespace usher;
using namespace usher::testing;

HttpReply plain(int status, std::string body, std::string type = "application/json") {
  HttpReply reply;
  reply.status = status;
  reply.body = std::move(body);
  reply.content_type = std::move(type);
  return reply;
}

const char* error_body = R"({"error":{"message":"simulated failure","type":"server_error"}})";

const std::map<std::string, ModelAnswer>& faults() {
  static const std::map<std::string, ModelAnswer> table = [] {
    std::map<std::string, ModelAnswer> made;
    made["!html"].instead = plain(200, "<html><body>Gateway</body></html>", "text/html");
    made["!error"].instead = plain(200, error_body);
    made["!429"].instead = plain(429, error_body);
    made["!429"].instead->headers = {{"Retry-After", "2"}};
    made["!500"].instead = plain(500, error_body);
    made["!empty"].instead = plain(200, "", "text/event-stream");
    made["!hang"].instead = HttpReply{};
    made["!hang"].instead->hang = true;
    made["!cut"].text = "This sentence will never come to its end.";
    made["!cut"].transport.cut = true;
    made["!broken"].tool_calls = {{"call_1", "product_search", "{\"query\": "}};
    for (int i = 0; i < 400; ++i)
      made["!many"].tool_calls.push_back({"call_" + std::to_string(i), "product_search", "{}"});
    return made;
  }();
  return table;
}

ModelAnswer play(const json::object& request) {
  ModelAnswer answer;
  const json::array& messages = request.at("messages").get_array();
  if (string_at(&messages.back(), "role") == "tool") {
    answer.text = "The tool says: " + last_text(request, "tool");
    return answer;
  }
  std::string text = last_text(request, "user");
  for (const auto& [word, fault] : faults()) {
    if (text.find(word) != std::string::npos) return fault;
  }
  std::size_t start = text.find("!tool ");
  if (start != std::string::npos) {
    std::size_t name_end = std::min(text.find(' ', start + 6), text.size());
    std::string arguments = name_end < text.size() ? text.substr(name_end + 1) : "{}";
    answer.tool_calls = {{"call_1", text.substr(start + 6, name_end - start - 6), arguments}};
    return answer;
  }
  answer.text = "echo: " + text;
  return answer;
}

}  // namespace

int main(int count, char** arguments) {
  int port = count == 3 && std::strcmp(arguments[1], "--port") == 0 ? std::atoi(arguments[2]) : 0;
  if (count != 1 && port == 0) {
    std::fprintf(stderr, "usage: %s [--port N]\n", arguments[0]);
    return 2;
  }
  asio::io_context loop(1);
  ModelSimulator simulator(loop.get_executor(), play, static_cast<std::uint16_t>(port));
  std::printf("%s\n", simulator.base_url().c_str());
  std::fflush(stdout);
  loop.run();
}
