// What a client of the server sees when nothing is wrong with either.
#include "net/http_server.h"

#include <doctest/doctest.h>

#include <fmt/format.h>

#include "net/http_server_fixture.h"
#include "support/run_task.h"

namespace usher::net {

namespace {

using testing::run_task;

ServerResponse text(std::string body) { return {.content_type = "text/plain", .body = std::move(body)}; }

}  // namespace

TEST_CASE("a request is answered with its length, the date and nothing about the server") {
  ServerFixture f;
  f.start();
  RawClient client(f);
  const RawResponse response = client.ask(get("/a?b=c"));
  CHECK(response.status == 200);
  CHECK(response.body == "GET /a?b=c ");
  CHECK(response.headers.at("content-length") == "11");
  CHECK(response.headers.at("content-type") == "text/plain");
  CHECK(response.headers.at("date").size() == 29);
  CHECK_FALSE(response.headers.contains("server"));
}

TEST_CASE("the service sees the head as it was sent and whence it came") {
  ServerFixture f;
  RequestHead seen;
  f.service.refuse = [&](const RequestHead& head) -> std::optional<ServerResponse> {
    seen = head;
    return std::nullopt;
  };
  f.start();
  RawClient client(f);
  client.ask("GET /x HTTP/1.1\r\nHost: a\r\nX-Key: v\r\nAuthorization: Bearer t\r\n\r\n");
  f.stop(0ms);
  f.wait();
  CHECK(seen.peer == "127.0.0.1");
  CHECK(seen.header("authorization") == "Bearer t");
  CHECK(seen.header("x-key") == "v");
}

TEST_CASE("a body arrives whole, with a length and in chunks, in one piece and byte by byte") {
  ServerFixture f;
  f.start();
  const std::string chunked =
      "POST /p HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nhel\r\n2;x\r\nlo\r\n0\r\nT: t\r\n\r\n";
  RawClient client(f);
  for (const std::string& request : {post("hello"), chunked}) {
    CHECK(client.ask(request).body == "POST /p hello");
    client.send_shredded(request);
    CHECK(client.read().body == "POST /p hello");
  }
  client.send_shredded("PUT /p HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n");
  CHECK(client.read().body == "PUT /p ");
  CHECK(f.service.responded == 5);
}

TEST_CASE("pipelined requests are answered in order") {
  ServerFixture f;
  f.start();
  std::string all;
  for (int i = 0; i < 50; ++i) all += i % 2 ? get(fmt::format("/{}", i)) : post(fmt::format("{}", i)) + "\r\n";
  RawClient client(f);
  client.send(all);
  for (int i = 0; i < 50; ++i) {
    CHECK(client.read().body == (i % 2 ? fmt::format("GET /{} ", i) : fmt::format("POST /p {}", i)));
  }
}

TEST_CASE("the connection stays open or closes as the client asked") {
  ServerFixture f;
  f.start();
  const auto stays = [&](const std::string& request) {
    RawClient client(f);
    const RawResponse response = client.ask(request);
    CHECK(response.status == 200);
    const bool says_so = response.headers.at("connection") == "keep-alive";
    CHECK(says_so == (response.headers.at("connection") != "close"));
    if (says_so) {
      CHECK(client.ask(get("/again")).status == 200);
    } else {
      CHECK(client.is_closed());
    }
    return says_so;
  };
  CHECK(stays("GET / HTTP/1.1\r\nHost: a\r\n\r\n"));
  CHECK_FALSE(stays("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"));
  CHECK_FALSE(stays("GET / HTTP/1.0\r\n\r\n"));
  CHECK(stays("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n"));
  CHECK_FALSE(stays("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n0\r\n\r\n"));
}

TEST_CASE("a client that closes its half after the request is answered") {
  ServerFixture f;
  f.start();
  RawClient client(f);
  client.send(post("hello"));
  client.end();
  CHECK(client.read().body == "POST /p hello");
  CHECK(client.is_closed());
}

TEST_CASE("HEAD is answered like GET without the body, 204 has none and no length") {
  ServerFixture f;
  f.service.respond = [](RequestHead head, std::string, Deadline) -> Task<ServerResponse> {
    if (head.target == "/none") co_return ServerResponse{.status = 204, .body = "unseen"};
    co_return text("hello");
  };
  f.start();
  RawClient client(f);
  client.send("HEAD / HTTP/1.1\r\nHost: a\r\n\r\n" + get("/none") + get("/"));
  const RawResponse head = client.read(false);
  CHECK(head.status == 200);
  CHECK(head.headers.at("content-length") == "5");
  const RawResponse none = client.read(false);
  CHECK(none.status == 204);
  CHECK_FALSE(none.headers.contains("content-length"));
  CHECK(client.read().body == "hello");
}

TEST_CASE("100 Continue comes when the request was admitted and has a body to come, and only then") {
  ServerFixture f;
  f.service.refuse = [](const RequestHead& head) -> std::optional<ServerResponse> {
    if (head.target == "/no") return ServerResponse{.status = 403, .body = "{}"};
    return std::nullopt;
  };
  f.start();
  const auto expecting = [](const std::string& target, int length) {
    return fmt::format("POST {} HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: {}\r\n\r\n", target,
                       length);
  };
  {
    RawClient client(f);
    CHECK(client.ask(expecting("/yes", 5)).status == 100);
    CHECK(client.ask("hello").body == "POST /yes hello");
    client.send(expecting("/yes", 5) + "hello");
    const RawResponse first = client.read();
    CHECK((first.status == 200 || (first.status == 100 && client.read().status == 200)));
    CHECK(client.ask(expecting("/yes", 0)).status == 200);
  }
  RawClient refused(f);
  CHECK(refused.ask(expecting("/no", 5)).status == 403);
  CHECK(refused.is_closed());
  RawClient too_large(f);
  CHECK(too_large.ask(expecting("/yes", 5000)).status == 413);
  CHECK(too_large.is_closed());
  RawClient other(f);
  CHECK(other.ask("POST / HTTP/1.1\r\nHost: a\r\nExpect: 200\r\nContent-Length: 1\r\n\r\n").status == 417);
}

TEST_CASE("a refused request is answered without its body being read") {
  ServerFixture f;
  f.service.max_body_bytes = 100u << 20;
  f.service.refuse = [](const RequestHead&) { return ServerResponse{.status = 401, .body = R"({"detail":"no"})"}; };
  f.start();
  for (const std::size_t sent : {0u, 10u, 1'000'000u, 3'000'000u}) {
    CAPTURE(sent);
    RawClient client(f);
    client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 90000000\r\n\r\n");
    CHECK(client.send(
        std::string(sent, 'x')));  // taken and thrown away: a reset could reach the client before the answer
    const RawResponse response = client.read();
    CHECK(response.status == 401);
    CHECK(response.body == R"({"detail":"no"})");
    CHECK(response.headers.at("connection") == "close");
    CHECK(client.is_closed());
  }
  CHECK(f.service.responded == 0);
}

TEST_CASE("usher's own client talks to it over one connection") {
  ServerFixture f;
  f.service.max_body_bytes = 4u << 20;
  f.start();
  asio::io_context loop(1);
  const std::unique_ptr<HttpClient> client = make_http_client(loop.get_executor());
  const Endpoint endpoint{.host = "127.0.0.1", .port = f.port()};
  for (const std::size_t size : {0u, 1u, 5'000u, 3'000'000u}) {
    HttpRequest request;
    request.endpoint = &endpoint;
    request.target = "/x";
    request.body = std::string(size, 'x');
    const Result<HttpResponse> response = run_task(loop, client->send(std::move(request), Deadline::in(10s)));
    REQUIRE(response);
    CHECK(response->body.size() == 8 + size);
  }
}

TEST_CASE("it binds IPv4, IPv6 and localhost, and names why it cannot") {
  asio::io_context loop(1);
  TestService service;
  const auto bind = [&](const char* address, std::uint16_t port) {
    return make_http_server(loop.get_executor(), {.address = address, .port = port}, service);
  };
  const Result<std::unique_ptr<HttpServer>> first = bind("localhost", 0);
  REQUIRE(first);
  CHECK((*first)->port() != 0);
  CHECK(RawClient().connect((*first)->port()));
  const Result<std::unique_ptr<HttpServer>> second = bind("127.0.0.1", (*first)->port());
  REQUIRE_FALSE(second);
  CHECK(second.error().kind == ErrorKind::unavailable);
  CHECK(second.error().message.find(std::to_string((*first)->port())) != std::string::npos);
  CHECK(bind("192.0.2.1", 0).error().kind == ErrorKind::unavailable);
  CHECK(bind("example.com", 0).error().kind == ErrorKind::invalid);
  CHECK(bind("", 0).error().kind == ErrorKind::invalid);
}

TEST_CASE("an IPv4 client of the IPv6 wildcard is known by its IPv4 address") {
  asio::io_context probe(1);
  TestService unused;
  if (!make_http_server(probe.get_executor(), {.address = "::"}, unused)) return;  // a machine without IPv6
  ServerFixture f({.address = "::"});
  std::string peer;
  f.service.refuse = [&](const RequestHead& head) -> std::optional<ServerResponse> {
    peer = head.peer;
    return std::nullopt;
  };
  f.start();
  CHECK(RawClient(f).ask(get("/")).status == 200);
  f.stop(0ms);
  f.wait();
  CHECK(peer == "127.0.0.1");
}

}  // namespace usher::net
