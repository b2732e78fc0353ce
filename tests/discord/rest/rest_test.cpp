// Calls to a REST server over loopback sockets, both on one event loop.
#include "channels/discord/rest/rest.h"

#include <doctest/doctest.h>

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <deque>
#include <optional>
#include <string>
#include <vector>

#include "channels/discord/rest/ban_guard.h"
#include "support/http/http_server.h"
#include "support/run_task.h"

using namespace usher;
using namespace usher::discord;
using namespace std::chrono_literals;
using usher::testing::HttpCall;
using usher::testing::HttpReply;
using usher::testing::HttpServer;
using usher::testing::run_task;

namespace {

HttpReply reply(int status, std::string body, std::vector<std::pair<std::string, std::string>> headers = {}) {
  HttpReply out;
  out.status = status;
  out.body = std::move(body);
  out.headers = std::move(headers);
  return out;
}

HttpReply limited(std::string scope, std::string seconds) {
  return reply(429,
               R"({"message":"slow down","retry_after":)" + seconds + R"(,"global":)" +
                   (scope == "global" ? "true" : "false") + "}",
               {{"X-RateLimit-Scope", std::move(scope)}});
}

std::vector<std::pair<std::string, std::string>> bucket(int remaining, std::string reset) {
  return {{"X-RateLimit-Bucket", "abc"},
          {"X-RateLimit-Limit", "2"},
          {"X-RateLimit-Remaining", std::to_string(remaining)},
          {"X-RateLimit-Reset-After", std::move(reset)}};
}

struct Fixture {
  Task<HttpReply> answer(HttpCall call) {
    calls.push_back(std::move(call));
    if (replies.empty()) co_return reply(200, R"({"id":"1"})");
    HttpReply next = std::move(replies.front());
    replies.pop_front();
    co_return next;
  }

  RestCall post(std::string channel = "1") {
    RestCall call;
    call.method = "POST";
    call.target = call.route = "/channels/" + std::move(channel) + "/messages";
    call.body = "{}";
    return call;
  }
  Result<RestResult> call(RestCall call, std::chrono::milliseconds limit = 5s) {
    return run_task(loop, rest.call(std::move(call), Deadline::in(limit)));
  }

  asio::io_context loop{1};
  std::deque<HttpReply> replies;
  std::vector<HttpCall> calls;
  HttpServer server{loop.get_executor(), [this](HttpCall call) { return answer(std::move(call)); }};
  std::unique_ptr<net::HttpClient> http = net::make_http_client(loop.get_executor());
  Rest rest{*http, Secret("abc.def-ghi_012345"), server.url() + "/api/v10", "shop"};
};

}  // namespace

TEST_CASE("a call carries the token and names itself as Discord asks; one of an interaction carries no token") {
  Fixture f;
  const Result<RestResult> answer = f.call(f.post());
  REQUIRE(answer);
  REQUIRE(*answer);
  CHECK(string_at(&**answer, "id") == "1");
  RestCall follow_up = f.post();
  follow_up.is_interaction = true;
  CHECK(f.call(follow_up));
  REQUIRE(f.calls.size() == 2);
  CHECK(f.calls[0].target == "/api/v10/channels/1/messages");
  CHECK(f.calls[0].headers["authorization"] == "Bot abc.def-ghi_012345");
  CHECK(f.calls[0].headers["user-agent"].starts_with("DiscordBot (https://"));
  CHECK_FALSE(f.calls[1].headers.contains("authorization"));
}

TEST_CASE("204 is null, and a token that is none calls nobody") {
  Fixture f;
  f.replies.push_back(reply(204, ""));
  const Result<RestResult> answer = f.call(f.post());
  REQUIRE((answer && *answer));
  CHECK((*answer)->is_null());
  Rest broken(*f.http, Secret("abc\r\nX: y"), f.server.url(), "shop");
  const Result<RestResult> refused = run_task(f.loop, broken.call(f.post(), Deadline::in(1s)));
  REQUIRE_FALSE(refused);
  CHECK(refused.error().kind == ErrorKind::invalid);
  CHECK(f.calls.size() == 1);
}

