// A client and a server that both keep to the protocol, and connections that end in every way.
#include "net/websocket.h"

#include <doctest/doctest.h>

#include "net/websocket_fixture.h"

namespace usher::net {

namespace {

void echo(WebSocketServer::PeerPtr peer, std::string message) { peer->send_text(std::move(message)); }

}  // namespace

TEST_CASE("messages go both ways, in order, whatever their size") {
  SocketFixture f;
  f.callbacks.on_message = echo;
  const std::unique_ptr<WebSocket> socket = f.connect();
  REQUIRE(socket);
  for (const std::size_t size : {0u, 1u, 125u, 126u, 4096u, 65'535u, 65'536u, 3'000'000u}) {
    CAPTURE(size);
    const std::string text(size, 'x');
    REQUIRE(f.send(*socket, text));
    const Result<WebSocketMessage> answer = f.receive(*socket);
    REQUIRE(answer);
    CHECK(answer->data == text);
    CHECK(answer->is_text);
  }
  for (int i = 0; i < 50; ++i) f.peer->send_binary(std::string("\0\xff", 2) + std::to_string(i));
  for (int i = 0; i < 50; ++i) {
    const Result<WebSocketMessage> message = f.receive(*socket);
    REQUIRE(message);
    CHECK(message->data == std::string("\0\xff", 2) + std::to_string(i));
    CHECK_FALSE(message->is_text);
  }
}

TEST_CASE("reading and writing do not wait for each other") {
  SocketFixture f;
  f.callbacks.on_message = echo;
  const std::unique_ptr<WebSocket> socket = f.connect();
  REQUIRE(socket);
  std::optional<Result<WebSocketMessage>> received;
  asio::co_spawn(f.loop, socket->receive(Deadline::in(socket_patience)),
                 [&](std::exception_ptr, Result<WebSocketMessage> message) { received = std::move(message); });
  f.settle();
  CHECK_FALSE(received);
  REQUIRE(f.send(*socket, "meanwhile"));
  REQUIRE(f.run_until([&] { return received.has_value(); }));
  CHECK((*received)->data == "meanwhile");
}

TEST_CASE("path, query, own headers and who is asking arrive as they are") {
  SocketFixture f({.user_agent = "tester/1"});
  f.start();
  const auto socket = f.try_connect(f.server->url() + "/a//b/?v=10&encoding=json&x=%2F", {{"Authorization", "Bot x"}});
  REQUIRE(socket);
  REQUIRE(f.run_until([&] { return f.peer != nullptr; }));
  CHECK(f.peer->target() == "/a//b/?v=10&encoding=json&x=%2F");
  CHECK(f.peer->headers().at("authorization") == "Bot x");
  CHECK(f.peer->headers().at("user-agent") == "tester/1");
  CHECK(f.peer->headers().at("host") == "127.0.0.1:" + std::to_string(f.server->port()));
  CHECK_FALSE(f.peer->headers().contains("sec-websocket-extensions"));
}

TEST_CASE("an address without a path asks for the root") {
  SocketFixture f;
  REQUIRE(f.connect("?v=10"));
  REQUIRE(f.run_until([&] { return f.peer != nullptr; }));
  CHECK(f.peer->target() == "/?v=10");
}

TEST_CASE("the peer's close code and reason are told after the messages before it") {
  SocketFixture f;
  f.callbacks.on_open = [](WebSocketServer::PeerPtr peer) {
    peer->send_text("last words");
    peer->close(4004, "Authentication failed.\n");
  };
  const std::unique_ptr<WebSocket> socket = f.connect();
  REQUIRE(socket);
  CHECK(f.receive(*socket)->data == "last words");
  CHECK_FALSE(socket->closed_by_peer());
  for (int i = 0; i < 2; ++i) {
    const Result<WebSocketMessage> message = f.receive(*socket);
    REQUIRE_FALSE(message);
    CHECK(message.error().kind == ErrorKind::unavailable);
    CHECK(message.error().message.find("4004 Authentication failed.\\x0a") != std::string::npos);
    REQUIRE(socket->closed_by_peer());
    CHECK(socket->closed_by_peer()->code == 4004);
    CHECK(socket->closed_by_peer()->reason == "Authentication failed.\\x0a");
  }
  const Result<void> sent = f.send(*socket, "too late");
  REQUIRE_FALSE(sent);
  CHECK(sent.error().kind == ErrorKind::unavailable);
  REQUIRE(f.run_until([&] { return f.has_ended; }));
  CHECK(f.client_code == std::uint16_t{4004});
}

TEST_CASE("a close frame without a code is told from a connection without a close frame") {
  for (const bool has_frame : {true, false}) {
    CAPTURE(has_frame);
    SocketFixture f;
    f.callbacks.on_open = [has_frame](WebSocketServer::PeerPtr peer) { has_frame ? peer->close(1005) : peer->cut(); };
    const std::unique_ptr<WebSocket> socket = f.connect();
    REQUIRE(socket);
    const Result<WebSocketMessage> message = f.receive(*socket);
    REQUIRE_FALSE(message);
    CHECK(message.error().kind == ErrorKind::unavailable);
    REQUIRE(socket->closed_by_peer());
    CHECK(socket->closed_by_peer()->code == (has_frame ? 1005 : 0));
    CHECK(socket->closed_by_peer()->reason.empty());
  }
}

TEST_CASE("closing tells the peer why and leaves nothing to read or write") {
  SocketFixture f;
  const std::unique_ptr<WebSocket> socket = f.connect();
  REQUIRE(socket);
  f.peer->send_text("never read");
  f.close(*socket, 4000);
  REQUIRE(f.run_until([&] { return f.has_ended; }));
  CHECK(f.client_code == std::uint16_t{4000});
  CHECK(f.receive(*socket).error().kind == ErrorKind::cancelled);
  CHECK(f.send(*socket, "x").error().kind == ErrorKind::cancelled);
  CHECK_FALSE(socket->closed_by_peer());
  f.close(*socket, 4000);  // once more harms nobody
}

TEST_CASE("closing ends a wait for a message") {
  SocketFixture f;
  const std::unique_ptr<WebSocket> socket = f.connect();
  REQUIRE(socket);
  std::optional<Result<WebSocketMessage>> received;
  asio::co_spawn(f.loop, socket->receive(Deadline::in(socket_patience)),
                 [&](std::exception_ptr, Result<WebSocketMessage> message) { received = std::move(message); });
  f.settle();
  f.close(*socket, 1000);
  REQUIRE(f.run_until([&] { return received.has_value() && f.has_ended; }));
  CHECK(received->error().kind == ErrorKind::cancelled);
  CHECK(f.client_code == std::uint16_t{1000});
}

TEST_CASE("destroying it ends the connection without a word and whoever waits on it") {
  SocketFixture f;
  std::unique_ptr<WebSocket> socket = f.connect();
  REQUIRE(socket);
  std::optional<Result<WebSocketMessage>> received;
  asio::co_spawn(f.loop, socket->receive(Deadline::in(socket_patience)),
                 [&](std::exception_ptr, Result<WebSocketMessage> message) { received = std::move(message); });
  f.settle();
  socket.reset();
  REQUIRE(f.run_until([&] { return received.has_value() && f.has_ended; }));
  CHECK(received->error().kind == ErrorKind::cancelled);
  CHECK_FALSE(f.client_code);
}

TEST_CASE("a deadline on reading costs no message") {
  SocketFixture f;
  const std::unique_ptr<WebSocket> socket = f.connect();
  REQUIRE(socket);
  for (int i = 0; i < 3; ++i) {
    CHECK(f.receive(*socket, Deadline::in(5ms)).error().kind == ErrorKind::timeout);
  }
  CHECK_FALSE(socket->closed_by_peer());
  f.peer->send_text("one");
  f.peer->send_text(std::string(1'000'000, '2'));
  f.run_for(20ms);  // arrives while nobody waits
  CHECK(f.receive(*socket, Deadline::in(-1ms))->data == "one");
  CHECK(f.receive(*socket)->data.size() == 1'000'000);
  CHECK(f.receive(*socket, Deadline::in(5ms)).error().kind == ErrorKind::timeout);
}

TEST_CASE("nothing is read ahead beyond one message") {
  SocketFixture f;
  const std::unique_ptr<WebSocket> socket = f.connect();
  REQUIRE(socket);
  CHECK(f.receive(*socket, Deadline::in(1ms)).error().kind == ErrorKind::timeout);
  const std::string large(1u << 20, 'x');
  int count = 0;
  for (; count < 64; ++count) f.peer->send_text(large);
  f.run_for(100ms);
  f.peer->cut();  // what the client had not taken is lost, but for what the kernel holds
  f.run_for(20ms);
  int received = 0;
  while (f.receive(*socket)) ++received;
  CHECK(received >= 1);
  CHECK(received < count / 2);
}

TEST_CASE("a message over the limit ends the connection with 1009") {
  SocketFixture f({.max_message_bytes = 1000});
  const std::unique_ptr<WebSocket> socket = f.connect();
  REQUIRE(socket);
  f.peer->send_text(std::string(1000, 'x'));
  f.peer->send_text(std::string(1001, 'x'));
  CHECK(f.receive(*socket)->data.size() == 1000);
  for (int i = 0; i < 2; ++i) CHECK(f.receive(*socket).error().kind == ErrorKind::limit);
  CHECK_FALSE(socket->closed_by_peer());
  REQUIRE(f.run_until([&] { return f.has_ended; }));
  CHECK(f.client_code == std::uint16_t{1009});
}

TEST_CASE("a frozen peer holds nobody past a deadline") {
  SocketFixture f;
  std::unique_ptr<WebSocket> socket = f.connect();
  REQUIRE(socket);
  f.peer->freeze();
  f.settle();
  CHECK(f.receive(*socket, Deadline::in(10ms)).error().kind == ErrorKind::timeout);
  SUBCASE("that writes more than the kernel takes: the connection is over") {
    CHECK(f.send(*socket, "small fits in the kernel"));
    CHECK(f.send(*socket, std::string(32u << 20, 'x'), Deadline::in(50ms)).error().kind == ErrorKind::timeout);
    CHECK(f.send(*socket, "x").error().kind == ErrorKind::unavailable);
    CHECK(f.receive(*socket).error().kind == ErrorKind::unavailable);
    REQUIRE(socket->closed_by_peer());
    CHECK(socket->closed_by_peer()->code == 0);
  }
  SUBCASE("that waits for its close frame") {
    const auto start = std::chrono::steady_clock::now();
    f.close(*socket, 4000, Deadline::in(30ms));
    CHECK(std::chrono::steady_clock::now() - start < 2s);
    CHECK(f.receive(*socket).error().kind == ErrorKind::cancelled);
  }
  SUBCASE("that gives up without a word") { socket.reset(); }
}

TEST_CASE("two readers or two writers at a time are refused, not mixed up") {
  SocketFixture f;
  const std::unique_ptr<WebSocket> socket = f.connect();
  REQUIRE(socket);
  std::optional<Result<WebSocketMessage>> received;
  asio::co_spawn(f.loop, socket->receive(Deadline::in(socket_patience)),
                 [&](std::exception_ptr, Result<WebSocketMessage> message) { received = std::move(message); });
  f.settle();
  CHECK(f.receive(*socket).error().kind == ErrorKind::internal);
  f.peer->freeze();
  f.settle();
  std::optional<Result<void>> sent;
  asio::co_spawn(f.loop, socket->send_text(std::string(32u << 20, 'x'), Deadline::in(socket_patience)),
                 [&](std::exception_ptr, Result<void> result) { sent = std::move(result); });
  f.run_for(20ms);
  CHECK(f.send(*socket, "x").error().kind == ErrorKind::internal);
  f.peer->cut();
  REQUIRE(f.run_until([&] { return received.has_value() && sent.has_value(); }));
  CHECK(received->error().kind == ErrorKind::unavailable);
  CHECK(sent->error().kind == ErrorKind::unavailable);
}

}  // namespace usher::net
