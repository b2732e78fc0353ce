// The simulators' WebSocket server, seen by Beast's blocking client.
#include "support/http/websocket_server.h"

#include <doctest/doctest.h>

#include <boost/asio/ip/tcp.hpp>
#include <boost/beast/core/buffers_to_string.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/websocket.hpp>
#include <future>

#include "support/http/http_server.h"

namespace usher::testing {

namespace {

using namespace std::chrono_literals;
namespace websocket = boost::beast::websocket;
using asio::ip::tcp;
using ErrorCode = boost::system::error_code;

struct Client {
  explicit Client(std::uint16_t port) {
    stream.next_layer().connect({asio::ip::address_v4::loopback(), port});
    stream.handshake("here", "/gate?v=10", error);
  }
  std::string read() {
    boost::beast::flat_buffer buffer;
    stream.read(buffer, error);
    return boost::beast::buffers_to_string(buffer.data());
  }

  asio::io_context loop{1};
  websocket::stream<tcp::socket> stream{loop};
  ErrorCode error;
};

struct Server {
  explicit Server(WebSocketServer::Callbacks callbacks) : server(thread.executor(), std::move(callbacks)) {}
  SimulatorThread thread;
  WebSocketServer server;
};

}  // namespace

TEST_CASE("the simulators' WebSocket server takes, sends and closes in order") {
  std::promise<std::optional<std::uint16_t>> closed;
  std::string target;
  Server s({.on_open = [&](WebSocketServer::PeerPtr peer) { target = peer->target() + peer->headers().at("host"); },
            .on_message =
                [](WebSocketServer::PeerPtr peer, std::string message) {
                  peer->send_text("text " + message);
                  peer->send_binary("binary " + message);
                  if (message == "bye") peer->close(4004, "why not");
                  peer->send_text("never sent after a close");
                },
            .on_close = [&](WebSocketServer::PeerPtr, std::optional<std::uint16_t> code) { closed.set_value(code); }});
  Client client(s.server.port());
  REQUIRE_FALSE(client.error);
  client.stream.write(asio::buffer("bye", 3));
  CHECK(client.read() == "text bye");
  CHECK(client.stream.got_text());
  CHECK(client.read() == "binary bye");
  CHECK_FALSE(client.stream.got_text());
  CHECK(client.read().empty());
  CHECK(client.error == websocket::error::closed);
  CHECK(client.stream.reason().code == 4004);
  CHECK(client.stream.reason().reason == "why not");
  CHECK(closed.get_future().get() == std::uint16_t{4004});
  CHECK(target == "/gate?v=10here");
  CHECK(s.server.connections() == 1);
}

TEST_CASE("the simulators' WebSocket server tells a client's close code from a client that went away") {
  for (const bool has_code : {true, false}) {
    std::promise<std::optional<std::uint16_t>> closed;
    Server s(
        {.on_close = [&](WebSocketServer::PeerPtr, std::optional<std::uint16_t> code) { closed.set_value(code); }});
    Client client(s.server.port());
    if (has_code) {
      client.stream.close({websocket::close_code(4321), ""}, client.error);
    } else {
      client.stream.next_layer().close();
    }
    CHECK(closed.get_future().get() == (has_code ? std::optional<std::uint16_t>(4321) : std::nullopt));
  }
}

TEST_CASE("the simulators' WebSocket server refuses, cuts and freezes") {
  Server refusing({.admit = [](const WebSocketServer::Peer&) { return false; }});
  CHECK(Client(refusing.server.port()).error == websocket::error::upgrade_declined);

  Server cutting({.on_open = [](WebSocketServer::PeerPtr peer) { peer->cut(); }});
  Client cut(cutting.server.port());
  cut.read();
  CHECK(cut.error != ErrorCode());
  CHECK(cut.error != websocket::error::closed);

  Server freezing({.on_message = [](WebSocketServer::PeerPtr peer, std::string) {
    peer->send_text("last");
    peer->freeze();
    peer->send_text("never");
  }});
  Client frozen(freezing.server.port());
  frozen.stream.write(asio::buffer("x", 1));
  frozen.stream.ping({});
  const timeval short_time{.tv_usec = 50'000};
  setsockopt(frozen.stream.next_layer().native_handle(), SOL_SOCKET, SO_RCVTIMEO, &short_time, sizeof short_time);
  char byte = 0;
  ssize_t got = 1;
  while (got > 0) got = ::recv(frozen.stream.next_layer().native_handle(), &byte, 1, 0);
  CHECK(got < 0);  // open and silent
  freezing.server.stop();
  const timeval patience{.tv_sec = 5};
  setsockopt(frozen.stream.next_layer().native_handle(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  CHECK(::recv(frozen.stream.next_layer().native_handle(), &byte, 1, 0) == 0);
}

}  // namespace usher::testing
