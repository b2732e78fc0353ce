// wss: the same checks of the server's certificate as for https, and the same messages.
#include <doctest/doctest.h>

#include <fstream>

#include "net/websocket_fixture.h"
#include "support/http/http_server.h"
#include "support/temp_dir.h"

namespace usher::net {

namespace {

using testing::make_test_certificate;
using testing::TestCertificate;

struct TlsSocketFixture {
  TlsSocketFixture(const TestCertificate& certificate, const std::string& trusted_pem) {
    WebSocketOptions options;
    if (!trusted_pem.empty()) {
      std::ofstream(directory / "ca.pem") << trusted_pem;
      options.extra_ca_file = (directory / "ca.pem").string();
    }
    client.emplace(options);
    WebSocketServer::Callbacks callbacks;
    callbacks.on_open = [this](WebSocketServer::PeerPtr opened) { peer = opened; };
    callbacks.on_message = [](WebSocketServer::PeerPtr from, std::string message) {
      message == "close" ? from->close(4004, "no") : from->send_text(message);
    };
    callbacks.on_close = [this](WebSocketServer::PeerPtr, std::optional<std::uint16_t> code) { client_code = code; };
    server.emplace(client->loop.get_executor(), callbacks, certificate.certificate_pem, certificate.key_pem);
  }
  std::string url(const std::string& host = "127.0.0.1") const {
    return "wss://" + host + ":" + std::to_string(server->port());
  }
  std::string refusal(const std::string& host = "127.0.0.1") {
    const Error error = client->refusal(url(host));
    CHECK(error.kind == ErrorKind::unavailable);
    CHECK(peer == nullptr);
    return error.message;
  }

  testing::TempDir directory;
  std::optional<ClientSide> client;
  std::optional<WebSocketServer> server;
  WebSocketServer::PeerPtr peer;
  std::optional<std::uint16_t> client_code;
};

bool mentions(const std::string& text, const char* words) { return text.find(words) != std::string::npos; }

}  // namespace

TEST_CASE("over TLS messages, deadlines, close codes and cuts are as without it") {
  const TestCertificate certificate = make_test_certificate("127.0.0.1", 30);
  TlsSocketFixture f(certificate, certificate.ca_pem);
  for (const bool is_cut : {true, false}) {
    auto connected = f.client->try_connect(f.url());
    REQUIRE(connected);
    WebSocket& socket = **connected;
    CHECK(f.client->receive(socket, Deadline::in(5ms)).error().kind == ErrorKind::timeout);
    for (const std::size_t size : {0u, 5u, 20'000u, 2'000'000u}) {
      REQUIRE(f.client->send(socket, std::string(size, 'x')));
      CHECK(f.client->receive(socket)->data.size() == size);
    }
    if (is_cut) {
      f.peer->cut();
    } else {
      REQUIRE(f.client->send(socket, "close"));
    }
    CHECK(f.client->receive(socket).error().kind == ErrorKind::unavailable);
    REQUIRE(socket.closed_by_peer());
    CHECK(socket.closed_by_peer()->code == (is_cut ? 0 : 4004));
  }
  auto last = f.client->try_connect(f.url());
  REQUIRE(last);
  f.client->close(**last, 4321);
  REQUIRE(f.client->run_until([&] { return f.client_code == std::uint16_t{4321}; }));
}

TEST_CASE("destroying a connection over TLS while it reads and writes is safe") {
  const TestCertificate certificate = make_test_certificate("127.0.0.1", 30);
  TlsSocketFixture f(certificate, certificate.ca_pem);
  auto connected = f.client->try_connect(f.url());
  REQUIRE(connected);
  f.peer->freeze();
  int ended = 0;
  asio::co_spawn(f.client->loop, (*connected)->receive(Deadline::in(5s)), [&](auto, auto) { ++ended; });
  asio::co_spawn(f.client->loop, (*connected)->send_text(std::string(16u << 20, 'x'), Deadline::in(5s)),
                 [&](auto, auto) { ++ended; });
  f.client->run_for(20ms);
  CHECK(ended == 0);
  connected->reset();
  CHECK(f.client->run_until([&] { return ended == 2; }));
}

TEST_CASE("a certificate for another host, out of date or by nobody we know opens no connection") {
  const TestCertificate other_name = make_test_certificate("example.com", 30);
  TlsSocketFixture wrong_name(other_name, other_name.ca_pem);
  CHECK(mentions(wrong_name.refusal(), "IP address mismatch"));
  CHECK(mentions(wrong_name.refusal("localhost"), "hostname mismatch"));

  const TestCertificate expired = make_test_certificate("127.0.0.1", -1);
  CHECK(mentions(TlsSocketFixture(expired, expired.ca_pem).refusal(), "expired"));

  const TestCertificate good = make_test_certificate("127.0.0.1", 30);
  CHECK(mentions(TlsSocketFixture(good, "").refusal(), "certificate refused"));
  CHECK(mentions(TlsSocketFixture(good, expired.ca_pem).refusal(), "certificate refused"));
  CHECK(mentions(TlsSocketFixture(good, "not a certificate").refusal(), "ca.pem"));
}

TEST_CASE("a server without TLS is unavailable, one that says nothing is late") {
  ClientSide client;
  RawServer plain(client.loop, good_answer + "\r\n", "", true);
  const Error late = client.refusal("wss" + plain.url().substr(2), {}, Deadline::in(50ms));
  CHECK(late.kind == ErrorKind::timeout);
  CHECK(mentions(late.message, "TLS"));
}

}  // namespace usher::net
