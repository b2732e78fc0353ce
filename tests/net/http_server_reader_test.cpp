// The request reader by itself: which bytes are a request, which are refused and how, whatever the pieces.
#include <doctest/doctest.h>

#include <fmt/format.h>

#include "net/server/request_reader.h"
#include "net/server/response_head.h"

namespace usher::net {

namespace {

using State = RequestReader::State;

// The status of the refusal, 0 when the request is whole, -1 when more bytes are wanted.
int verdict_in_pieces(std::string_view bytes, std::size_t piece_bytes, std::size_t max_body, std::string* body) {
  RequestReader reader(2000);
  std::string pending;
  while (!bytes.empty()) {
    pending += bytes.substr(0, piece_bytes);
    bytes.remove_prefix(std::min(piece_bytes, bytes.size()));
    pending.erase(0, reader.feed(pending));
    if (reader.state() != State::has_head) continue;
    reader.begin_body(max_body);
    pending.erase(0, reader.feed(pending));
  }
  if (reader.state() == State::refused) return reader.refusal().status;
  if (reader.state() != State::complete) return -1;
  if (body) *body = reader.take_body();
  return 0;
}

int verdict(std::string_view bytes, std::size_t max_body = 100, std::string* body = nullptr) {
  const int whole = verdict_in_pieces(bytes, bytes.size() + 1, max_body, body);
  CHECK(whole == verdict_in_pieces(bytes, 1, max_body, body));
  CHECK(whole == verdict_in_pieces(bytes, 7, max_body, body));
  return whole;
}

std::string with(std::string_view headers) { return fmt::format("POST / HTTP/1.1\r\nHost: a\r\n{}\r\n\r\n", headers); }
std::string chunked(std::string_view rest) { return with("Transfer-Encoding: chunked") + std::string(rest); }

}  // namespace

TEST_CASE("well-formed requests are whole") {
  CHECK(verdict("GET / HTTP/1.1\r\nHost: a\r\n\r\n") == 0);
  CHECK(verdict("GET / HTTP/1.0\r\n\r\n") == 0);
  CHECK(verdict("\r\nGET / HTTP/1.1\r\nHost:\r\n\r\n") == 0);
  CHECK(verdict("M-SEARCH /a?b=%20&c HTTP/1.1\r\nhost:a\r\nX-\xc3: y\r\n\r\n") == 400);
  CHECK(verdict("GET / HTTP/1.1\r\nHost: a\r\nX: \t\xc3\xa9 \t\r\n\r\n") == 0);
  std::string body;
  CHECK(verdict(with("Content-Length: 5") + "hello", 5, &body) == 0);
  CHECK(body == "hello");
  CHECK(verdict(with("Content-Length: 0"), 0) == 0);
  CHECK(verdict(chunked("5;x=\"y\"\r\nhello\r\n00a\r\n0123456789\r\n0\r\nTrailer: t\r\n\r\n"), 15, &body) == 0);
  CHECK(body == "hello0123456789");
  CHECK(verdict(chunked("0\r\n\r\n"), 0) == 0);
}

TEST_CASE("what two servers might read differently is refused with 400") {
  for (const std::string& request : {
           with("Content-Length: 3\r\nTransfer-Encoding: chunked"),
           with("Transfer-Encoding: chunked\r\nContent-Length: 3"),
           with("Transfer-Encoding: gzip\r\nContent-Length: 3"),
           with("Content-Length: 3\r\nContent-Length: 3"),
           with("Content-Length: 3\r\nContent-Length: 4"),
           with("Content-Length: 3, 3"),
           with("Content-Length: +3"),
           with("Content-Length: 0x3"),
           with("Content-Length: -1"),
           with("Content-Length:"),
           with("Content-Length: 99999999999999999999999"),
           with("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked"),
           with("Content-Length : 3"),
           with(" Content-Length: 3"),
           with("X: a\r\n folded"),
           with("X: a\r\n\tfolded"),
           with("X: a\nY: b"),
           with("X: a\rY: b"),
           with("X: a\r\r\nY: b"),
           with(std::string("X: a\0b", 6)),
           with("X: a\x7f"),
           with("X: a\x01"),
           with("X"),
           with(": a"),
           with("X y: a"),
           with("X(y): a"),
           with("X\xc3: a"),
           with("Connection: close,@"),
           std::string("GET / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n"),
           std::string("GET / HTTP/1.1\nHost: a\n\n"),
           std::string("GET / HTTP/1.1\r\nHost: a\r\n\n"),
       }) {
    CAPTURE(request);
    CHECK(verdict(request) == 400);
  }
}

TEST_CASE("a request line is a method, a path and a known version") {
  for (const char* line : {"GET http://a/ HTTP/1.1",
                           "GET * HTTP/1.1",
                           "OPTIONS * HTTP/1.1",
                           "CONNECT a:443 HTTP/1.1",
                           "CONNECT / HTTP/1.1",
                           "GET a HTTP/1.1",
                           "GET /a#b HTTP/1.1",
                           "GET  / HTTP/1.1",
                           "GET /  HTTP/1.1",
                           "GET / a HTTP/1.1",
                           " GET / HTTP/1.1",
                           "GET / HTTP/1.1 ",
                           "GET / HTTP/1.2",
                           "GET / HTTP/2.0",
                           "GET / HTTP/0.9",
                           "GET / http/1.1",
                           "GET /",
                           "GET",
                           "G@T / HTTP/1.1",
                           "GET\t/ HTTP/1.1",
                           "GET /\x01 HTTP/1.1",
                           "GET /\xc3\xa9 HTTP/1.1",
                           "PRI * HTTP/2.0"}) {
    CAPTURE(line);
    CHECK(verdict(std::string(line) + "\r\nHost: a\r\n\r\n") == 400);
  }
  CHECK(verdict("\x16\x03\x01") == 400);
  CHECK(verdict("SSH-2.0-OpenSSH\r\n\r\n") == 400);
}

TEST_CASE("HTTP/1.1 needs one Host, HTTP/1.0 at most one") {
  CHECK(verdict("GET / HTTP/1.1\r\n\r\n") == 400);
  CHECK(verdict("GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n") == 400);
  CHECK(verdict("GET / HTTP/1.0\r\nHost: a\r\nHost: b\r\n\r\n") == 400);
}

TEST_CASE("other transfer encodings are 501, other expectations 417") {
  CHECK(verdict(with("Transfer-Encoding: gzip")) == 501);
  CHECK(verdict(with("Transfer-Encoding: gzip, chunked")) == 501);
  CHECK(verdict(with("Transfer-Encoding: chunked, chunked")) == 501);
  CHECK(verdict(with("Transfer-Encoding: xchunked")) == 501);
  CHECK(verdict(with("Transfer-Encoding: CHUNKED") + "0\r\n\r\n") == 0);
  CHECK(verdict(with("Expect: 200-ok")) == 417);
  CHECK(verdict(with("Expect: 100-continue\r\nExpect: 100-continue")) == 417);
  CHECK(verdict(with("Expect: 100-Continue")) == 0);
  CHECK(verdict("GET / HTTP/1.0\r\nExpect: anything\r\n\r\n") == 0);
}

TEST_CASE("malformed chunks are 400") {
  for (const char* body :
       {"zz\r\n", "\r\n", "5\r\nhelloX", "5\r\nhello\n0\r\n\r\n", "5\nhello\r\n0\r\n\r\n", "-1\r\n", "0x5\r\nhello\r\n",
        " 5\r\nhello\r\n", "5 \r\nhello\r\n", "fffffffffffffffff\r\n", "0\r\nX\r\n\r\n", "0\r\n: y\r\n\r\n",
        "0\r\nContent-Length: 5\r\n\r\n", "0\r\nX: \x01\r\n\r\n"}) {
    CAPTURE(body);
    CHECK(verdict(chunked(body) + "0\r\n\r\n") == 400);
  }
}

TEST_CASE("a chunk's line, the trailers and all extensions together are bounded") {
  const std::string four_k(4096, 'x');
  CHECK(verdict(chunked("1;" + four_k)) == 400);
  CHECK(verdict(chunked(std::string(5000, '0') + "1\r\nx\r\n0\r\n\r\n")) == 400);
  CHECK(verdict(chunked("0\r\nX: " + four_k + "\r\n\r\n")) == 400);
  CHECK(verdict(chunked("0\r\nX: " + std::string(3000, 'x') + "\r\n\r\n")) == 0);
  std::string many;
  for (int i = 0; i < 50; ++i) many += "1;" + std::string(1000, 'x') + "\r\na\r\n";
  CHECK(verdict(chunked(many + "0\r\n\r\n")) == 400);
}

TEST_CASE("a body past its bound is 413, announced or not") {
  CHECK(verdict(with("Content-Length: 6"), 5) == 413);
  CHECK(verdict(with("Content-Length: 18446744073709551615"), 5) == 413);
  CHECK(verdict(with("Content-Length: 1"), 0) == 413);
  CHECK(verdict(chunked("6\r\nabc"), 5) == 413);
  CHECK(verdict(chunked("3\r\nabc\r\n3\r\n"), 5) == 413);
  CHECK(verdict(chunked("ffffffffffffffff\r\n"), 5) == 413);
  CHECK(verdict(chunked("3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n"), 5) == 0);
}

TEST_CASE("a head past its bounds is 414 or 431, as soon as it is") {
  CHECK(verdict("GET /" + std::string(1500, 'x')) == 414);
  CHECK(verdict("GET /" + std::string(900, 'x') + " HTTP/1.1\r\nHost: a\r\n\r\n") == 0);
  CHECK(verdict(with("X: " + std::string(2000, 'x'))) == 431);
  CHECK(verdict(with(std::string(2000, 'x'))) == 431);
  std::string many;
  for (int i = 0; i < 99; ++i) many += "a:b\r\n";
  CHECK(verdict("GET / HTTP/1.1\r\nHost: a\r\n" + many + "\r\n") == 0);
  CHECK(verdict("GET / HTTP/1.1\r\nHost: a\r\n" + many + "a:b\r\n\r\n") == 431);
}

TEST_CASE("a request cut anywhere is never whole") {
  const std::string request = chunked("5;x=y\r\nhello\r\n0\r\nTrailer: t\r\n\r\n");
  for (std::size_t cut = 0; cut < request.size(); ++cut) {
    CAPTURE(cut);
    CHECK(verdict(request.substr(0, cut)) == -1);
  }
  CHECK(verdict(request) == 0);
}

TEST_CASE("a head tells names in lower case, in order, and repeated headers have no value") {
  RequestReader reader(2000);
  reader.feed("GET /x?y HTTP/1.1\r\nHOST: a\r\nX-One:  1 \r\nx-two: 2\r\nX-TWO: 3\r\nEmpty:\r\n\r\n");
  REQUIRE(reader.state() == State::has_head);
  const RequestHead head = reader.take_head();
  CHECK(head.method == "GET");
  CHECK(head.target == "/x?y");
  REQUIRE(head.headers.size() == 5);
  CHECK(head.headers[1].name == "x-one");
  CHECK(head.header("x-one") == "1");
  CHECK(head.header("empty") == "");
  CHECK_FALSE(head.header("x-two").has_value());
  CHECK(head.has_header("x-two"));
  CHECK_FALSE(head.header("x-three").has_value());
  CHECK_FALSE(head.has_header("x-three"));
}

TEST_CASE("the connection stays open as version and Connection say, whatever a trailer says") {
  const auto keeps_alive = [](const std::string& request) {
    RequestReader reader(2000);
    reader.feed(request);
    REQUIRE(reader.state() == State::has_head);
    return reader.keeps_alive();
  };
  CHECK(keeps_alive("GET / HTTP/1.1\r\nHost: a\r\n\r\n"));
  CHECK_FALSE(keeps_alive("GET / HTTP/1.1\r\nHost: a\r\nConnection: x, CLOSE\r\n\r\n"));
  CHECK_FALSE(keeps_alive("GET / HTTP/1.0\r\n\r\n"));
  CHECK(keeps_alive("GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n"));
}

TEST_CASE("a response that could add a line or contradict its framing is not sent") {
  const auto is_fine = [](ServerResponse response) { return check_response(response).has_value(); };
  CHECK(is_fine({.headers = {{"X-A", "b c"}}}));
  CHECK_FALSE(is_fine({.headers = {{"X-A", "b\r\nSet-Cookie: x"}}}));
  CHECK_FALSE(is_fine({.headers = {{"X-A\r\nB", "c"}}}));
  CHECK_FALSE(is_fine({.headers = {{"", "c"}}}));
  CHECK_FALSE(is_fine({.content_type = "text/plain\r\nX: y"}));
  for (const char* own : {"Content-Length", "transfer-encoding", "Connection", "DATE"}) {
    CHECK_FALSE(is_fine({.headers = {{own, "1"}}}));
  }
  CHECK_FALSE(is_fine({.status = 100}));
  CHECK_FALSE(is_fine({.status = 1000}));
}

TEST_CASE("a response's head carries length, date and connection and nothing about the server") {
  std::string head;
  append_response_head(head, {.status = 201, .headers = {{"X-A", "b"}}, .body = "{}"}, true,
                       std::chrono::sys_days(std::chrono::year(1994) / 11 / 6) + std::chrono::seconds(31'777));
  CHECK(head ==
        "HTTP/1.1 201 Created\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\nConnection: keep-alive\r\n"
        "Content-Type: application/json\r\nContent-Length: 2\r\nX-A: b\r\n\r\n");
  head.clear();
  append_response_head(head, {.status = 204}, false, std::chrono::sys_days());
  CHECK(head == "HTTP/1.1 204 No Content\r\nDate: Thu, 01 Jan 1970 00:00:00 GMT\r\nConnection: close\r\n\r\n");
  CHECK(error_response(400, "a \"quoted\"\ndetail").body == R"({"detail":"a \"quoted\"\ndetail"})");
}

}  // namespace usher::net
