// What cancelling the waiting coroutine leaves behind.
#include <doctest/doctest.h>

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>

#include "net/websocket_fixture.h"

namespace usher::net {

namespace {

// Runs a task beside the test, which may cancel it.
template <class T>
struct Waiting {
  Waiting(ClientSide& side, Task<Result<T>> task) : client(side) {
    asio::co_spawn(client.loop, std::move(task),
                   asio::bind_cancellation_slot(signal.slot(), [this](std::exception_ptr error, Result<T> value) {
                     if (error) {
                       has_thrown = true;
                     } else {
                       outcome.emplace(std::move(value));
                     }
                   }));
    client.run_for(20ms);
  }
  ErrorKind cancel() {
    CHECK_FALSE(outcome);
    signal.emit(asio::cancellation_type::terminal);
    CHECK(client.run_until([this] { return outcome.has_value() || has_thrown; }));
    return outcome && !*outcome ? outcome->error().kind : ErrorKind::internal;
  }

  ClientSide& client;
  asio::cancellation_signal signal;
  std::optional<Result<T>> outcome;
  bool has_thrown = false;
};

}  // namespace

TEST_CASE("connecting can be cancelled in every step, and nothing stays open") {
  for (const char* scheme : {"ws", "wss"}) {
    CAPTURE(scheme);
    ClientSide client;
    RawServer silent(client.loop, "", "");
    Waiting<std::unique_ptr<WebSocket>> connecting(
        client, client.connector->connect(scheme + silent.url().substr(2), {}, Deadline::in(socket_patience)));
    CHECK(connecting.cancel() == ErrorKind::cancelled);
    CHECK(client.run_until([&] { return silent.has_ended || std::string_view(scheme) == "wss"; }));
  }
}

TEST_CASE("a cancelled read leaves the connection and every message") {
  SocketFixture f;
  const std::unique_ptr<WebSocket> socket = f.connect();
  REQUIRE(socket);
  Waiting<WebSocketMessage> reading(f, socket->receive(Deadline::in(socket_patience)));
  CHECK(reading.cancel() == ErrorKind::cancelled);
  f.peer->send_text("one");
  f.peer->send_text("two");
  CHECK(f.receive(*socket)->data == "one");
  CHECK(f.receive(*socket)->data == "two");
  CHECK_FALSE(socket->closed_by_peer());
}

TEST_CASE("a cancelled write ends the connection: half a frame may be out") {
  SocketFixture f;
  const std::unique_ptr<WebSocket> socket = f.connect();
  REQUIRE(socket);
  f.peer->freeze();
  Waiting<void> writing(f, socket->send_text(std::string(32u << 20, 'x'), Deadline::in(socket_patience)));
  CHECK(writing.cancel() == ErrorKind::cancelled);
  CHECK(f.send(*socket, "x").error().kind == ErrorKind::unavailable);
  CHECK(f.receive(*socket).error().kind == ErrorKind::unavailable);
}

TEST_CASE("a loop that ends while sockets are in use leaks and breaks nothing") {
  auto f = std::make_unique<SocketFixture>();
  std::unique_ptr<WebSocket> socket = f->connect();
  REQUIRE(socket);
  f->peer->freeze();
  asio::co_spawn(f->loop, socket->receive(Deadline::in(socket_patience)), asio::detached);
  asio::co_spawn(f->loop, socket->send_text(std::string(32u << 20, 'x'), Deadline::in(socket_patience)),
                 asio::detached);
  f->run_for(10ms);
  socket.reset();
  f.reset();
}

}  // namespace usher::net