TEST_CASE("every refusal is told apart") {
  struct Case {
    int status;
    std::string body;
    RestErrorKind kind;
    bool may_have_happened;
  };
  const std::vector<Case> cases = {
      {404, R"({"message":"Unknown Channel","code":10003})", RestErrorKind::gone, false},
      {403, R"({"message":"Missing Access","code":50001})", RestErrorKind::gone, false},
      {403, R"({"message":"Cannot send messages to this user","code":50007})", RestErrorKind::gone, false},
      {403, R"({"message":"Missing Permissions","code":50013})", RestErrorKind::gone, false},
      {404, R"({"message":"Unknown Message","code":10008})", RestErrorKind::refused, false},
      {400, R"({"message":"Invalid Form Body","code":50035})", RestErrorKind::refused, false},
      {403, "<html>blocked</html>", RestErrorKind::unavailable, false},
      {404, "<html>", RestErrorKind::unavailable, false},
      {500, R"({"message":"500: Internal Server Error","code":0})", RestErrorKind::unavailable, true},
      {502, "<html>Bad gateway</html>", RestErrorKind::unavailable, true},
      {503, "", RestErrorKind::unavailable, true},
      {504, "{", RestErrorKind::unavailable, true},
      {200, "<html>", RestErrorKind::unavailable, true},
      {302, "", RestErrorKind::unavailable, true},
  };
  for (const Case& c : cases) {
    Fixture f;
    f.replies.push_back(reply(c.status, c.body));
    const Result<RestResult> answer = f.call(f.post());
    CAPTURE(c.status);
    CAPTURE(c.body);
    REQUIRE(answer);
    REQUIRE_FALSE(*answer);
    CHECK(answer->error().kind == c.kind);
    CHECK(answer->error().status == c.status);
    CHECK(answer->error().may_have_happened == c.may_have_happened);
    CHECK(f.calls.size() == 1);
  }
}

TEST_CASE("a refused token is not tried again, and an interaction's expired token is not the bot's") {
  Fixture f;
  RestCall follow_up = f.post();
  follow_up.is_interaction = true;
  f.replies.push_back(reply(401, R"({"message":"Invalid Webhook Token","code":50027})"));
  CHECK(f.call(follow_up)->error().kind == RestErrorKind::gone);
  f.replies.push_back(reply(401, R"({"message":"401: Unauthorized","code":0})"));
  CHECK(f.call(f.post())->error().kind == RestErrorKind::token_refused);
  CHECK(f.call(f.post("2"))->error().kind == RestErrorKind::token_refused);
  CHECK_FALSE(f.rest.can_call_now("GET", "/users/@me"));
  CHECK(f.calls.size() == 2);
}

TEST_CASE("a 429 is waited out within the deadline, whatever its scope") {
  for (const std::string scope : {"user", "shared", "global"}) {
    CAPTURE(scope);
    Fixture f;
    f.replies.push_back(limited(scope, "0.2"));
    bool was_sent = false;
    RestCall call = f.post();
    call.was_sent = &was_sent;
    const auto began = std::chrono::steady_clock::now();
    const Result<RestResult> answer = f.call(call);
    REQUIRE((answer && *answer));
    CHECK(std::chrono::steady_clock::now() - began >= 200ms);
    CHECK(f.calls.size() == 2);
    CHECK(was_sent);
  }
}

TEST_CASE("a 429 longer than the deadline is said at once, and stops what it stops until it is over") {
  Fixture f;
  f.replies.push_back(limited("user", "60"));
  const Result<RestResult> answer = f.call(f.post(), 2s);
  REQUIRE(answer);
  REQUIRE_FALSE(*answer);
  CHECK(answer->error().kind == RestErrorKind::too_many);
  CHECK(answer->error().retry_after == 60s);
  const Result<RestResult> next = f.call(f.post(), 2s);
  REQUIRE_FALSE(next);
  CHECK(next.error().kind == ErrorKind::busy);
  CHECK(next.error().retry_after.value_or(0ms) > 50s);
  CHECK_FALSE(f.rest.can_call_now("POST", "/channels/1/messages"));
  CHECK(f.rest.can_call_now("POST", "/channels/2/messages"));
  CHECK(f.call(f.post("2")));
  CHECK(f.calls.size() == 2);
}

TEST_CASE("a global 429 stops other routes, and a proxy's page stops all of them") {
  for (HttpReply global : {limited("global", "60"), reply(429, "<html>", {{"Retry-After", "60"}})}) {
    Fixture f;
    f.replies.push_back(global);
    CHECK(f.call(f.post(), 1s)->error().kind == RestErrorKind::too_many);
    CHECK_FALSE(f.rest.can_call_now("GET", "/users/@me"));
    RestCall follow_up = f.post("3");
    follow_up.is_interaction = true;
    CHECK(f.call(follow_up, 1s));
    CHECK(f.calls.size() == 2);
  }
}

TEST_CASE("a call that is not patient waits for nothing") {
  Fixture f;
  f.replies.push_back(limited("user", "0.2"));
  RestCall call = f.post();
  call.is_patient = false;
  CHECK(f.call(call)->error().kind == RestErrorKind::too_many);
  CHECK(f.call(call).error().kind == ErrorKind::busy);
  CHECK(f.calls.size() == 1);
}

