// All shards of a bot: how many, where, when, and what the bookmark holds.
#include "channels/discord/shards/shards.h"

#include "discord/shards/shard_fixture.h"
#include "net/http_client.h"
#include "support/fakes/fake_bookmark.h"
#include "support/http/http_server.h"

namespace usher::discord {
namespace {

using testing::HttpCall;
using testing::HttpReply;
using testing::HttpServer;

struct ShardsFixture {
  explicit ShardsFixture(int count) {
    options.name = "shop";
    options.token = Secret("a.bot.token");
    options.api_root = api.url();
    options.shards = count;
    options.first_backoff = 4ms;
    options.max_backoff = 20ms;
    http = net::make_http_client(loop.get_executor());
    rest.emplace(*http, options.token, options.api_root, options.name);
    shards.emplace(*rest, *connector, bookmark, options);
  }
  ~ShardsFixture() {
    if (is_running) stop();
  }

  void start() {
    is_running = true;
    auto sink = [this](std::string_view type, const json::value& data) { return take(this, std::string(type), data); };
    auto recall = [this](const std::vector<std::string>& guilds) { learned = guilds; };
    ShardsCallbacks callbacks{[this](std::string_view type) { return wants_messages || type != "MESSAGE_CREATE"; },
                              sink, [this] { return learned; }, recall, [this] { return previews; }};
    asio::co_spawn(loop, shards->run(std::move(callbacks)), [this](std::exception_ptr error) {
      is_running = false;
      run_error = error;
    });
  }
  bool stop() {
    shards->stop();
    return run_until([&] { return !is_running; });
  }
  static Task<Result<void>> take(ShardsFixture* self, std::string type, const json::value&) {
    if (self->shards->identity()) self->types.push_back(std::move(type));
    co_return Result<void>{};
  }
  static Task<HttpReply> answer(ShardsFixture* self, HttpCall call) {
    self->calls.push_back(call.target);
    HttpReply reply = self->reply;
    if (reply.body.empty()) {
      reply.body =
          R"({"url":")" + self->gateway.server.url() + R"(","shards":3,"session_start_limit":)" + self->limits + "}";
    }
    co_return reply;
  }
  bool run_until(const std::function<bool()>& done, std::chrono::milliseconds limit_time = 10s) {
    const Deadline deadline = Deadline::in(limit_time);
    while (!done()) {
      if (deadline.has_passed()) return false;
      loop.restart();
      loop.run_one_for(5ms);
    }
    return true;
  }
  // Which shards have identified, as Discord heard it.
  std::vector<std::string> identified() const {
    std::vector<std::string> out;
    for (const FakeGateway::Connection& connection : gateway.connections) {
      for (const json::value& message : connection.received) {
        if (message.at("op") == static_cast<int>(kIdentify))
          out.push_back(json::serialize(message.at("d").at("shard")));
      }
    }
    std::ranges::sort(out);
    return out;
  }

