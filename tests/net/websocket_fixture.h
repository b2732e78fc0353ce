// A client beside a WebSocket server on one loop, and a server under our own hand for what no well-behaved one sends.
#pragma once

#include <openssl/evp.h>
#include <openssl/sha.h>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/write.hpp>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "net/websocket.h"
#include "support/http/websocket_server.h"
#include "support/run_task.h"

namespace usher::net {

using namespace std::chrono_literals;
using testing::run_task;
using testing::WebSocketServer;

constexpr std::chrono::seconds socket_patience{5};

// What both fixtures can do with the client.
struct ClientSide {
  explicit ClientSide(WebSocketOptions options = {})
      : connector(make_websocket_connector(loop.get_executor(), std::move(options))) {}

  Result<std::unique_ptr<WebSocket>> try_connect(std::string url, std::vector<Header> headers = {},
                                                 Deadline deadline = Deadline::in(socket_patience)) {
    return run_task(loop, connector->connect(std::move(url), std::move(headers), deadline));
  }
  // Why it did not connect.
  Error refusal(std::string url, std::vector<Header> headers = {}, Deadline deadline = Deadline::in(socket_patience)) {
    const Result<std::unique_ptr<WebSocket>> socket = try_connect(std::move(url), std::move(headers), deadline);
    return socket ? Error{ErrorKind::internal, "connected"} : socket.error();
  }
  Result<WebSocketMessage> receive(WebSocket& socket, Deadline deadline = Deadline::in(socket_patience)) {
    return run_task(loop, socket.receive(deadline));
  }
  Result<void> send(WebSocket& socket, std::string text, Deadline deadline = Deadline::in(socket_patience)) {
    return run_task(loop, sent(socket, std::move(text), deadline));
  }
  void close(WebSocket& socket, std::uint16_t code, Deadline deadline = Deadline::in(socket_patience)) {
    run_task(loop, closed(socket, code, deadline));
  }
  // Runs what is ready: begins what was just spawned.
  void settle() {
    loop.restart();
    loop.poll();
  }
  // Lets the loop run for a while.
  void run_for(std::chrono::milliseconds time) {
    loop.restart();
    loop.run_for(time);
  }
  // Runs the loop until something holds; false when it takes too long.
  template <class Condition>
  bool run_until(Condition holds) {
    const Deadline deadline = Deadline::in(socket_patience);
    loop.restart();
    while (!holds() && !deadline.has_passed()) loop.run_one_for(10ms);
    return holds();
  }

  asio::io_context loop{1};
  std::unique_ptr<WebSocketConnector> connector;

 private:
  static Task<Result<void>> sent(WebSocket& socket, std::string text, Deadline deadline) {
    Result<void> result = co_await socket.send_text(std::move(text), deadline);
    co_return result;
  }
  static Task<bool> closed(WebSocket& socket, std::uint16_t code, Deadline deadline) {
    co_await socket.close(code, deadline);
    co_return true;
  }
};

// With the simulators' server, whose callbacks may be replaced before connect().
struct SocketFixture : ClientSide {
  explicit SocketFixture(WebSocketOptions options = {}) : ClientSide(std::move(options)) {}

  std::unique_ptr<WebSocket> connect(std::string target = "/") {
    if (!server) start();
    Result<std::unique_ptr<WebSocket>> socket = try_connect(server->url() + target);
    return socket ? std::move(*socket) : nullptr;
  }
  void start() {
    auto on_open = std::move(callbacks.on_open);
    callbacks.on_open = [this, on_open](WebSocketServer::PeerPtr opened) {
      peer = opened;
      if (on_open) on_open(opened);
    };
    if (!callbacks.on_close) {
      callbacks.on_close = [this](WebSocketServer::PeerPtr, std::optional<std::uint16_t> code) {
        has_ended = true;
        client_code = code;
      };
    }
    server.emplace(loop.get_executor(), callbacks);
  }

