#include "provider/openai.h"

#include <doctest/doctest.h>
#include <fmt/format.h>
#include <rapidcheck.h>

#include <boost/asio/io_context.hpp>

#include "base/text.h"
#include "provider/openai_codec.h"
#include "support/model/model_simulator.h"
#include "support/run_task.h"

namespace usher::provider {

namespace {

using namespace std::chrono_literals;
using testing::HttpReply;
using testing::ModelAnswer;
using testing::ModelSimulator;
using testing::run_task;

HttpReply reply(int status, std::string body, std::string content_type = "application/json") {
  HttpReply made;
  made.status = status;
  made.body = std::move(body);
  made.content_type = std::move(content_type);
  return made;
}

HttpReply stream(std::vector<std::string> chunks) {
  HttpReply made;
  made.content_type = "text/event-stream";
  made.chunks = std::move(chunks);
  return made;
}

ModelAnswer instead(HttpReply made) {
  ModelAnswer answer;
  answer.instead = std::move(made);
  return answer;
}

ModelAnswer text(std::string words) {
  ModelAnswer answer;
  answer.text = std::move(words);
  return answer;
}

// A provider in front of a model that gives `answers` in turn, the last one for ever.
struct Fixture {
  explicit Fixture(std::vector<ModelAnswer> given, std::string key = "sk-very-secret-key")
      : answers(std::move(given)),
        model(loop.get_executor(),
              [this](const json::object&) { return answers[std::min(asked++, answers.size() - 1)]; }),
        http(net::make_http_client(loop.get_executor())),
        provider(make_openai(*http, {.base_url = model.base_url(),
                                     .api_key = Secret(std::move(key)),
                                     .model = "m-1",
                                     .max_output_tokens = 77,
                                     .idle_timeout = 2s})) {}

  Result<Completion> ask(const Request& request, Deadline deadline = Deadline::in(10s)) {
    pieces.clear();
    sink = [this](std::string_view piece) { pieces.emplace_back(piece); };
    return run_task(loop, provider->complete(request, sink, deadline));
  }
  Result<Completion> ask() {
    Message message;
    message.text = "hello";
    const std::vector<Message> messages = {message};
    return ask({messages, {}});
  }
  Error error() {
    Result<Completion> completion = ask();
    REQUIRE_FALSE(completion);
    CHECK(completion.error().message.find("very-secret") == std::string::npos);
    return completion.error();
  }
  std::string streamed() const {
    std::string all;
    for (const std::string& piece : pieces) all += piece;
    return all;
  }

  asio::io_context loop{1};
  std::vector<ModelAnswer> answers;
  std::size_t asked = 0;
  ModelSimulator model;
  std::unique_ptr<net::HttpClient> http;
  std::unique_ptr<Provider> provider;
  TextSink sink;
  std::vector<std::string> pieces;
};

const json::object& schema() {
  static const json::object made = {{"type", "object"}, {"properties", json::object()}};
  return made;
}

}  // namespace

TEST_CASE("text arrives in pieces and as a whole, with its usage") {
  Fixture f({text("Grüße 👋 from a model")});
  const Result<Completion> completion = f.ask();
  REQUIRE(completion);
  CHECK(completion->text == "Grüße 👋 from a model");
  CHECK(f.streamed() == completion->text);
  CHECK(f.pieces.size() > 1);
  CHECK(completion->finish_reason == FinishReason::stop);
  CHECK(completion->usage.input_tokens == 10);
  CHECK(completion->usage.output_tokens == 3);
  CHECK_FALSE(completion->usage.is_estimate);
}

TEST_CASE("the request says what the model must know, and the key goes into its header alone") {
  Fixture f({text("ok")});
  std::vector<Message> messages(6);
  messages[0] = {Author::system, "be brief"};
  messages[1] = {Author::user, "look \"here\"\n\x01", {{"image/png", "PNG!"}}};
  messages[2].author = Author::assistant;
  messages[2].tool_calls = {{"c1", "find", "{\"q\":1}"}, {"c2", "find", ""}};
  messages[3] = {Author::tool, "found \xff it", {}, {}, "c1"};
  messages[4] = {Author::tool, "nothing", {}, {}, "c2"};
  messages[5] = {Author::assistant, "there"};
  const std::vector<ToolOffer> tools = {{"find", "Finds.", &schema()}};
  REQUIRE(f.ask({messages, tools}));
  const testing::HttpCall call = f.model.calls().at(0);
  CHECK(call.target == "/v1/chat/completions");
  CHECK(call.headers.at("authorization") == "Bearer sk-very-secret-key");
  CHECK(call.body.find("\"stream\":true") != std::string::npos);
  CHECK(call.body.find("secret") == std::string::npos);
  const json::value expected = json::parse(R"({"model":"m-1","messages":[
    {"role":"system","content":"be brief"},
    {"role":"user","content":[{"type":"text","text":"look \"here\"\n\u0001"},
      {"type":"image_url","image_url":{"url":"data:image/png;base64,UE5HIQ=="}}]},
    {"role":"assistant","content":null,"tool_calls":[
      {"id":"c1","type":"function","function":{"name":"find","arguments":"{\"q\":1}"}},
      {"id":"c2","type":"function","function":{"name":"find","arguments":"{}"}}]},
    {"role":"tool","tool_call_id":"c1","content":"found � it"},
    {"role":"tool","tool_call_id":"c2","content":"nothing"},
    {"role":"assistant","content":"there"}],
    "stream":true,"stream_options":{"include_usage":true},"max_tokens":77,
    "tools":[{"type":"function","function":{"name":"find","description":"Finds.",
      "parameters":{"type":"object","properties":{}}}}]})");
  CHECK(json::value(f.model.requests().at(0)) == expected);
}

