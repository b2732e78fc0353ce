// The server on a loop and thread of its own, and clients made of bare blocking sockets beside it.
#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <functional>
#include <map>
#include <string>
#include <thread>
#include <utility>

#include "net/http_server.h"

namespace usher::net {

using namespace std::chrono_literals;

// Answers what `respond` says; refuses what `refuse` answers. Both run on the server's thread; set them before start().
class TestService final : public HttpService {
 public:
  using Admission = std::expected<std::unique_ptr<Exchange>, ServerResponse>;

  std::function<std::optional<ServerResponse>(const RequestHead&)> refuse;
  std::function<Task<ServerResponse>(RequestHead head, std::string body, Deadline deadline)> respond =
      [](RequestHead head, std::string body, Deadline) { return echo(std::move(head), std::move(body)); };
  std::size_t max_body_bytes = 1000;
  std::atomic<int> admitted = 0;
  std::atomic<int> responded = 0;

  Task<Admission> admit(RequestHead head) override {
    ++admitted;
    if (refuse) {
      std::optional<ServerResponse> refusal = refuse(head);
      if (refusal) co_return std::unexpected(std::move(*refusal));
    }
    co_return std::make_unique<Echo>(*this, std::move(head));
  }

  static Task<ServerResponse> echo(RequestHead head, std::string body) {
    ServerResponse response;
    response.content_type = "text/plain";
    response.body = head.method + " " + head.target + " " + body;
    co_return response;
  }

 private:
  struct Echo final : Exchange {
    Echo(TestService& owner, RequestHead request) : service(owner), head(std::move(request)) {}
    std::size_t max_body_bytes() const override { return service.max_body_bytes; }
    Task<ServerResponse> respond(std::string body, Deadline deadline) override {
      ++service.responded;
      return service.respond(std::move(head), std::move(body), deadline);
    }
    TestService& service;
    RequestHead head;
  };
};

struct ServerFixture {
  explicit ServerFixture(HttpServerOptions options = {}) {
    Result<std::unique_ptr<HttpServer>> made = make_http_server(loop.get_executor(), std::move(options), service);
    if (!made) throw std::runtime_error(made.error().message);
    server = std::move(*made);
  }
  ~ServerFixture() {
    stop(0ms);
    wait();
  }

  ServerFixture& start() {
    asio::co_spawn(loop, server->run(), asio::detached);
    thread = std::thread([this] { loop.run(); });
    return *this;
  }
  void stop(std::chrono::milliseconds grace) {
    asio::post(loop, [this, grace] { server->stop(grace); });
  }
  // Until run() and everything it has started has ended.
  void wait() {
    if (thread.joinable()) thread.join();
  }
  std::uint16_t port() const { return server->port(); }

  TestService service;
  asio::io_context loop{1};
  std::unique_ptr<HttpServer> server;
  std::thread thread;
};

struct RawResponse {
  int status = 0;
  std::string head;
  std::map<std::string, std::string> headers;  // names in lower case
  std::string body;
};

// A blocking client; gives up after 10 s of silence.
class RawClient {
 public:
  explicit RawClient(const ServerFixture& fixture) : RawClient(fixture.port()) {}
  explicit RawClient(std::uint16_t port, const char* address = "127.0.0.1") : RawClient() { connect(port, address); }
  RawClient() : socket_(::socket(AF_INET, SOCK_STREAM, 0)) {
    const timeval patience{.tv_sec = 10, .tv_usec = 0};
    ::setsockopt(socket_, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  }
  RawClient(const RawClient&) = delete;
  RawClient& operator=(const RawClient&) = delete;
  ~RawClient() { close(); }

  bool connect(std::uint16_t port, const char* address = "127.0.0.1") {
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_port = htons(port);
    ::inet_pton(AF_INET, address, &to.sin_addr);
    return ::connect(socket_, reinterpret_cast<const sockaddr*>(&to), sizeof to) == 0;
  }
  // False when the server has gone.
  bool send(std::string_view bytes) {
    while (!bytes.empty()) {
      const ssize_t sent = ::send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (sent <= 0) return false;
      bytes.remove_prefix(static_cast<std::size_t>(sent));
    }
    return true;
  }
  void send_shredded(std::string_view bytes) {
    const int yes = 1;
    ::setsockopt(socket_, IPPROTO_TCP, 1 /* TCP_NODELAY */, &yes, sizeof yes);
    for (const char& byte : bytes) send({&byte, 1});
  }
  void end() { ::shutdown(socket_, SHUT_WR); }
  void close() {
    if (socket_ >= 0) ::close(socket_);
    socket_ = -1;
  }

  RawResponse read(bool has_body = true) {
    RawResponse response;
    std::size_t end;
    while ((end = pending_.find("\r\n\r\n")) == std::string::npos) {
      if (!receive()) return response;
    }
    response.head = pending_.substr(0, end + 2);
    pending_.erase(0, end + 4);
    parse_head(response);
    const std::size_t length =
        has_body && response.headers.contains("content-length") ? std::stoul(response.headers["content-length"]) : 0;
    while (pending_.size() < length) {
      if (!receive()) break;
    }
    response.body = pending_.substr(0, length);
    pending_.erase(0, length);
    return response;
  }
  RawResponse ask(std::string_view request) {
    send(request);
    return read();
  }
  // Everything until the server closes.
  std::string read_to_end() {
    while (receive()) {
    }
    return std::exchange(pending_, {});
  }
  // True when the server says nothing more and closes in order, without a reset.
  bool is_closed() { return read_to_end().empty() && is_at_end_; }
  bool has_bytes() {
    char byte;
    return ::recv(socket_, &byte, 1, MSG_PEEK | MSG_DONTWAIT) > 0;
  }

 private:
  bool receive() {
    char piece[16384];
    const ssize_t got = ::recv(socket_, piece, sizeof piece, 0);
    is_at_end_ = got == 0;
    if (got > 0) pending_.append(piece, static_cast<std::size_t>(got));
    return got > 0;
  }
  static void parse_head(RawResponse& response) {
    response.status = std::atoi(response.head.c_str() + 9);
    std::size_t at = response.head.find("\r\n") + 2;
    while (at < response.head.size()) {
      const std::size_t end = response.head.find("\r\n", at), colon = response.head.find(": ", at);
      std::string name = response.head.substr(at, colon - at);
      for (char& c : name) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
      response.headers[name] = response.head.substr(colon + 2, end - colon - 2);
      at = end + 2;
    }
  }

  int socket_;
  std::string pending_;
  bool is_at_end_ = false;
};

inline std::string get(const std::string& target) { return "GET " + target + " HTTP/1.1\r\nHost: a\r\n\r\n"; }
inline std::string post(const std::string& body) {
  return "POST /p HTTP/1.1\r\nHost: a\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
}

}  // namespace usher::net
