#include "support/model/model_simulator.h"

#include <algorithm>
#include <condition_variable>
#include <mutex>

#include "support/model/model_request.h"

namespace usher::testing {

namespace {

constexpr std::int64_t created = 1'790'000'000;

// At most `bytes` each, cut between code points.
std::vector<std::string> pieces_of(const std::string& text, std::size_t bytes) {
  std::vector<std::string> pieces;
  for (std::size_t start = 0; start < text.size();) {
    std::size_t end = std::min(text.size(), start + std::max<std::size_t>(bytes, 1));
    while (end < text.size() && (static_cast<unsigned char>(text[end]) & 0xC0) == 0x80) ++end;
    pieces.push_back(text.substr(start, end - start));
    start = end;
  }
  return pieces;
}

std::string finish_reason_of(const ModelAnswer& answer) {
  if (!answer.finish_reason.empty()) return answer.finish_reason;
  return answer.tool_calls.empty() ? "stop" : "tool_calls";
}

json::object usage_of(const ModelAnswer& answer) {
  return {{"prompt_tokens", answer.prompt_tokens},
          {"completion_tokens", answer.completion_tokens},
          {"total_tokens", answer.prompt_tokens + answer.completion_tokens},
          {"prompt_tokens_details", {{"cached_tokens", answer.cached_tokens}}}};
}

json::object envelope(const char* object, const json::object& request) {
  return {{"id", "chatcmpl-simulated"}, {"object", object}, {"created", created}, {"model", request.at("model")}};
}

// The events of one streamed answer, each with its framing.
class Stream {
 public:
  Stream(const json::object& request, const ModelAnswer& answer) : request_(request), answer_(answer) {}

  std::vector<std::string> events() {
    add_delta({{"role", "assistant"}, {"content", answer_.tool_calls.empty() ? json::value("") : json::value()}});
    for (const std::string& piece : pieces_of(answer_.text, answer_.piece_bytes)) add_delta({{"content", piece}});
    for (std::size_t i = 0; i < answer_.tool_calls.size(); ++i) add_tool_call(i, answer_.tool_calls[i]);
    add_delta({}, finish_reason_of(answer_));
    if (answer_.sends_usage && wants_usage()) {
      json::object chunk = envelope("chat.completion.chunk", request_);
      chunk["choices"] = json::array();
      chunk["usage"] = usage_of(answer_);
      add(json::serialize(chunk));
    }
    if (answer_.sends_done) add("[DONE]");
    return std::move(events_);
  }

 private:
  void add(const std::string& data) { events_.push_back("data: " + data + "\n\n"); }

  void add_delta(json::object delta, const std::string& finish_reason = "") {
    json::value reason = finish_reason.empty() ? json::value() : json::value(finish_reason);
    json::object chunk = envelope("chat.completion.chunk", request_);
    chunk["choices"] = json::array{json::object{{"index", 0}, {"delta", std::move(delta)}, {"finish_reason", reason}}};
    add(json::serialize(chunk));
  }

  void add_tool_call(std::size_t index, const ModelToolCall& call) {
    json::object first{{"index", index},
                       {"id", call.id},
                       {"type", "function"},
                       {"function", {{"name", call.name}, {"arguments", ""}}}};
    add_delta({{"tool_calls", json::array{std::move(first)}}});
    for (const std::string& piece : pieces_of(call.arguments, answer_.piece_bytes)) {
      json::object more{{"index", index}, {"function", {{"arguments", piece}}}};
      add_delta({{"tool_calls", json::array{std::move(more)}}});
    }
  }

  bool wants_usage() const {
    const json::value* options = request_.if_contains("stream_options");
    return bool_at(options, "include_usage").value_or(false);
  }

