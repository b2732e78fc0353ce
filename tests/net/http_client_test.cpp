#include "net/http_client.h"

#include <doctest/doctest.h>

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/steady_timer.hpp>

#include <algorithm>

#include "net/fixture.h"

namespace usher::net {

namespace {

HttpReply reply(int status, std::string body) {
  HttpReply made;
  made.status = status;
  made.body = std::move(body);
  return made;
}

HttpReply chunked(std::vector<std::string> chunks) {
  HttpReply made;
  made.chunks = std::move(chunks);
  return made;
}

HttpReply raw(std::string bytes) {
  HttpReply made;
  made.raw = std::move(bytes);
  return made;
}

BodySink collect(std::string& into) {
  return [&into](std::string_view piece) {
    into += piece;
    return BodyNext::more;
  };
}

}  // namespace

TEST_CASE("a request arrives as it was made") {
  Fixture f({reply(200, "hello")});
  f.endpoint.base_path = "/v1";
  HttpRequest request = f.request("{\"a\":1}");
  request.headers.push_back({"Authorization", "Bearer k"});
  const Result<HttpResponse> response = f.send(std::move(request));
  REQUIRE(response);
  CHECK(response->status == 200);
  CHECK(response->body == "hello");
  CHECK(response->content_type == "application/json");
  const HttpCall& call = f.script.calls.at(0);
  CHECK(call.method == "POST");
  CHECK(call.target == "/v1/chat");
  CHECK(call.body == "{\"a\":1}");
  CHECK(call.headers.at("authorization") == "Bearer k");
  CHECK(call.headers.at("content-type") == "application/json");
}

TEST_CASE("a body larger than the socket's buffers goes out whole") {
  Fixture f({reply(200, "ok")});
  const std::string body(12u << 20, 'x');
  REQUIRE(f.send(f.request(body)));
  CHECK(f.script.calls.at(0).body == body);
}

TEST_CASE("connections are kept and used again") {
  Fixture f({reply(200, "a"), chunked({"b", "c"}), reply(404, "d")});
  for (int i = 0; i < 6; ++i) REQUIRE(f.send());
  CHECK(f.server.connections() == 1);
}

TEST_CASE("a connection that the server closes is not used again") {
  HttpReply closing = reply(200, "a");
  closing.close = true;
  Fixture f({closing});
  REQUIRE(f.send());
  REQUIRE(f.send());
  CHECK(f.server.connections() == 2);
}

TEST_CASE("a fresh connection is made when asked for and after close_idle") {
  Fixture f({reply(200, "a")});
  REQUIRE(f.send());
  HttpRequest fresh = f.request();
  fresh.wants_fresh_connection = true;
  REQUIRE(f.send(std::move(fresh)));
  CHECK(f.server.connections() == 2);
  f.client->close_idle();
  REQUIRE(f.send());
  CHECK(f.server.connections() == 3);
}

TEST_CASE("a stale connection is noticed before it is used") {
  // raw is followed by a close, without "Connection: close": the pool learns of it only by looking.
  Fixture f({raw("HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\na")});
  for (int i = 0; i < 3; ++i) {
    REQUIRE(f.send());
    run_task(f.loop, sleep_for(std::chrono::milliseconds(20)));  // lets the server's close arrive
  }
  CHECK(f.server.connections() == 3);
}

TEST_CASE("a broken reused connection is repeated once, and only for what may be repeated") {
  for (const bool is_repeatable : {true, false}) {
    HttpReply broken;
    broken.reset = true;
    Fixture f({reply(200, "a"), broken, reply(200, "b")});
    REQUIRE(f.send());
    HttpRequest request = f.request();
    request.is_repeatable = is_repeatable;
    const Result<HttpResponse> response = f.send(std::move(request));
    CHECK(response.has_value() == is_repeatable);
    CHECK(f.script.calls.size() == (is_repeatable ? 3 : 2));
    if (!response) CHECK(response.error().kind == ErrorKind::protocol);
  }
}

TEST_CASE("an answer shredded into bytes is the same answer") {
  HttpReply shredded = chunked({"one", "two", "three"});
  shredded.shred = true;
  Fixture f({shredded});
  std::string body;
  const Result<HttpResponse> response = f.send(f.request(), collect(body));
  REQUIRE(response);
  CHECK(body == "onetwothree");
  CHECK(response->body.empty());
  REQUIRE(f.send());
  CHECK(f.server.connections() == 1);
}

TEST_CASE("a body without length or chunks lasts until the end") {
  Fixture f({raw("HTTP/1.1 200 OK\r\nContent-Type: Text/Plain; charset=x\r\n\r\nall of it")});
  const Result<HttpResponse> response = f.send();
  REQUIRE(response);
  CHECK(response->body == "all of it");
  CHECK(response->content_type == "text/plain");
}

TEST_CASE("interim answers are passed over") {
  Fixture f({raw("HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")});
  const Result<HttpResponse> response = f.send();
  REQUIRE(response);
  CHECK(response->status == 200);
  CHECK(response->body == "ok");
}

TEST_CASE("a status outside 2xx is an answer, its body does not reach the sink") {
  HttpReply busy = reply(429, "wait");
  busy.headers.emplace_back("Retry-After", "7");
  Fixture f({busy});
  std::string streamed;
  const Result<HttpResponse> response = f.send(f.request(), collect(streamed));
  REQUIRE(response);
  CHECK(response->status == 429);
  CHECK(response->retry_after == "7");
  CHECK(response->body == "wait");
  CHECK(streamed.empty());
}

TEST_CASE("an error page is cut when the caller streams") {
  Fixture f({reply(500, std::string(1u << 20, 'x'))});
  std::string streamed;
  const Result<HttpResponse> response = f.send(f.request(), collect(streamed));
  REQUIRE(response);
  CHECK(response->body.size() == 64u << 10);
  REQUIRE(f.send());
  CHECK(f.server.connections() == 2);  // the rest of the page was not read
}

TEST_CASE("a sink can stop, or take the rest, and the answer counts") {
  HttpReply endless = chunked({"data"});
  endless.endless = true;
  Fixture f({endless, chunked({"a", "b"}), reply(200, "x")});
  REQUIRE(f.send(f.request(), [](std::string_view) { return BodyNext::stop; }));

  std::string body;
  REQUIRE(f.send(f.request(), [&](std::string_view piece) {
    body += piece;
    return BodyNext::rest;
  }));
  CHECK(body == "ab");
  REQUIRE(f.send());
  CHECK(f.server.connections() == 2);  // the stopped one was closed, the other kept
}

TEST_CASE("the rest of an answer is waited for no longer than rest_timeout") {
  HttpReply late = chunked({"a"});
  late.endless = true;
  late.chunk_delay = std::chrono::milliseconds(100);
  Fixture f({late});
  HttpRequest request = f.request();
  request.rest_timeout = std::chrono::milliseconds(10);
  const Deadline most = Deadline::in(patience);
  const Result<HttpResponse> response =
      f.send(std::move(request), [](std::string_view) { return BodyNext::rest; }, most);
  REQUIRE(response);
  CHECK(response->status == 200);
  CHECK_FALSE(most.has_passed());
}

TEST_CASE("cancelling ends the request and closes its connection") {
  HttpReply hanging;
  hanging.hang = true;
  Fixture f({hanging, reply(200, "x")});
  asio::cancellation_signal signal;
  std::optional<Result<HttpResponse>> response;
  asio::co_spawn(f.loop, f.client->send(f.request(), Deadline::in(patience)),
                 asio::bind_cancellation_slot(signal.slot(), [&](std::exception_ptr, Result<HttpResponse> result) {
                   response = std::move(result);
                   f.loop.stop();
                 }));
  while (f.script.calls.empty()) f.loop.run_one();
  signal.emit(asio::cancellation_type::terminal);
  f.loop.run();
  REQUIRE(response);
  REQUIRE_FALSE(*response);
  CHECK(response->error().kind == ErrorKind::cancelled);
  REQUIRE(f.send());
  CHECK(f.server.connections() == 2);
}

TEST_CASE("idle connections are closed when their time is over, and bounded in number") {
  HttpClientOptions options;
  options.idle_keep = std::chrono::seconds(0);
  Fixture f({reply(200, "a")}, options);
  REQUIRE(f.send());
  run_task(f.loop, sleep_for(std::chrono::milliseconds(5)));
  REQUIRE(f.send());
  CHECK(f.server.connections() == 2);

  HttpClientOptions none;
  none.max_idle_per_endpoint = 0;
  Fixture g({reply(200, "a")}, none);
  REQUIRE(g.send());
  REQUIRE(g.send());
  CHECK(g.server.connections() == 2);
}

TEST_CASE("many requests at once get a connection each and share them afterwards") {
  Fixture f({reply(200, "a")});
  int running = 0, succeeded = 0;
  for (int round = 0; round < 2; ++round) {
    for (int i = 0; i < 20; ++i) {
      ++running;
      asio::co_spawn(f.loop, f.client->send(f.request(), Deadline::in(patience)),
                     [&](std::exception_ptr, Result<HttpResponse> result) {
                       succeeded += result ? 1 : 0;
                       if (--running == 0) f.loop.stop();
                     });
    }
    f.loop.restart();
    f.loop.run();
  }
  CHECK(succeeded == 40);
  CHECK(f.server.connections() == 20);
}

TEST_CASE("an answer's headers come along when the request asks for them") {
  HttpReply reply;
  reply.headers = {{"X-RateLimit-Remaining", "4"}};
  Fixture f({reply});
  HttpRequest curious = f.request();
  curious.keeps_headers = true;
  const Result<HttpResponse> response = f.send(std::move(curious));
  REQUIRE(response);
  CHECK(std::ranges::any_of(response->headers, [](const Header& header) {
    return header.name == "x-ratelimit-remaining" && header.value == "4";
  }));
  CHECK(f.send()->headers.empty());
}

}  // namespace usher::net
