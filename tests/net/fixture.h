// A loop, a server and a client beside each other on it.
#pragma once

#include <boost/asio/io_context.hpp>
#include <string>
#include <utility>
#include <vector>

#include "net/http_client.h"
#include "support/http/http_server.h"
#include "support/run_task.h"

namespace usher::net {

using testing::HttpCall;
using testing::HttpReply;
using testing::HttpServer;
using testing::run_task;

constexpr std::chrono::seconds patience{5};

// Answers every call with the next reply of a list (the last one for ever) and keeps what was asked.
struct Script {
  std::vector<HttpReply> replies;
  std::vector<HttpCall> calls = {};

  HttpServer::Handler handler() {
    return [this](HttpCall call) -> Task<HttpReply> { return answer(this, std::move(call)); };
  }
  static Task<HttpReply> answer(Script* script, HttpCall call) {
    const std::size_t at = std::min(script->calls.size(), script->replies.size() - 1);
    script->calls.push_back(std::move(call));
    co_return script->replies[at];
  }
};

struct Fixture {
  explicit Fixture(std::vector<HttpReply> replies, HttpClientOptions options = {})
      : script{std::move(replies)},
        server(loop.get_executor(), script.handler()),
        client(make_http_client(loop.get_executor(), std::move(options))),
        endpoint(parse_endpoint(server.url()).value()) {}

  HttpRequest request(std::string body = "{}") {
    HttpRequest made;
    made.endpoint = &endpoint;
    made.target = "/chat";
    made.body = std::move(body);
    return made;
  }
  Result<HttpResponse> send(HttpRequest made, BodySink sink = {}, Deadline deadline = Deadline::in(patience)) {
    return run_task(loop, client->send(std::move(made), deadline, std::move(sink)));
  }
  Result<HttpResponse> send() { return send(request()); }

  asio::io_context loop{1};
  Script script;
  HttpServer server;
  std::unique_ptr<HttpClient> client;
  Endpoint endpoint;
};

// A port on which nothing listens.
inline std::uint16_t unused_port() {
  asio::io_context loop(1);
  HttpServer server(loop.get_executor(), [](HttpCall) -> Task<HttpReply> { co_return HttpReply{}; });
  return server.port();
}

}  // namespace usher::net