  const json::object& request_;
  const ModelAnswer& answer_;
  std::vector<std::string> events_;
};

HttpReply streamed(const json::object& request, const ModelAnswer& answer) {
  HttpReply reply = answer.transport;
  reply.content_type = "text/event-stream";
  reply.chunks = Stream(request, answer).events();
  if (reply.cut) {
    reply.chunks.resize(reply.chunks.size() / 2 + 1);
    std::string& last = reply.chunks.back();
    last.resize(last.size() / 2);
  }
  return reply;
}

HttpReply unary(const json::object& request, const ModelAnswer& answer) {
  json::object message{{"role", "assistant"}, {"content", answer.text}};
  json::array calls;
  for (const ModelToolCall& call : answer.tool_calls) {
    calls.push_back(json::object{
        {"id", call.id}, {"type", "function"}, {"function", {{"name", call.name}, {"arguments", call.arguments}}}});
  }
  if (!calls.empty()) message["tool_calls"] = std::move(calls);
  json::object body = envelope("chat.completion", request);
  body["choices"] =
      json::array{json::object{{"index", 0}, {"message", message}, {"finish_reason", finish_reason_of(answer)}}};
  if (answer.sends_usage) body["usage"] = usage_of(answer);
  HttpReply reply = answer.transport;
  reply.body = json::serialize(body);
  return reply;
}

HttpReply refusal(int status, const std::string& message) {
  json::object error{{"message", message}, {"type", "invalid_request_error"}, {"param", nullptr}, {"code", nullptr}};
  HttpReply reply;
  reply.status = status;
  reply.body = json::serialize(json::object{{"error", std::move(error)}});
  return reply;
}

ModelAnswer echo(const json::object& request) {
  ModelAnswer answer;
  answer.text = "echo: " + last_text(request, "user");
  return answer;
}

}  // namespace

struct ModelSimulator::State {
  Script script = echo;
  std::unique_ptr<HttpServer> server;

  mutable std::mutex mutex;
  mutable std::condition_variable changed;
  std::vector<json::object> requests;
  std::vector<HttpCall> calls;
  std::vector<std::string> refusals;

  HttpReply refuse(int status, const std::string& message) {
    {
      std::lock_guard lock(mutex);
      refusals.push_back(message);
    }
    changed.notify_all();
    return refusal(status, message);
  }

  HttpReply answer(const HttpCall& call) {
    {
      std::lock_guard lock(mutex);
      calls.push_back(call);
    }
    if (call.target != "/v1/chat/completions") return refuse(404, "unknown request URL");
    if (call.method != "POST") return refuse(405, "not allowed to " + call.method);
    Result<json::value> parsed = parse_json(call.body);
    const json::object* request = parsed ? parsed->if_object() : nullptr;
    if (!request) return refuse(400, "the body is not a JSON object");
    std::string complaint = complaint_about(*request);
    if (!complaint.empty()) return refuse(400, complaint);
    {
      std::lock_guard lock(mutex);
      requests.push_back(*request);
    }
    changed.notify_all();
    ModelAnswer said = script(*request);
    if (said.instead) return *said.instead;
    bool streams = bool_at(&*parsed, "stream").value_or(false);
    return streams ? streamed(*request, said) : unary(*request, said);
  }
};

ModelSimulator::ModelSimulator(asio::any_io_executor executor, Script script, std::uint16_t port)
    : state_(std::make_shared<State>()) {
  if (script) state_->script = std::move(script);
  // The handler keeps the state alive while a connection still uses it; the destructor below breaks the circle.
  auto handler = [state = state_](HttpCall call) -> Task<HttpReply> { co_return state->answer(call); };
  state_->server = std::make_unique<HttpServer>(std::move(executor), std::move(handler), port);
}

ModelSimulator::~ModelSimulator() { state_->server.reset(); }

std::string ModelSimulator::base_url() const { return state_->server->url() + "/v1"; }

std::vector<json::object> ModelSimulator::requests() const {
  std::lock_guard lock(state_->mutex);
  return state_->requests;
}

std::vector<HttpCall> ModelSimulator::calls() const {
  std::lock_guard lock(state_->mutex);
  return state_->calls;
}

std::vector<std::string> ModelSimulator::refusals() const {
  std::lock_guard lock(state_->mutex);
  return state_->refusals;
}

bool ModelSimulator::wait_until(const std::function<bool()>& done, std::chrono::milliseconds timeout) const {
  auto end = std::chrono::steady_clock::now() + timeout;
  std::size_t seen = 0;
  while (!done()) {  // without the lock: it may call requests()
    std::unique_lock lock(state_->mutex);
    auto news = [&] { return state_->requests.size() + state_->refusals.size() != seen; };
    if (!state_->changed.wait_until(lock, end, news)) {
      lock.unlock();
      return done();
    }
    seen = state_->requests.size() + state_->refusals.size();
  }
  return true;
}

}  // namespace usher::testing
