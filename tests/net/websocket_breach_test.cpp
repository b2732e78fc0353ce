// Servers that do not keep to HTTP or RFC 6455, or keep to their strangest corners, byte by byte.
#include <doctest/doctest.h>

#include <fmt/format.h>

#include "net/websocket_fixture.h"

namespace usher::net {

namespace {

struct RawFixture : ClientSide {
  RawFixture(std::string bytes, WebSocketOptions options = {}, std::string answer = good_answer + "\r\n")
      : ClientSide(std::move(options)), server(loop, std::move(answer), std::move(bytes)) {
    Result<std::unique_ptr<WebSocket>> connected = try_connect(server.url());
    REQUIRE(connected);
    socket = std::move(*connected);
  }
  std::vector<ClientFrame> frames_at_the_end() {
    REQUIRE(run_until([this] { return server.has_ended; }));
    return client_frames(server.received);
  }

  RawServer server;
  std::unique_ptr<WebSocket> socket;
};

// Why an upgrade with that answer fails; nothing secret is in it.
Error refusal_of(std::string answer, bool closes = true) {
  ClientSide client;
  RawServer server(client.loop, std::move(answer), "", closes);
  const Error error =
      client.refusal(server.url() + "/?token=hush", {{"Authorization", "Bot hush"}}, Deadline::in(closes ? 5s : 50ms));
  CHECK(error.message.find("hush") == std::string::npos);
  CHECK(error.message.starts_with(server.url().substr(5)));
  CHECK(client.run_until([&] { return server.has_ended || closes; }));  // nothing stays open
  return error;
}

std::string status(int code, const std::string& headers = "Content-Length: 2\r\n", const std::string& body = "no") {
  return fmt::format("HTTP/1.1 {} Hm\r\n{}\r\n{}", code, headers, body);
}

}  // namespace

TEST_CASE("a server that does not upgrade is unavailable, its status is told") {
  for (const int code : {200, 204, 301, 401, 403, 429, 503}) {
    CAPTURE(code);
    const Error error = refusal_of(status(code, code == 204 ? "" : "Content-Length: 2\r\n", code == 204 ? "" : "no"));
    CHECK(error.kind == ErrorKind::unavailable);
    CHECK(error.message.find(std::to_string(code)) != std::string::npos);
  }
}

TEST_CASE("a server that closes or says nothing in answer to the upgrade is unavailable or late") {
  CHECK(refusal_of("").kind == ErrorKind::unavailable);
  CHECK(refusal_of("HTTP/1.1 101 Switch").kind == ErrorKind::unavailable);
  CHECK(refusal_of("", false).kind == ErrorKind::timeout);
  CHECK(refusal_of("HTTP/1.1 101 Switch", false).kind == ErrorKind::timeout);
  ClientSide client;
  CHECK(client.refusal("ws://127.0.0.1:1/").kind == ErrorKind::unavailable);
  CHECK(client.refusal("ws://no-such-host.invalid/", {}, Deadline::in(30s)).kind == ErrorKind::unavailable);
}

TEST_CASE("an answer that is not an upgrade to WebSocket is a protocol error") {
  std::string flood = good_answer;
  for (int i = 0; i < 10'000; ++i) flood += fmt::format("X-{}: y\r\n", i);
  const std::vector<std::string> answers = {
      "SSH-2.0-OpenSSH\r\n\r\n",
      "HTTP/1.1 1x1 Hm\r\n\r\n",
      "HTTP/1.1 101 Hm\r\n\r\n",
      "HTTP/1.0 101 Hm\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: {}\r\n\r\n",
      "HTTP/1.1 101 Hm\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: {}\r\n\r\n",
      "HTTP/1.1 101 Hm\r\nUpgrade: h2c\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: {}\r\n\r\n",
      "HTTP/1.1 101 Hm\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: {}\r\n\r\n",
      "HTTP/1.1 101 Hm\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n",
      "HTTP/1.1 101 Hm\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
      "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n",
      good_answer + "Sec-WebSocket-Extensions: permessage-deflate\r\n\r\n",
      good_answer + "Sec-WebSocket-Protocol: chat\r\n\r\n",
      flood + "\r\n",
  };
  for (const std::string& answer : answers) {
    CAPTURE(answer.substr(0, 200));
    CHECK(refusal_of(answer).kind == ErrorKind::protocol);
  }
}

TEST_CASE("an address or header that cannot be sent is refused before anything is connected") {
  ClientSide client;
  RawServer server(client.loop, good_answer + "\r\n", "");
  CHECK(client.refusal("http" + server.url().substr(2)).kind == ErrorKind::invalid);
  for (const Header& header :
       {Header{"X-Evil", "a\r\nX-Injected: b"}, Header{"X Evil", "a"}, Header{"Host", "a"}, Header{"Upgrade", "a"},
        Header{"Sec-WebSocket-Extensions", "permessage-deflate"}, Header{"sec-websocket-key", "a"}}) {
    CAPTURE(header.name);
    CHECK(client.refusal(server.url(), {header}).kind == ErrorKind::invalid);
  }
  CHECK(server.head.empty());
}

TEST_CASE("a long head and the first messages in one piece are both read") {
  const std::string head = good_answer + "X-Long: " + std::string(3000, 'x') + "\r\n\r\n";
  RawFixture f(frame(fin_text, std::string(1000, 'a')) + frame(fin_text, "b"), {}, head);
  CHECK(f.receive(*f.socket)->data == std::string(1000, 'a'));
  CHECK(f.receive(*f.socket)->data == "b");
}

TEST_CASE("a fragmented message is one message, and a ping within it is answered") {
  RawFixture f(frame(text_start, "he") + frame(fin_ping, "are you there?") + frame(more, "") + frame(more, "l") +
               frame(fin_pong, "unasked") + frame(fin_more, "lo") + frame(fin_text, "next"));
  CHECK(f.receive(*f.socket)->data == "hello");
  CHECK(f.receive(*f.socket)->data == "next");
  f.socket.reset();
  const std::vector<ClientFrame> frames = f.frames_at_the_end();
  REQUIRE(frames.size() == 1);
  CHECK(frames[0].first_byte == fin_pong);
  CHECK(frames[0].payload == "are you there?");
  CHECK(frames[0].is_masked);
}

TEST_CASE("what the client sends is one masked frame a message") {
  RawFixture f("");
  REQUIRE(f.send(*f.socket, "hello"));
  REQUIRE(f.send(*f.socket, ""));
  f.close(*f.socket, 4321, Deadline::in(10ms));
  const std::vector<ClientFrame> frames = f.frames_at_the_end();
  REQUIRE(frames.size() == 3);
  for (const ClientFrame& sent : frames) CHECK(sent.is_masked);
  CHECK(frames[0].first_byte == fin_text);
  CHECK(frames[0].payload == "hello");
  CHECK(frames[1].payload.empty());
  CHECK(frames[2].first_byte == fin_close);
  CHECK(frames[2].payload == close_payload(4321));
}

TEST_CASE("pings are answered after a read whose deadline has passed") {
  RawFixture f("");
  CHECK(f.receive(*f.socket, Deadline::in(1ms)).error().kind == ErrorKind::timeout);
  asio::write(*f.server.socket, asio::buffer(frame(fin_ping, "p")));
  REQUIRE(f.run_until([&] { return client_frames(f.server.received).size() == 1; }));
  CHECK(client_frames(f.server.received)[0].payload == "p");
}

TEST_CASE("each breach of RFC 6455 ends the connection with the code for it") {
  struct Breach {
    const char* what;
    std::string bytes;
    ErrorKind kind = ErrorKind::protocol;
    int code = 1002;
  };
  const std::string_view eight(("\x40\0\0\0\0\0\0\0"), 8);
  const std::vector<Breach> breaches = {
      {"masked", std::string("\x81\x81\1\2\3\4") + char('x' ^ 1)},
      {"reserved bits", frame(0xc1, "x")},
      {"reserved opcode", frame(0x83, "x")},
      {"reserved control opcode", frame(0x8b, "x")},
      {"continuation of nothing", frame(fin_more, "x")},
      {"text within a message", frame(text_start, "x") + frame(fin_text, "y")},
      {"fragmented ping", frame(0x09, "x")},
      {"large ping", frame(fin_ping, std::string(126, 'x'))},
      {"length in too many bytes", std::string("\x81\x7e\0\x05hello", 9)},
      {"length past everything", std::string("\x81\x7f", 2).append(eight), ErrorKind::limit, 1009},
      {"sum of fragments past the limit",
       frame(text_start, std::string(600, 'x')) + frame(fin_more, std::string(401, 'x')), ErrorKind::limit, 1009},
      {"text that is not UTF-8", frame(fin_text, "\xc3\x28"), ErrorKind::protocol, 1007},
      {"text cut within a letter", frame(fin_text, "\xc3"), ErrorKind::protocol, 1007},
      {"fragments of half a letter", frame(text_start, "\xc3") + frame(fin_more, ""), ErrorKind::protocol, 0},
      {"close frame of one byte", frame(fin_close, "x")},
      {"close code 999", frame(fin_close, close_payload(999))},
      {"close code 1005", frame(fin_close, close_payload(1005))},
      {"close code 2000", frame(fin_close, close_payload(2000))},
      {"close reason that is not UTF-8", frame(fin_close, close_payload(4000, "\xff"))},
  };
  for (const Breach& breach : breaches) {
    CAPTURE(breach.what);
    RawFixture f(frame(fin_text, "before") + breach.bytes, {.max_message_bytes = 1000});
    CHECK(f.receive(*f.socket)->data == "before");
    const Result<WebSocketMessage> broken = f.receive(*f.socket);
    REQUIRE_FALSE(broken);
    CHECK(broken.error().kind == breach.kind);
    CHECK(f.receive(*f.socket).error().kind == breach.kind);
    CHECK_FALSE(f.socket->closed_by_peer());
    const std::vector<ClientFrame> frames = f.frames_at_the_end();
    if (breach.code == 0) continue;  // cut without a close frame
    REQUIRE(frames.size() == 1);
    CHECK(frames[0].first_byte == fin_close);
    CHECK(frames[0].payload == close_payload(static_cast<std::uint16_t>(breach.code)));
  }
}

TEST_CASE("a close frame is not lost behind bytes that nobody will read") {
  RawFixture f(frame(0x83, "x") + std::string(2u << 20, 'x'));
  CHECK(f.receive(*f.socket).error().kind == ErrorKind::protocol);
  REQUIRE(f.frames_at_the_end().size() == 1);
  CHECK_FALSE(f.server.was_reset);
}

TEST_CASE("a connection cut within a frame is unavailable, without a close code") {
  for (const std::string& bytes : {std::string("\x81"), std::string("\x81\x05he"), frame(text_start, "he")}) {
    ClientSide client;
    RawServer server(client.loop, good_answer + "\r\n", bytes, true);
    const auto socket = client.try_connect(server.url());
    REQUIRE(socket);
    CHECK(client.receive(**socket).error().kind == ErrorKind::unavailable);
    REQUIRE((*socket)->closed_by_peer());
    CHECK((*socket)->closed_by_peer()->code == 0);
  }
}

TEST_CASE("a peer that says goodbye but never closes is not waited for") {
  RawFixture f(frame(fin_close, close_payload(4009, "timed out")));
  f.server.closes_in_return = false;
  const auto start = std::chrono::steady_clock::now();
  const Result<WebSocketMessage> message = f.receive(*f.socket, Deadline::in(20s));
  CHECK(std::chrono::steady_clock::now() - start < 5s);
  REQUIRE_FALSE(message);
  CHECK(message.error().kind == ErrorKind::unavailable);
  REQUIRE(f.socket->closed_by_peer());
  CHECK(f.socket->closed_by_peer()->code == 4009);
}

TEST_CASE("closing while the peer breaks the protocol ends by its deadline and leaves nothing behind") {
  for (int round = 0; round < 3; ++round) {
    RawFixture f("");
    CHECK(f.receive(*f.socket, Deadline::in(1ms)).error().kind == ErrorKind::timeout);
    asio::write(*f.server.socket, asio::buffer(frame(0x83, "x")));  // is read while the close frame is being written
    f.close(*f.socket, 4000, Deadline::in(20ms));
    CHECK(f.receive(*f.socket).error().kind == ErrorKind::cancelled);
    CHECK(f.run_until([&] { return f.server.has_ended; }));
    f.run_for(socket_patience);
    CHECK(f.loop.stopped());  // nobody waits for anything any more
  }
}

}  // namespace usher::net
