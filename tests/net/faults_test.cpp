// What goes wrong between us and a server: each fault is a typed error, in time, that names host, port and step.
#include <doctest/doctest.h>

#include <fmt/format.h>

#include "net/fixture.h"

namespace usher::net {

namespace {

using namespace std::chrono_literals;

HttpReply raw(std::string bytes) {
  HttpReply made;
  made.raw = std::move(bytes);
  return made;
}

Error error_of(Fixture& f, HttpRequest request, Deadline deadline = Deadline::in(patience)) {
  request.headers.push_back({"Authorization", "Bearer hush-hush"});
  request.target = "/bot-hush-hush/x";
  request.body = "hush-hush";
  const Result<HttpResponse> response = f.send(std::move(request), {}, deadline);
  REQUIRE_FALSE(response);
  CHECK(response.error().message.find("hush") == std::string::npos);
  CHECK(response.error().message.find(fmt::format("{}:{}", f.endpoint.host, f.endpoint.port)) != std::string::npos);
  return response.error();
}

Error error_of(HttpReply reply) {
  Fixture f({std::move(reply)});
  return error_of(f, f.request());
}

}  // namespace

TEST_CASE("a refused connection is unavailable") {
  Fixture f({HttpReply{}});
  f.endpoint.port = unused_port();
  const Error error = error_of(f, f.request());
  CHECK(error.kind == ErrorKind::unavailable);
  CHECK(error.message.find("connect") != std::string::npos);
}

TEST_CASE("a name that does not exist is unavailable") {
  Fixture f({HttpReply{}});
  f.endpoint.host = "no-such-host.invalid";
  const Error error = error_of(f, f.request(), Deadline::in(30s));
  CHECK(error.kind == ErrorKind::unavailable);
  CHECK(error.message.find("resolve") != std::string::npos);
}

TEST_CASE("localhost is found by name") {
  Fixture f({HttpReply{}});
  f.endpoint.host = "localhost";
  CHECK(f.send());
}

TEST_CASE("a reset or closed connection after the request is a protocol error") {
  HttpReply reset;
  reset.reset = true;
  CHECK(error_of(reset).kind == ErrorKind::protocol);
}

TEST_CASE("a cut body is a protocol error, with a length and with chunks") {
  HttpReply cut;
  cut.body = "0123456789";
  cut.cut = true;
  CHECK(error_of(cut).kind == ErrorKind::protocol);
  cut.body.clear();
  cut.chunks = {"a", "b"};
  CHECK(error_of(cut).kind == ErrorKind::protocol);
  CHECK(error_of(raw("HTTP/1.1 200 OK\r\nContent-Le")).kind == ErrorKind::protocol);
}

TEST_CASE("what is not HTTP is a protocol error") {
  for (const char* bytes :
       {"\x16\x03\x01 hello", "SSH-2.0-OpenSSH\r\n", "HTTP/1.1 2x0 OK\r\n\r\n", "HTTP/9.9 200 OK\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n", "HTTP/1.1 200 OK\r\nContent-Length: 1x\r\n\r\na",
        "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nhello\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\nhello\r\n"}) {
    CAPTURE(bytes);
    CHECK(error_of(raw(bytes)).kind == ErrorKind::protocol);
  }
}

TEST_CASE("a body past its bound is a limit error, announced or not") {
  HttpReply large;
  large.body = std::string(3000, 'x');
  HttpReply endless;
  endless.chunks = {std::string(500, 'x')};
  endless.endless = true;
  for (const HttpReply& reply : {large, endless}) {
    Fixture f({reply});
    HttpRequest request = f.request();
    request.max_response_bytes = 2000;
    CHECK(error_of(f, std::move(request)).kind == ErrorKind::limit);
    HttpRequest streamed = f.request();
    streamed.max_response_bytes = 2000;
    const Result<HttpResponse> response = f.send(std::move(streamed), [](std::string_view) { return BodyNext::more; });
    REQUIRE_FALSE(response);
    CHECK(response.error().kind == ErrorKind::limit);
  }
}

TEST_CASE("a flood of headers ends at its bound") {
  std::string flood = "HTTP/1.1 200 OK\r\n";
  for (int i = 0; i < 20'000; ++i) flood += fmt::format("X-{}: y\r\n", i);
  CHECK(error_of(raw(flood)).kind == ErrorKind::protocol);
  CHECK(error_of(raw("HTTP/1.1 200 " + std::string(200'000, 'x'))).kind == ErrorKind::protocol);
  CHECK(error_of(raw("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1;" + std::string(200'000, 'x'))).kind ==
        ErrorKind::protocol);
}

TEST_CASE("a server that never answers hits the idle timeout") {
  HttpReply hanging;
  hanging.hang = true;
  Fixture f({hanging});
  HttpRequest request = f.request();
  request.idle_timeout = 40ms;
  CHECK(error_of(f, std::move(request)).kind == ErrorKind::timeout);
}

TEST_CASE("a trickle slower than the idle timeout hits it, a faster one does not") {
  HttpReply trickle;
  trickle.chunks = {"a", "b", "c", "d"};
  trickle.chunk_delay = 200ms;
  Fixture f({trickle});
  HttpRequest request = f.request();
  request.idle_timeout = 60ms;
  CHECK(error_of(f, std::move(request)).kind == ErrorKind::timeout);

  trickle.chunk_delay = 30ms;
  Fixture g({trickle});
  HttpRequest patient = g.request();
  patient.idle_timeout = 90ms;
  CHECK(g.send(std::move(patient)));
}

TEST_CASE("the deadline ends an answer that goes on for ever") {
  HttpReply endless;
  endless.chunks = {"x"};
  endless.chunk_delay = 1ms;
  endless.endless = true;
  Fixture f({endless});
  CHECK(error_of(f, f.request(), Deadline::in(60ms)).kind == ErrorKind::timeout);
  CHECK(error_of(f, f.request(), Deadline::in(-1ms)).kind == ErrorKind::timeout);
}

TEST_CASE("a shorter wait on a connection with a longer one before it is kept") {
  HttpReply fine, hanging;
  hanging.hang = true;
  Fixture f({fine, hanging});
  REQUIRE(f.send());  // arms the watchdog far ahead
  HttpRequest request = f.request();
  request.idle_timeout = 40ms;
  CHECK(error_of(f, std::move(request)).kind == ErrorKind::timeout);
}

TEST_CASE("a request that cannot be sent is refused before anything is connected") {
  Fixture f({HttpReply{}});
  HttpRequest request = f.request();
  request.headers.push_back({"X-Evil", "a\r\nX-Injected: b"});
  const Result<HttpResponse> response = f.send(std::move(request));
  REQUIRE_FALSE(response);
  CHECK(response.error().kind == ErrorKind::invalid);
  CHECK(f.server.connections() == 0);
}

}  // namespace usher::net