TEST_CASE("without tools and without a key neither is sent") {
  Fixture f({text("ok")}, "");
  REQUIRE(f.ask());
  CHECK_FALSE(f.model.requests().at(0).contains("tools"));
  CHECK_FALSE(f.model.calls().at(0).headers.contains("authorization"));
}

TEST_CASE("tool calls are put together from their deltas") {
  ModelAnswer answer;
  answer.tool_calls = {{"a", "find", R"({"query":"größer als"})"}, {"b", "read", R"({"path":"x"})"}};
  Fixture f({answer});
  const Result<Completion> completion = f.ask();
  REQUIRE(completion);
  CHECK(completion->finish_reason == FinishReason::tool_calls);
  CHECK(completion->tool_calls ==
        std::vector<ToolCall>{{"a", "find", R"({"query":"größer als"})"}, {"b", "read", R"({"path":"x"})"}});
}

TEST_CASE("400 parallel tool calls arrive whole") {
  ModelAnswer answer;
  for (int i = 0; i < 400; ++i)
    answer.tool_calls.push_back({fmt::format("id{}", i), "find", fmt::format("{{\"i\":{}}}", i)});
  Fixture f({answer});
  const Result<Completion> completion = f.ask();
  REQUIRE(completion);
  REQUIRE(completion->tool_calls.size() == 400);
  CHECK(completion->tool_calls[399] == ToolCall{"id399", "find", "{\"i\":399}"});
}

TEST_CASE("a stream shredded into bytes is the same stream, on one connection") {
  ModelAnswer answer = text("Zażółć gęślą jaźń 👩‍👩‍👧");
  answer.transport.shred = true;
  Fixture f({answer});
  for (int i = 0; i < 3; ++i) {
    const Result<Completion> completion = f.ask();
    REQUIRE(completion);
    CHECK(completion->text == answer.text);
    CHECK(f.streamed() == answer.text);
  }
  CHECK(f.model.calls().back().connection == 1);
}

TEST_CASE("a model that sends no usage is estimated, never above what was allowed") {
  ModelAnswer answer = text(std::string(3000, 'x'));
  answer.sends_usage = false;
  Fixture f({answer});
  const Result<Completion> completion = f.ask();
  REQUIRE(completion);
  CHECK(completion->usage.is_estimate);
  CHECK(completion->usage.output_tokens == 77);
  CHECK(completion->usage.input_tokens > 0);
}

TEST_CASE("a finish reason ends the answer even when [DONE] never comes") {
  ModelAnswer answer = text("done");
  answer.sends_done = false;
  Fixture f({answer});
  const Result<Completion> completion = f.ask();
  REQUIRE(completion);
  CHECK(completion->text == "done");

  HttpReply cut = stream({"data: {\"choices\":[{\"delta\":{\"content\":\"done\"},\"finish_reason\":\"stop\"}]}\n\n"});
  cut.cut = true;
  Fixture g({instead(cut)});
  REQUIRE(g.ask());
}

