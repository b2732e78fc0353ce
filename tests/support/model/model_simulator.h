// A model server that speaks OpenAI's chat completions to the letter of PROTOCOLS ("LLM providers"): streaming SSE with
// usage, tool calls in deltas, unary answers, errors, and every fault. Runs on the executor it is given.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/async.h"
#include "base/json.h"
#include "support/http/http_server.h"

namespace usher::testing {

struct ModelToolCall {
  std::string id, name, arguments;
};

// What the model says next.
struct ModelAnswer {
  std::string text;
  std::vector<ModelToolCall> tool_calls;
  std::string finish_reason;  // "" = "stop", or "tool_calls" when there are some
  int prompt_tokens = 10, completion_tokens = 3, cached_tokens = 0;
  bool sends_usage = true;
  bool sends_done = true;  // data: [DONE]
  std::size_t piece_bytes =
      7;  // text and arguments are cut into pieces of so many bytes (mid-character too is not: at code points)
  std::optional<HttpReply> instead;  // any other reply: 429, HTML, an error object in a 200, a hang
  HttpReply transport;               // faults of the transport (delay, shred, …) applied to the stream; `cut` ends it
                                     // in the middle of an event half-way through
};

// The text of the last message of `role` ("user", "tool", …), parts joined; "" when there is none.
std::string last_text(const json::object& request, std::string_view role);
// The text of the first message, when it is a system message.
std::string system_text(const json::object& request);
// The names of the tools that the request offers, in order.
std::vector<std::string> offered_tools(const json::object& request);

class ModelSimulator {
 public:
  // Decides the answer from the parsed request body; called once per request, in order of arrival.
  using Script = std::function<ModelAnswer(const json::object& request)>;
  // The default script answers "echo: <last user text>" without tools.
  ModelSimulator(asio::any_io_executor executor, Script script = {}, std::uint16_t port = 0);
  ~ModelSimulator();

  std::string base_url() const;  // "http://127.0.0.1:PORT/v1"
  // Copies of the request bodies so far. Thread-safe, like everything below.
  std::vector<json::object> requests() const;
  std::vector<HttpCall> calls() const;
  // What was wrong with requests that the vendor would refuse (they were answered 400, the script was not asked).
  std::vector<std::string> refusals() const;
  // Waits until `done` holds, checked after every request; false when `timeout` passes first. For tests in other
  // threads.
  bool wait_until(const std::function<bool()>& done, std::chrono::milliseconds timeout) const;

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace usher::testing