  asio::io_context loop{1};
  FakeGateway gateway{loop};
  HttpReply reply;  // with a body: instead of the usual one
  std::string limits = R"({"total":1000,"remaining":1000,"reset_after":1000,"max_concurrency":16})";
  std::vector<std::string> calls;
  HttpServer api{loop.get_executor(), [this](HttpCall call) { return answer(this, std::move(call)); }};
  std::unique_ptr<net::WebSocketConnector> connector = net::make_websocket_connector(loop.get_executor());
  std::unique_ptr<net::HttpClient> http;
  testing::FakeBookmark bookmark;
  DiscordOptions options;
  std::optional<Rest> rest;
  std::optional<Shards> shards;
  bool is_running = false, wants_messages = true;
  std::exception_ptr run_error;
  std::vector<std::string> types, learned;
  Standing previews;
};

using Lines = std::vector<std::string>;

TEST_CASE("as many shards run as are configured, or as Discord recommends") {
  ShardsFixture two(2), automatic(0);
  two.start();
  CHECK(two.run_until([&] { return two.types.size() == 2; }));
  CHECK(two.identified() == Lines{"[0,2]", "[1,2]"});
  CHECK(two.calls == Lines{"/gateway/bot"});
  CHECK(two.shards->health() == "");
  automatic.start();
  CHECK(automatic.run_until([&] { return automatic.types.size() == 3; }));
  CHECK(automatic.identified() == Lines{"[0,3]", "[1,3]", "[2,3]"});
}

TEST_CASE("all shards resume from one bookmark after a restart, and know who they are") {
  std::string bookmarked;
  {
    ShardsFixture f(2);
    f.learned = {"5"};
    f.start();
    REQUIRE(f.run_until([&] { return f.types.size() == 2; }));
    CHECK(f.stop());
    CHECK(f.run_error == nullptr);
    bookmarked = f.bookmark.place;
  }
  std::optional<Places> places = decode_places(bookmarked, true);
  REQUIRE(places.has_value());
  REQUIRE(places->shards.size() == 2);
  ShardsFixture next(2);
  for (auto& [id, place] : places->shards) place.resume_url = next.gateway.server.url();
  next.bookmark.place = encode_places(*places);
  next.start();
  CHECK(next.run_until([&] { return next.types == Lines{"RESUMED", "RESUMED"}; }));
  CHECK(next.identified().empty());
  CHECK(next.shards->identity()->bot_id == "77");
  CHECK(next.learned == Lines{"5"});
}

TEST_CASE("a session's first place is kept at once, later ones together, and the last when it ends") {
  ShardsFixture f(1);
  f.options.place_interval = 1h;
  f.start();
  const auto seq = [&] { return f.bookmark.place.empty() ? -1 : decode_places(f.bookmark.place, true)->shards[0].seq; };
  REQUIRE(f.run_until([&] { return seq() == 1; }));
  for (int i = 0; i < 50; ++i) f.gateway.message("hi");
  REQUIRE(f.run_until([&] { return f.types.size() == 51; }));
  CHECK(f.bookmark.writes == 1);
  f.gateway.last().peer->cut();
  REQUIRE(f.run_until([&] { return f.types.back() == "RESUMED"; }));
  CHECK(seq() == 52);
  f.gateway.message("the last");
  REQUIRE(f.run_until([&] { return f.types.size() == 53; }));
  CHECK(seq() == 52);
  CHECK(f.stop());
  CHECK(seq() == 53);
}

TEST_CASE("places that moved since are kept within their interval, wanted and unwanted events alike") {
  ShardsFixture f(1);
  f.options.place_interval = 20ms;
  f.wants_messages = false;
  f.start();
  REQUIRE(f.run_until([&] { return f.bookmark.writes == 1; }));
  for (int i = 0; i < 50; ++i) f.gateway.message("for others");
  CHECK(f.run_until([&] { return decode_places(f.bookmark.place, true)->shards[0].seq == 51; }));
  CHECK(f.bookmark.writes < 25);
}

TEST_CASE("previews that stand are kept beside the places, and known before the channel runs") {
  ShardsFixture f(1);
  f.options.place_interval = 5ms;
  f.start();
  REQUIRE(f.run_until([&] { return f.bookmark.writes == 1; }));
  CHECK(f.shards->previews_left().empty());
  f.previews = {{"answer-1", "55"}};
  f.shards->previews_changed();
  CHECK(f.run_until([&] { return f.shards->previews_left() == f.previews; }));
  CHECK(f.stop());
  f.previews = {};  // sent after the channel has stopped
  f.shards->previews_changed();
  CHECK(f.shards->previews_left().empty());
}

TEST_CASE("a bookmark of another number of shards, or one that is none, is not used") {
  for (const bool is_garbage : {false, true}) {
    ShardsFixture f(1);
    f.bookmark.place = encode_places({3, "", {"77", "78"}, {}, {{0, {"s", f.gateway.server.url(), 5}}}});
    if (is_garbage) f.bookmark.place.pop_back();
    f.start();
    CHECK(f.run_until([&] { return f.types == Lines{"READY"}; }));
    CHECK(f.gateway.count(kResume) == 0);
    CHECK(decode_places(f.bookmark.place, true)->count == 1);
  }
}

TEST_CASE("a session that was begun with other intents or roles is not resumed: it would go on with those") {
  std::string bookmarked;
  for (const int change : {0, 1, 2}) {
    ShardsFixture f(1);
    if (change == 1) f.options.intents |= 2;
    if (change == 2) f.options.roles = {"55"};
    if (change > 0) {
      Places places = *decode_places(bookmarked, true);
      places.shards[0].resume_url = f.gateway.server.url();
      f.bookmark.place = encode_places(places);
    }
    f.start();
    CHECK(f.run_until([&] { return f.types == Lines{"READY"}; }));
    CHECK(f.stop());
    if (change == 0) bookmarked = f.bookmark.place;
  }
}

TEST_CASE("while Discord does not say where to connect, it is asked again, and health says so") {
  ShardsFixture f(1);
  f.reply.status = 502;
  f.reply.body = "<html>Bad Gateway</html>";
  f.start();
  REQUIRE(f.run_until([&] { return f.calls.size() >= 2; }));
  CHECK(f.shards->health().find("502") != std::string::npos);
  f.reply = {};
  CHECK(f.run_until([&] { return f.types == Lines{"READY"}; }));
  CHECK(f.shards->health() == "");
}

TEST_CASE("a refused token is reported") {
  ShardsFixture f(1);
  f.reply.status = 401;
  f.reply.body = R"({"message":"401: Unauthorized","code":0})";
  f.start();
  CHECK(f.run_until([&] { return !f.shards->health().empty(); }));
  CHECK(f.shards->health().find("token") != std::string::npos);
  CHECK(f.gateway.connections.empty());
}

TEST_CASE("no session begins when the day's are used up, and health says when the next may") {
  ShardsFixture f(1);
  f.limits = R"({"total":1000,"remaining":0,"reset_after":5400000,"max_concurrency":1})";
  f.start();
  REQUIRE(f.run_until([&] { return !f.shards->health().empty(); }));
  CHECK(f.shards->health().find("90 min") != std::string::npos);
  CHECK(f.gateway.connections.empty());
  CHECK(f.stop());
}

TEST_CASE("one shard refused for good ends all of this bot, which then waits to be stopped") {
  ShardsFixture f(2);
  f.start();
  REQUIRE(f.run_until([&] { return f.types.size() == 2; }));
  f.gateway.connections[0].peer->close(4014);
  REQUIRE(f.run_until([&] { return f.gateway.connections[1].is_closed; }));
  CHECK(f.shards->health().find("MESSAGE CONTENT INTENT") != std::string::npos);
  CHECK(f.is_running);
  CHECK(f.stop());
  CHECK(f.gateway.connections.size() == 2);
}

TEST_CASE("stop ends a bot that waits for an answer of Discord's") {
  ShardsFixture f(1);
  f.reply.hang = true;
  f.start();
  REQUIRE(f.run_until([&] { return f.calls.size() == 1; }));
  f.shards->stop();
  CHECK(f.run_until([&] { return !f.is_running; }, 1s));
}

}  // namespace
}  // namespace usher::discord