TEST_CASE("the refusals of all bots at one address count together, and all of them stop before it is banned") {
  Fixture f;
  const auto guard = std::make_shared<BanGuard>();
  Rest one(*f.http, Secret("abc.def-ghi_1"), f.server.url(), "one", guard);
  Rest other(*f.http, Secret("abc.def-ghi_2"), f.server.url(), "other", guard);
  for (std::size_t i = 0; i < BanGuard::kTooMany - 1; ++i) guard->note(std::chrono::steady_clock::now());
  f.replies.push_back(reply(403, R"({"message": "Missing Permissions", "code": 50013})"));
  CHECK(run_task(f.loop, one.call(f.post(), Deadline::in(5s))));
  CHECK_FALSE(other.can_call_now("POST", "/channels/1/messages"));
  const Result<RestResult> held = run_task(f.loop, other.call(f.post(), Deadline::in(5s)));
  REQUIRE_FALSE(held);
  CHECK(held.error().kind == ErrorKind::busy);
  CHECK(f.calls.size() == 1);
  CHECK(f.rest.can_call_now("POST", "/channels/1/messages"));
}

TEST_CASE("an edit of a message that is too old is not waited for, and holds up no other edit") {
  Fixture f;
  f.replies.push_back(reply(429, R"({"message":"old","code":30046,"retry_after":3000,"global":false})"));
  const Result<RestResult> answer = f.call(f.post());
  REQUIRE_FALSE(*answer);
  CHECK(answer->error().code == 30046);
  CHECK(f.rest.can_call_now("POST", "/channels/1/messages"));
}

TEST_CASE("an empty bucket holds its calls back until its reset, in order") {
  Fixture f;
  f.replies.push_back(reply(200, "{}", bucket(0, "0.3")));
  f.replies.push_back(reply(200, "{}", bucket(0, "0.3")));
  CHECK(f.call(f.post()));
  std::vector<int> order;
  const auto began = std::chrono::steady_clock::now();
  for (int i = 0; i < 4; ++i) {
    RestCall call = f.post();
    call.body = std::to_string(i);
    asio::co_spawn(f.loop, f.rest.call(std::move(call), Deadline::in(5s)),
                   [&, i](std::exception_ptr, Result<RestResult> result) {
                     CHECK(result);
                     order.push_back(i);
                     if (order.size() == 4) f.loop.stop();
                   });
  }
  f.loop.restart();
  f.loop.run();
  CHECK(std::chrono::steady_clock::now() - began >= 300ms);
  std::vector<std::string> bodies;
  for (const HttpCall& call : f.calls) bodies.push_back(call.body);
  CHECK(bodies == std::vector<std::string>{"{}", "0", "1", "2", "3"});
}

TEST_CASE("a wait that is given up says so, and frees its place") {
  Fixture f;
  f.replies.push_back(reply(200, "{}", bucket(0, "60")));
  CHECK(f.call(f.post()));
  std::optional<Result<RestResult>> ended;
  asio::cancellation_signal abandon;
  asio::co_spawn(f.loop, f.rest.call(f.post(), Deadline::in(100s)),
                 asio::bind_cancellation_slot(abandon.slot(), [&](std::exception_ptr error, Result<RestResult> result) {
                   if (!error) ended = std::move(result);
                 }));
  f.loop.restart();
  f.loop.run_for(20ms);
  CHECK_FALSE(ended);
  abandon.emit(asio::cancellation_type::terminal);
  f.loop.restart();
  f.loop.run_for(20ms);
  REQUIRE(ended);
  CHECK(ended->error().kind == ErrorKind::cancelled);
  CHECK(f.calls.size() == 1);
}

TEST_CASE("what went out and was not answered says so") {
  Fixture f;
  HttpReply lost;
  lost.reset = true;
  f.replies.push_back(lost);
  bool was_sent = false;
  RestCall call = f.post();
  call.was_sent = &was_sent;
  CHECK_FALSE(f.call(call));
  CHECK(was_sent);
  CHECK(f.rest.can_call_now("POST", "/channels/1/messages"));
}

TEST_CASE("files come from Discord's hosts alone, without the token") {
  Fixture f;
  f.replies.push_back(reply(200, "picture"));
  const auto get = [&](const std::string& url, std::size_t most) {
    return run_task(f.loop, f.rest.download(url, most, Deadline::in(5s)));
  };
  CHECK(get(f.server.url() + "/attachments/1/a.png?ex=1&hm=2#x", 100) == "picture");
  CHECK(f.calls[0].target == "/attachments/1/a.png?ex=1&hm=2");
  CHECK_FALSE(f.calls[0].headers.contains("authorization"));
  f.replies.push_back(reply(200, "picture"));
  CHECK(get(f.server.url() + "/a", 3).error().kind == ErrorKind::limit);
  f.replies.push_back(reply(404, ""));
  CHECK(get(f.server.url() + "/a", 3).error().kind == ErrorKind::not_found);
  for (const std::string url :
       {"https://example.com/a", "http://cdn.discordapp.com/a", "https://cdn.discordapp.com:444/a",
        "https://cdn.discordapp.com.example.com/a", "https://user@cdn.discordapp.com/a", "file:///etc/passwd", "", "/a",
        "http://127.0.0.1:1/a"}) {
    CAPTURE(url);
    CHECK_FALSE(get(url, 100));
  }
  CHECK(f.calls.size() == 3);
}