TEST_CASE("after [DONE] a server that neither ends nor closes is not waited for") {
  HttpReply open = stream({"data: {\"choices\":[{\"delta\":{\"content\":\"hi\"}}]}\n\ndata: [DONE]\n\n", ": ping\n\n"});
  open.endless = true;
  open.chunk_delay = 50ms;
  Fixture f({instead(open), text("next")});
  const Deadline long_before = Deadline::in(8s);
  const Result<Completion> completion = f.ask();
  REQUIRE(completion);
  CHECK(completion->text == "hi");
  CHECK_FALSE(long_before.has_passed());
  REQUIRE(f.ask());
}

TEST_CASE("one JSON object instead of a stream is understood") {
  Fixture f({instead(reply(200, R"({"choices":[{"index":0,"message":{"role":"assistant","content":"plain",
      "tool_calls":[{"type":"function","function":{"name":"find","arguments":{"q":1}}}]},"finish_reason":"tool_calls"}],
      "usage":{"prompt_tokens":20,"completion_tokens":5,"prompt_tokens_details":{"cached_tokens":8}}})"))});
  const Result<Completion> completion = f.ask();
  REQUIRE(completion);
  CHECK(completion->text == "plain");
  CHECK(completion->tool_calls == std::vector<ToolCall>{{"call_1", "find", R"({"q":1})"}});
  CHECK(completion->usage.input_tokens == 20);
  CHECK(completion->usage.cached_input_tokens == 8);
}

TEST_CASE("whatever is not a complete answer in a 200 is a protocol error") {
  HttpReply cut = stream({"data: {\"choices\":[{\"delta\":{\"content\":\"half\"}}]}\n\n", "data: {\"cho"});
  HttpReply cut_body = cut;
  cut_body.cut = true;
  const std::vector<HttpReply> garbage = {
      reply(200, "<!DOCTYPE html><h1>Welcome</h1>", "text/html"),
      reply(200, R"({"error":{"message":"overloaded","type":"server_error"}})"),
      reply(200, R"({"error":"no"})"),
      reply(200, "{\"choices\":[{\"mess"),
      reply(200, "[1,2]"),
      reply(200, "null"),
      reply(200, "{}"),
      reply(200, ""),
      reply(200, "upstream connect error"),
      stream({"data: {\"error\":{\"message\":\"overloaded\"}}\n\n"}),
      stream({"event: error\ndata: {\"message\":\"x\"}\n\n", "data: [DONE]\n\n"}),
      stream({"data: {broken\n\n", "data: [DONE]\n\n"}),
      stream({"data: 7\n\n", "data: [DONE]\n\n"}),
      stream({"data: " + std::string(3u << 20, 'x')}),
      stream(
          {"data: {\"choices\":[{\"delta\":{\"tool_calls\":[{\"index\":0,\"id\":\"a\"}]}}]}\n\n", "data: [DONE]\n\n"}),
      stream(
          {"data: {\"choices\":[{\"delta\":{\"tool_calls\":[{\"index\":99999,\"function\":{\"name\":\"a\"}}]}}]}\n\n",
           "data: [DONE]\n\n"}),
      cut,
      cut_body,
  };
  for (std::size_t i = 0; i < garbage.size(); ++i) {
    CAPTURE(i);
    Fixture f({instead(garbage[i])});
    CHECK(f.error().kind == ErrorKind::protocol);
  }
}

