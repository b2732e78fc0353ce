// What goes wrong between the server and its clients, and inside the service: each has its status, its bound and its
// end, and other connections never notice.
#include <doctest/doctest.h>

#include <dirent.h>
#include <fmt/format.h>
#include <sys/resource.h>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>

#include <list>

#include "net/http_server_fixture.h"

namespace usher::net {

namespace {

constexpr auto never = 1h;
constexpr std::string_view half_a_head = "GET / HTTP/1.1\r\nHost: a\r\nX: y";

HttpServerOptions patient() {
  return {.idle_timeout = never,
          .head_timeout = never,
          .body_timeout = never,
          .respond_timeout = never,
          .write_timeout = never};
}

bool is_refusal(const RawResponse& response, int status) {
  return response.status == status && response.body.starts_with(R"({"detail":")") &&
         response.headers.at("content-type") == "application/json" && response.headers.at("connection") == "close";
}

struct Leaving {
  std::atomic<bool>* flag;
  ~Leaving() { *flag = true; }
};

// Never answers; sets the flag when its coroutine is gone.
Task<ServerResponse> hang(std::atomic<bool>* started, std::atomic<bool>* left) {
  const Leaving leaving{left};
  *started = true;
  co_await sleep_for(never);
  co_return ServerResponse{};
}

// Answers once the flag is set.
Task<ServerResponse> answer_when(const std::atomic<bool>* flag, RequestHead head, std::string body) {
  while (!*flag) co_await sleep_for(1ms);
  ServerResponse response = co_await TestService::echo(std::move(head), std::move(body));
  co_return response;
}

void wait_for(const std::atomic<bool>& flag) {
  while (!flag) std::this_thread::sleep_for(1ms);
}

std::size_t open_descriptors() {
  std::size_t count = 0;
  DIR* directory = ::opendir("/proc/self/fd");
  while (::readdir(directory)) ++count;
  ::closedir(directory);
  return count;
}

}  // namespace

TEST_CASE("what is malformed is refused with its status, and the answer arrives although more was sent") {
  ServerFixture f;
  f.start();
  const std::pair<int, std::string> faults[] = {
      {400, "GET / HTTP/1.1\r\n\r\n"},
      {400, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\nabc"},
      {400, "\x16\x03\x01\x02 hello"},
      {413, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1001\r\n\r\n"},
      {413, "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3e8\r\n" + std::string(1000, 'x') +
                "\r\n1\r\nx\r\n"},
      {414, "GET /" + std::string(1'000'000, 'x')},
      {431, "GET / HTTP/1.1\r\nX: " + std::string(1'000'000, 'x')},
      {501, "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip\r\n\r\n"},
  };
  for (const auto& [status, request] : faults) {
    CAPTURE(request.substr(0, 80));
    RawClient client(f);
    CHECK(is_refusal(client.ask(request), status));
    CHECK(client.is_closed());
  }
  CHECK(f.service.responded == 0);
}

TEST_CASE("a request cut anywhere is never answered with success and never reaches respond") {
  ServerFixture f;
  f.start();
  const std::string request = "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n";
  for (std::size_t cut = 0; cut < request.size(); ++cut) {
    CAPTURE(cut);
    RawClient client(f);
    client.send(request.substr(0, cut));
    client.end();
    CHECK(client.is_closed());
  }
  CHECK(f.service.responded == 0);
  CHECK(RawClient(f).ask(request).status == 200);
}

TEST_CASE("a head that does not come is 408, and a trickle does not make it longer") {
  HttpServerOptions options = patient();
  options.head_timeout = 50ms;
  ServerFixture f(options);
  f.start();
  RawClient silent(f);
  CHECK(is_refusal(silent.ask(half_a_head), 408));
  CHECK(silent.is_closed());
  RawClient trickling(f);
  trickling.send("GET / HTTP/1.1\r\nX: ");
  while (!trickling.has_bytes() && trickling.send("y")) std::this_thread::sleep_for(1ms);
  CHECK(is_refusal(trickling.read(), 408));
  CHECK(f.service.admitted == 0);
}

TEST_CASE("a body that does not come is 408, and a trickle does not make it longer") {
  HttpServerOptions options = patient();
  options.body_timeout = 50ms;
  ServerFixture f(options);
  f.service.max_body_bytes = 100'000'000;
  f.start();
  RawClient silent(f);
  CHECK(is_refusal(silent.ask("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\nabc"), 408));
  RawClient trickling(f);
  trickling.send("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n");
  while (!trickling.has_bytes() && trickling.send("1\r\nx\r\n")) std::this_thread::sleep_for(1ms);
  CHECK(is_refusal(trickling.read(), 408));
  CHECK(f.service.responded == 0);
}

TEST_CASE("an idle connection is closed without a word, before the first request and after") {
  HttpServerOptions options = patient();
  options.idle_timeout = 50ms;
  ServerFixture f(options);
  f.start();
  RawClient silent(f), blank(f), answered(f);
  blank.send("\r\n");
  CHECK(answered.ask(get("/")).status == 200);
  CHECK(silent.is_closed());
  CHECK(blank.is_closed());
  CHECK(answered.is_closed());

  options = patient();
  options.head_timeout = 50ms;
  ServerFixture g(options);
  g.start();
  CHECK(RawClient(g).is_closed());
}

TEST_CASE("a response that takes too long is 503, and what made it is cancelled") {
  HttpServerOptions options = patient();
  options.respond_timeout = 50ms;
  ServerFixture f(options);
  std::atomic<bool> started = false, left = false, had_deadline = false;
  f.service.respond = [&](RequestHead, std::string, Deadline deadline) {
    had_deadline = deadline.remaining() <= 50ms;
    return hang(&started, &left);
  };
  f.start();
  RawClient client(f);
  CHECK(is_refusal(client.ask(get("/")), 503));
  CHECK(client.is_closed());
  CHECK(left);
  CHECK(had_deadline);
}

TEST_CASE("a client that does not take its response is given up") {
  HttpServerOptions options = patient();
  options.write_timeout = 50ms;
  ServerFixture f(options);
  constexpr std::size_t size = 64u << 20;
  f.service.respond = [](RequestHead, std::string, Deadline) -> Task<ServerResponse> {
    co_return ServerResponse{.body = std::string(size, 'x')};
  };
  f.start();
  RawClient client(f);
  client.send(get("/"));
  while (!client.has_bytes()) std::this_thread::sleep_for(1ms);
  f.stop(never);
  f.wait();  // for ever, were the write not given up
  CHECK(client.read_to_end().size() < size);
}

TEST_CASE("an exception of the service is 500 for its request and nothing to the others") {
  ServerFixture f;
  f.service.refuse = [](const RequestHead& head) -> std::optional<ServerResponse> {
    if (head.target == "/admit") throw std::runtime_error("secret of admit");
    return std::nullopt;
  };
  f.service.respond = [](RequestHead head, std::string body, Deadline) -> Task<ServerResponse> {
    if (head.target == "/int") throw 42;
    if (head.target == "/respond") throw std::runtime_error("secret of respond");
    if (head.target == "/cancelled") throw boost::system::system_error(asio::error::operation_aborted);
    if (head.target == "/inject") co_return ServerResponse{.headers = {{"X", "a\r\nInjected: b"}}, .body = "{}"};
    ServerResponse response = co_await TestService::echo(std::move(head), std::move(body));
    co_return response;
  };
  f.start();
  RawClient other(f);
  CHECK(other.ask(get("/")).status == 200);
  for (const char* target : {"/admit", "/int", "/respond", "/cancelled", "/inject"}) {
    CAPTURE(target);
    const RawResponse response = RawClient(f).ask(get(target));
    CHECK(response.status == 500);
    CHECK(response.body == R"({"detail":"internal error"})");
    CHECK_FALSE(response.headers.contains("injected"));
    CHECK(other.ask(get("/")).status == 200);
  }
}

TEST_CASE("whoever only holds connections makes room for others, the one idle longest first") {
  HttpServerOptions options = patient();
  options.max_connections = 2;
  ServerFixture f(options);
  f.start();
  RawClient first(f);
  RawClient second(f);
  CHECK(first.ask(get("/")).status == 200);
  CHECK(second.ask(get("/")).status == 200);
  RawClient third(f);
  CHECK(third.ask(get("/")).status == 200);
  CHECK(first.is_closed());
  CHECK(second.ask(get("/")).status == 200);
}

TEST_CASE("connections past the limit are told so and closed, and cost no descriptor, while the others are at work") {
  HttpServerOptions options = patient();
  options.max_connections = 2;
  ServerFixture f(options);
  std::atomic<bool> may_answer = false;
  f.service.respond = [&](RequestHead head, std::string body, Deadline) -> Task<ServerResponse> {
    return answer_when(&may_answer, std::move(head), std::move(body));
  };
  f.start();
  RawClient first(f);
  RawClient second(f);
  first.send(get("/"));
  second.send(get("/"));
  while (f.service.responded < 2) std::this_thread::yield();
  const std::size_t before = open_descriptors();
  for (int i = 0; i < 50; ++i) {
    RawClient third(f);
    CHECK(is_refusal(third.read(), 503));
    CHECK(third.is_closed());
  }
  CHECK(open_descriptors() <= before + 1);  // the last one may still be closing
  may_answer = true;
  CHECK(first.read().status == 200);
  CHECK(second.read().status == 200);
  CHECK(RawClient(f).ask(get("/")).status == 200);
}

TEST_CASE("without descriptors it waits for some and goes on") {
  ServerFixture f;
  f.start();
  RawClient before(f);
  CHECK(before.ask(get("/")).status == 200);
  RawClient waiting;
  const int lowest_free = ::dup(0);
  ::close(lowest_free);
  rlimit limit{};
  REQUIRE(::getrlimit(RLIMIT_NOFILE, &limit) == 0);
  const rlimit tight{.rlim_cur = static_cast<rlim_t>(lowest_free), .rlim_max = limit.rlim_max};
  REQUIRE(::setrlimit(RLIMIT_NOFILE, &tight) == 0);
  const bool is_queued = waiting.connect(f.port());
  waiting.send(get("/"));
  const int meanwhile = before.ask(get("/")).status;
  const bool has_answer = waiting.has_bytes();
  REQUIRE(::setrlimit(RLIMIT_NOFILE, &limit) == 0);
  CHECK(is_queued);
  CHECK(meanwhile == 200);
  CHECK_FALSE(has_answer);
  CHECK(waiting.read().status == 200);
}

TEST_CASE("stop lets a running request end, closes idle connections at once and accepts nothing more") {
  ServerFixture f(patient());
  std::atomic<bool> started = false, released = false;
  f.service.respond = [&](RequestHead head, std::string body, Deadline) -> Task<ServerResponse> {
    started = head.target == "/slow";
    while (started && !released) co_await sleep_for(1ms);
    ServerResponse response = co_await TestService::echo(std::move(head), std::move(body));
    co_return response;
  };
  f.start();
  RawClient running(f), silent(f), answered(f);
  CHECK(answered.ask(get("/")).status == 200);
  running.send(get("/slow") + get("/next"));
  wait_for(started);
  f.stop(never);
  f.stop(never);
  CHECK(silent.is_closed());
  CHECK(answered.is_closed());
  CHECK_FALSE(RawClient().connect(f.port()));
  released = true;
  const RawResponse response = running.read();
  CHECK(response.status == 200);
  CHECK(response.headers.at("connection") == "close");
  CHECK(running.is_closed());
  f.wait();
}

TEST_CASE("past the grace the rest is cancelled, and run() ends after it") {
  std::atomic<bool> started = false, left = false;
  ServerFixture f(patient());
  f.service.respond = [&](RequestHead, std::string, Deadline) { return hang(&started, &left); };
  f.start();
  RawClient running(f), in_head(f), in_body(f);
  in_head.send(half_a_head);
  in_body.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nabc");
  while (f.service.admitted < 1) std::this_thread::sleep_for(1ms);
  running.send(get("/"));
  wait_for(started);
  f.stop(never);
  f.stop(20ms);  // the nearer end counts
  f.stop(never);
  f.wait();
  CHECK(left);
  CHECK(running.is_closed());
  CHECK(in_head.is_closed());
  CHECK(in_body.is_closed());
}

TEST_CASE("a server that was stopped before it ran ends at once, and again") {
  ServerFixture f;
  f.server->stop(never);
  f.server->stop(0ms);
  f.start();
  f.wait();
  CHECK_FALSE(RawClient().connect(f.port()));
}

TEST_CASE("a request may stop the server that answers it") {
  ServerFixture f(patient());
  f.service.respond = [&](RequestHead head, std::string body, Deadline) -> Task<ServerResponse> {
    f.server->stop(10s);
    return TestService::echo(std::move(head), std::move(body));
  };
  f.start();
  RawClient client(f);
  CHECK(client.ask(get("/")).status == 200);
  CHECK(client.is_closed());
  f.wait();
}

TEST_CASE("cancelling run() ends every connection before it returns") {
  std::atomic<bool> started = false, left = false, left_before_the_end = false;
  ServerFixture f(patient());
  f.service.respond = [&](RequestHead, std::string, Deadline) { return hang(&started, &left); };
  asio::cancellation_signal cancel;
  asio::co_spawn(f.loop, f.server->run(), asio::bind_cancellation_slot(cancel.slot(), [&](std::exception_ptr) {
                   left_before_the_end = left.load();
                 }));
  f.thread = std::thread([&] { f.loop.run(); });
  RawClient client(f);
  client.send(get("/"));
  wait_for(started);
  asio::post(f.loop, [&] { cancel.emit(asio::cancellation_type::terminal); });
  f.wait();
  CHECK(left_before_the_end);
  CHECK(client.is_closed());
}

TEST_CASE("a loop that is dropped with connections in every state frees them") {
  std::atomic<bool> started = false, left = false;
  {
    ServerFixture f(patient());
    f.service.respond = [&](RequestHead, std::string, Deadline) { return hang(&started, &left); };
    f.start();
    RawClient running(f), in_head(f), idle(f);
    in_head.send(half_a_head);
    running.send(get("/"));
    wait_for(started);
    f.loop.stop();
    f.wait();
  }
  CHECK(left);
}

TEST_CASE("many clients at once are all served") {
  ServerFixture f;
  f.start();
  std::list<RawClient> clients;
  for (int i = 0; i < 100; ++i) clients.emplace_back(f);
  for (int round = 0; round < 3; ++round) {
    for (RawClient& client : clients) client.send(post("hello"));
    for (RawClient& client : clients) CHECK(client.read().body == "POST /p hello");
  }
  CHECK(f.service.responded == 300);
}

}  // namespace usher::net
