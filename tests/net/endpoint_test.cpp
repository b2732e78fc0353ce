#include <doctest/doctest.h>

#include "net/http1/request_head.h"
#include "net/http_client.h"

namespace usher::net {

TEST_CASE("an address is split into scheme, host, port and path") {
  const Result<Endpoint> plain = parse_endpoint("http://127.0.0.1:8080/v1/");
  REQUIRE(plain);
  CHECK_FALSE(plain->is_tls);
  CHECK(plain->host == "127.0.0.1");
  CHECK(plain->port == 8080);
  CHECK(plain->base_path == "/v1");

  const Result<Endpoint> tls = parse_endpoint("HTTPS://API.Example.com");
  REQUIRE(tls);
  CHECK(tls->is_tls);
  CHECK(tls->host == "api.example.com");
  CHECK(tls->port == 443);
  CHECK(tls->base_path.empty());

  const Result<Endpoint> ipv6 = parse_endpoint("http://[::1]:81/a");
  REQUIRE(ipv6);
  CHECK(ipv6->host == "::1");
  CHECK(name_of(*ipv6) == "[::1]:81");
}

TEST_CASE("an address that could mean something else is refused without repeating it") {
  for (const char* url :
       {"", "api.example.com", "ftp://example.com", "http://", "http:///v1", "http://u:secret@example.com",
        "http://example.com?key=secret", "http://example.com/#x", "http://example.com:0", "http://example.com:70000",
        "http://exa mple.com", "http://example.com/a b", "http://a\r\nb/", "http://ex%0d%0aample.com",
        "http://[fe80::1%25eth0]/", "http://[v1.x]/", "http://h:x", "http://h:12x/", "http://[::1]x"}) {
    CAPTURE(url);
    const Result<Endpoint> refused = parse_endpoint(url);
    REQUIRE_FALSE(refused);
    CHECK(refused.error().kind == ErrorKind::invalid);
    CHECK(refused.error().message.find("secret") == std::string::npos);
  }
}

TEST_CASE("nothing a caller passes can add a line to the head") {
  const Endpoint endpoint = parse_endpoint("http://127.0.0.1:80/v1").value();
  HttpRequest good;
  good.endpoint = &endpoint;
  good.target = "/bot1:a/getMe";
  good.headers = {{"Authorization", "Bearer x"}};
  REQUIRE(check_request(good));

  const auto is_refused = [&](auto change) {
    HttpRequest bad = good;
    change(bad);
    return !check_request(bad);
  };
  for (const char* text : {"a\r\nb", "a\nb", "a\rb"}) {
    CAPTURE(text);
    CHECK(is_refused([&](HttpRequest& r) { r.target += text; }));
    CHECK(is_refused([&](HttpRequest& r) { r.headers[0].value = text; }));
    CHECK(is_refused([&](HttpRequest& r) { r.headers[0].name = text; }));
    CHECK(is_refused([&](HttpRequest& r) { r.content_type = text; }));
    CHECK(is_refused([&](HttpRequest& r) { r.method = text; }));
  }
  CHECK(is_refused([](HttpRequest& r) { r.target += std::string("a\0b", 3); }));
  CHECK(is_refused([](HttpRequest& r) { r.headers[0].value = std::string("a\0b", 3); }));
  CHECK(is_refused([](HttpRequest& r) { r.target += " HTTP/1.1"; }));
  CHECK(is_refused([](HttpRequest& r) { r.headers[0].name = ""; }));
  CHECK(is_refused([](HttpRequest& r) { r.headers[0].name = "Content-length"; }));
  CHECK(is_refused([](HttpRequest& r) { r.headers[0].name = "transfer-encoding"; }));
  CHECK(is_refused([](HttpRequest& r) { r.headers[0].name = "HOST"; }));
}

TEST_CASE("the head names the port only when it is not the scheme's own") {
  const Endpoint own = parse_endpoint("https://example.com/v1").value();
  const Endpoint other = parse_endpoint("http://[::1]:8081").value();
  HttpRequest request;
  request.target = "/x";
  request.body = "{}";
  std::string head;
  request.endpoint = &own;
  append_head(head, request, "usher/1");
  CHECK(head ==
        "POST /v1/x HTTP/1.1\r\nHost: example.com\r\nUser-Agent: usher/1\r\nAccept: */*\r\n"
        "Content-Type: application/json\r\nContent-Length: 2\r\n\r\n");
  head.clear();
  request.endpoint = &other;
  request.method = "GET";
  request.body.clear();
  append_head(head, request, "usher/1");
  CHECK(head == "GET /x HTTP/1.1\r\nHost: [::1]:8081\r\nUser-Agent: usher/1\r\nAccept: */*\r\n\r\n");
}

}  // namespace usher::net