  WebSocketServer::Callbacks callbacks;
  std::optional<WebSocketServer> server;
  WebSocketServer::PeerPtr peer;  // of the last connection
  bool has_ended = false;
  std::optional<std::uint16_t> client_code;
};

inline std::string accept_for(const std::string& head) {
  const std::string name = "sec-websocket-key: ";
  std::string lower = head;
  for (char& c : lower) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  const std::size_t at = lower.find(name) + name.size();
  const std::string key = head.substr(at, head.find("\r\n", at) - at) + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
  unsigned char digest[20];
  SHA1(reinterpret_cast<const unsigned char*>(key.data()), key.size(), digest);
  unsigned char text[32];
  const int size = EVP_EncodeBlock(text, digest, sizeof digest);
  return std::string(reinterpret_cast<char*>(text), static_cast<std::size_t>(size));
}

const std::string good_answer =
    "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: {}\r\n";

// Takes one client, answers its upgrade and sends bytes as they are, then keeps what the client sends.
class RawServer {
 public:
  // In `answer` {} stands for the right Sec-WebSocket-Accept.
  RawServer(asio::io_context& loop, std::string answer, std::string bytes, bool closes = false)
      : acceptor_(loop, {asio::ip::address_v4::loopback(), 0}) {
    asio::co_spawn(loop, serve(this, std::move(answer), std::move(bytes), closes), asio::detached);
  }
  std::string url() const { return "ws://127.0.0.1:" + std::to_string(acceptor_.local_endpoint().port()); }

  std::string head;
  std::string received;          // after the head
  bool has_ended = false;        // the client has closed its side
  bool was_reset = false;        // rather than that
  bool closes_in_return = true;  // when the client has
  std::optional<asio::ip::tcp::socket> socket;

 private:
  using ErrorCode = boost::system::error_code;

  static Task<void> serve(RawServer* self, std::string answer, std::string bytes, bool closes) {
    ErrorCode error;
    self->socket = co_await self->acceptor_.async_accept(asio::redirect_error(asio::use_awaitable, error));
    char piece[4096];
    while (!error && !self->head.ends_with("\r\n\r\n")) {
      const std::size_t got =
          co_await self->socket->async_read_some(asio::buffer(piece), asio::redirect_error(asio::use_awaitable, error));
      self->head.append(piece, got);
    }
    const std::size_t place = answer.find("{}");
    if (place != std::string::npos) answer.replace(place, 2, accept_for(self->head));
    answer += bytes;
    co_await asio::async_write(*self->socket, asio::buffer(answer), asio::redirect_error(asio::use_awaitable, error));
    if (closes) self->socket->close();
    while (!error) {
      const std::size_t got =
          co_await self->socket->async_read_some(asio::buffer(piece), asio::redirect_error(asio::use_awaitable, error));
      self->received.append(piece, got);
    }
    self->has_ended = true;
    self->was_reset = error != asio::error::eof;
    if (self->closes_in_return) self->socket->close();
  }

  asio::ip::tcp::acceptor acceptor_;
};

// A frame as a server sends it.
inline std::string frame(int first_byte, std::string_view payload) {
  std::string bytes(1, static_cast<char>(first_byte));
  if (payload.size() < 126) {
    bytes += static_cast<char>(payload.size());
  } else {
    bytes += static_cast<char>(126);
    bytes += static_cast<char>(payload.size() >> 8);
    bytes += static_cast<char>(payload.size() & 0xff);
  }
  return bytes.append(payload);
}
constexpr int fin_text = 0x81, text_start = 0x01, more = 0x00, fin_more = 0x80, fin_close = 0x88, fin_ping = 0x89,
              fin_pong = 0x8a;

inline std::string close_payload(std::uint16_t code, std::string_view reason = "") {
  return std::string{static_cast<char>(code >> 8), static_cast<char>(code & 0xff)}.append(reason);
}

struct ClientFrame {
  int first_byte = 0;
  bool is_masked = false;
  std::string payload;
};

// The frames in what a client sent, short ones only.
inline std::vector<ClientFrame> client_frames(std::string_view bytes) {
  std::vector<ClientFrame> frames;
  while (bytes.size() >= 6) {
    ClientFrame found{static_cast<unsigned char>(bytes[0]), (bytes[1] & 0x80) != 0, ""};
    const std::size_t size = bytes[1] & 0x7f;
    for (std::size_t i = 0; i < size && 6 + i < bytes.size(); ++i) {
      found.payload += static_cast<char>(bytes[6 + i] ^ bytes[2 + i % 4]);
    }
    bytes.remove_prefix(std::min(6 + size, bytes.size()));
    frames.push_back(std::move(found));
  }
  return frames;
}

}  // namespace usher::net