TEST_CASE("an answer without end is cut off, not collected") {
  HttpReply endless =
      stream({"data: {\"choices\":[{\"delta\":{\"content\":\"" + std::string(100'000, 'x') + "\"}}]}\n\n"});
  endless.endless = true;
  Fixture f({instead(endless)});
  CHECK(f.error().kind == ErrorKind::protocol);

  HttpReply arguments =
      stream({R"(data: {"choices":[{"delta":{"tool_calls":[{"index":0,"function":{"name":"a","arguments":")" +
              std::string(10'000, 'x') + "\"}}]}}]}\n\n"});
  arguments.endless = true;
  Fixture g({instead(arguments)});
  CHECK(g.error().kind == ErrorKind::protocol);
}

TEST_CASE("a model that asks to wait is busy and says how long") {
  for (const int status : {429, 503, 529}) {
    HttpReply busy = reply(status, R"({"error":{"message":"slow down"}})");
    busy.headers.emplace_back("Retry-After", "17");
    Fixture f({instead(busy)});
    const Error error = f.error();
    CHECK(error.kind == ErrorKind::busy);
    CHECK(error.retry_after == 17s);
  }
}

TEST_CASE("a refused key is named as such and nothing of the answer is passed on") {
  for (const int status : {401, 403}) {
    Fixture f({instead(reply(status, R"({"error":{"message":"Incorrect API key provided: sk-very-secret-key"}})"))});
    const Error error = f.error();
    CHECK(error.kind == ErrorKind::invalid);
    CHECK(error.message.find("the provider refused the API key") != std::string::npos);
    CHECK(error.message.find("Incorrect") == std::string::npos);
  }
}

TEST_CASE("what the vendor found wrong is passed on, redacted, printable and short") {
  const std::string long_tail(5000, 'z');
  for (const std::string& body :
       {R"({"error":{"message":"bad \u001b[31m thing with sk-very-secret-key )" + long_tail + "\"}}",
        R"({"error":"bad thing )" + long_tail + "\"}", std::string(R"({"detail":"bad thing"})"),
        std::string(R"({"message":"bad thing"})")}) {
    Fixture f({instead(reply(400, body))});
    const Error error = f.error();
    CHECK(error.kind == ErrorKind::invalid);
    CHECK(error.message.find("bad") != std::string::npos);
    CHECK(error.message.find('\x1b') == std::string::npos);
    CHECK(error.message.size() < 300);
  }
  for (const int status : {404, 422}) {
    Fixture f({instead(reply(status, "<html>nginx</html>", "text/html"))});
    const Error error = f.error();
    CHECK(error.kind == ErrorKind::invalid);
    CHECK(error.message.find("nginx") == std::string::npos);
  }
}

TEST_CASE("server errors are unavailable, redirects are not followed") {
  for (const int status : {500, 502, 504}) {
    Fixture f({instead(reply(status, "<html>Bad gateway</html>", "text/html"))});
    CHECK(f.error().kind == ErrorKind::unavailable);
  }
  HttpReply moved = reply(302, "");
  moved.headers.emplace_back("Location", "http://127.0.0.1:1/");
  Fixture f({instead(moved)});
  CHECK(f.error().kind == ErrorKind::protocol);
}

TEST_CASE("a hanging model is a timeout, by the deadline or by silence") {
  HttpReply hanging;
  hanging.hang = true;
  Fixture f({instead(hanging)});
  Message message;
  const std::vector<Message> messages = {message};
  const Result<Completion> completion = f.ask({messages, {}}, Deadline::in(50ms));
  REQUIRE_FALSE(completion);
  CHECK(completion.error().kind == ErrorKind::timeout);
}

TEST_CASE("a server that wants max_completion_tokens gets it, from then on at once") {
  Fixture f(
      {instead(reply(400, R"({"error":{"message":"Unsupported parameter: 'max_tokens' is not supported with this )"
                          R"(model. Use 'max_completion_tokens' instead."}})")),
       text("ok")});
  REQUIRE(f.ask());
  REQUIRE(f.ask());
  const std::vector<json::object> requests = f.model.requests();
  REQUIRE(requests.size() == 3);
  CHECK(requests[0].contains("max_tokens"));
  CHECK(requests[1].at("max_completion_tokens") == 77);
  CHECK_FALSE(requests[2].contains("max_tokens"));
}

TEST_CASE("a base_url that is none fails without a connection") {
  asio::io_context loop(1);
  const auto http = net::make_http_client(loop.get_executor());
  const auto provider = make_openai(*http, {.base_url = "api.example.com", .model = "m"});
  const Result<Completion> completion = run_task(loop, provider->complete({}, {}, Deadline::in(1s)));
  REQUIRE_FALSE(completion);
  CHECK(completion.error().kind == ErrorKind::invalid);
}

}  // namespace usher::provider
