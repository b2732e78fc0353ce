// Points our OpenAI provider at aimock, a model server that others wrote: what both understand of the protocol is what
// the protocol says. The server runs from node_modules, which `npm ci` in this folder makes (./dev test does it).
#include <doctest/doctest.h>

#include <boost/asio/io_context.hpp>
#include <cstdlib>
#include <filesystem>

#include "net/http_client.h"
#include "provider/chain.h"
#include "provider/openai.h"
#include "support/process/process.h"
#include "support/run_task.h"

namespace {

using namespace usher;
using namespace usher::testing;
using provider::Author;
using provider::Message;

const std::filesystem::path folder = USHER_PEER_DIR;

// aimock in a process of its own on a free port, for as long as the object lives.
class Aimock {
 public:
  Aimock() : process_(options()) {
    const std::string words = "listening on ";
    bool is_ready = process_.wait_until([&] { return process_.output().find(words) != std::string::npos; },
                                        std::chrono::seconds(60));
    std::string said = process_.output();
    if (!is_ready) throw std::runtime_error("aimock does not start:\n" + said + process_.errors());
    std::size_t start = said.find(words) + words.size();
    url_ = said.substr(start, said.find('\n', start) - start);
  }
  const std::string& url() const { return url_; }

 private:
  static ProcessOptions options() {
    std::filesystem::path program = folder / "node_modules/@copilotkit/aimock/dist/cli.js";
    if (!std::filesystem::exists(program)) {
      throw std::runtime_error(program.string() + " is missing: run ./dev test, or `npm ci` in tests/peers/model");
    }
    const char* node = std::getenv("USHER_NODE");
    return {.command = {node && *node ? node : "node", program, "-p", "0", "-h", "127.0.0.1", "-f",
                        folder / "fixtures.json", "--validate-on-load", "--strict"}};
  }
  Process process_;
  std::string url_;
};

// Our provider as the gateway builds it: vendor and retries, on an event loop of its own.
struct Bench {
  Aimock aimock;
  asio::io_context loop{1};
  std::unique_ptr<net::HttpClient> http = net::make_http_client(loop.get_executor());
  std::unique_ptr<provider::Provider> vendor;
  std::unique_ptr<provider::RetryingProvider> retrying;
  std::string streamed;

  Bench() {
    provider::OpenAiOptions options;
    options.base_url = aimock.url() + "/v1";
    options.api_key = Secret("sk-peer");
    options.model = "peer-model";
    vendor = provider::make_openai(*http, std::move(options));
    retrying = std::make_unique<provider::RetryingProvider>(*vendor, provider::RetryPolicy{});
  }

  Result<provider::Completion> ask(const std::vector<Message>& messages, provider::Provider& provider) {
    static const json::object parameters{{"type", "object"}};
    static const std::vector<provider::ToolOffer> tools = {
        {.name = "get_weather", .description = "The weather of a city", .parameters = &parameters}};
    streamed.clear();
    provider::Request request{messages, tools};
    provider::TextSink sink = [this](std::string_view piece) { streamed += piece; };
    return run_task(loop, provider.complete(request, sink, Deadline::in(std::chrono::seconds(30))));
  }
  Result<provider::Completion> ask(const std::string& text) {
    return ask({{.author = Author::user, .text = text}}, *retrying);
  }
  ErrorKind error_of(const std::string& text) {
    Result<provider::Completion> answer = ask({{.author = Author::user, .text = text}}, *vendor);
    REQUIRE_FALSE(answer.has_value());
    CHECK_FALSE(answer.error().message.empty());
    CHECK(answer.error().message.find("sk-peer") == std::string::npos);
    return answer.error().kind;
  }
};

Bench& bench() {
  static Bench made;  // one server for all cases: node takes a second to start
  return made;
}

TEST_CASE("streamed text arrives whole, in pieces, with its usage") {
  Result<provider::Completion> answer = bench().ask("tell me a story");
  REQUIRE_MESSAGE(answer.has_value(), answer.error().message);
  CHECK(answer->text == "🎭 Once upon a time there was an ушер who knew everybody's seat.");
  CHECK(bench().streamed == answer->text);
  CHECK(answer->finish_reason == provider::FinishReason::stop);
  CHECK(answer->usage.input_tokens == 21);
  CHECK(answer->usage.output_tokens == 17);
  CHECK_FALSE(answer->usage.is_estimate);
  CHECK(answer->tool_calls.empty());
}

TEST_CASE("tool calls are put together from deltas, and their results are understood") {
  std::vector<Message> messages = {{.author = Author::system, .text = "Be brief."},
                                   {.author = Author::user, .text = "what is the weather"}};
  Result<provider::Completion> answer = bench().ask(messages, *bench().retrying);
  REQUIRE_MESSAGE(answer.has_value(), answer.error().message);
  CHECK(answer->finish_reason == provider::FinishReason::tool_calls);
  REQUIRE(answer->tool_calls.size() == 2);
  CHECK(answer->tool_calls[0].id == "call_oslo");
  CHECK(answer->tool_calls[0].name == "get_weather");
  Result<json::value> arguments = parse_json(answer->tool_calls[1].arguments);
  REQUIRE(arguments.has_value());
  CHECK(string_at(&*arguments, "city") == "Rome");

  messages.push_back({.author = Author::assistant, .tool_calls = answer->tool_calls});
  messages.push_back({.author = Author::tool, .text = "3 degrees in Oslo", .tool_call_id = "call_oslo"});
  messages.push_back({.author = Author::tool, .text = "21 degrees in Rome", .tool_call_id = "call_rome"});
  answer = bench().ask(messages, *bench().retrying);
  REQUIRE_MESSAGE(answer.has_value(), answer.error().message);
  CHECK(answer->text == "Cold in Oslo, warm in Rome.");
}

TEST_CASE("a 429 is retried after the time the server asks for") {
  auto start = std::chrono::steady_clock::now();
  Result<provider::Completion> answer = bench().ask("are you busy");
  REQUIRE_MESSAGE(answer.has_value(), answer.error().message);
  CHECK(answer->text == "Not any more.");
  CHECK(std::chrono::steady_clock::now() - start >= std::chrono::seconds(1));
}

TEST_CASE("a 429 with a long wait is a busy error that carries it") {
  Result<provider::Completion> answer = bench().ask("are you always busy");
  REQUIRE_FALSE(answer.has_value());
  CHECK(answer.error().kind == ErrorKind::busy);
  REQUIRE(answer.error().retry_after.has_value());
  CHECK(*answer.error().retry_after == std::chrono::seconds(600));
}

TEST_CASE("a stream that breaks off is an error, never half an answer") {
  ErrorKind kind = bench().error_of("start and stop");
  CHECK((kind == ErrorKind::protocol || kind == ErrorKind::unavailable));
}

TEST_CASE("a dropped connection is an error of the kinds that are retried") {
  ErrorKind kind = bench().error_of("drop the connection");
  CHECK((kind == ErrorKind::protocol || kind == ErrorKind::unavailable));
}

TEST_CASE("nonsense with status 200 is a protocol error") {
  CHECK(bench().error_of("talk nonsense") == ErrorKind::protocol);
}

TEST_CASE("a refused request is invalid and not repeated") {
  CHECK(bench().error_of("refuse me") == ErrorKind::invalid);
}

}  // namespace
