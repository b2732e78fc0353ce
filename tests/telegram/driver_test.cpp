// The channel against the Bot API simulator over loopback sockets, both on one event loop.
#include <doctest/doctest.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "channels/telegram/telegram.h"
#include "net/http_client.h"
#include "support/fakes/fake_passage.h"
#include "support/run_task.h"
#include "support/telegram/telegram_simulator.h"

using namespace usher;
using namespace usher::telegram;
using namespace std::chrono_literals;
using usher::testing::HttpReply;
using usher::testing::TelegramSimulator;

namespace {

// A channel that polls a simulator, and an inbox that records what it was offered.
struct Fixture {
  explicit Fixture(std::function<void(TelegramOptions&)> change = {}) {
    TelegramOptions options;
    options.name = "shop";
    options.tenant = "acme";
    options.token = Secret(simulator.token());
    options.api_root = simulator.api_root();
    options.poll_timeout = 5s;
    options.first_backoff = 4ms;
    options.max_backoff = 20ms;
    options.refused_wait = 10ms;
    if (change) change(options);
    channel = make_telegram(*http, options);
  }
  ~Fixture() {
    if (!is_running) return;
    channel->stop();
    run_until([&] { return !is_running; });
  }

  void start() {
    is_running = true;
    asio::co_spawn(loop,
                   channel->run([this](std::vector<channel::Incoming> batch) { return take(this, std::move(batch)); }),
                   [this](std::exception_ptr error) {
                     is_running = false;
                     run_error = error;
                   });
  }

  static Task<Result<channel::TakenIn>> take(Fixture* self, std::vector<channel::Incoming> batch) {
    ++self->offers;
    if (self->before_intake) self->before_intake();
    if (self->intake_error) co_return fail(*self->intake_error);
    for (channel::Incoming& message : batch) self->taken.push_back(std::move(message));
    co_return channel::TakenIn{.fresh = batch.size()};
  }

  bool run_until(const std::function<bool()>& done, std::chrono::milliseconds limit = 5s) {
    const auto end = std::chrono::steady_clock::now() + limit;
    while (!done()) {
      if (std::chrono::steady_clock::now() > end) return false;
      loop.restart();
      loop.run_one_for(5ms);
    }
    return true;
  }

  Result<channel::Delivery> send(const std::string& chat, const std::string& text, const std::string& thread = "",
                                 const std::string& reply_to = "", std::chrono::milliseconds limit = 5s) {
    std::optional<Result<channel::Delivery>> result;
    const channel::Outgoing message{chat, thread, reply_to, !reply_to.empty(), text, {}, "id-1"};
    testing::FakePassage passage;
    asio::co_spawn(loop, channel->send(message, passage, Deadline::in(limit)),
                   [&](std::exception_ptr, Result<channel::Delivery> r) { result.emplace(std::move(r)); });
    run_until([&] { return result.has_value(); });
    REQUIRE(result.has_value());
    return *result;
  }

  // The texts taken so far.
  std::vector<std::string> texts() const {
    std::vector<std::string> out;
    for (const channel::Incoming& message : taken) out.push_back(message.text);
    return out;
  }

  asio::io_context loop{1};
  TelegramSimulator simulator{loop.get_executor()};
  std::unique_ptr<net::HttpClient> http = net::make_http_client(loop.get_executor());
  std::unique_ptr<channel::Channel> channel;
  bool is_running = false;
  std::exception_ptr run_error;
  int offers = 0;
  std::vector<channel::Incoming> taken;
  std::optional<Error> intake_error;
  std::function<void()> before_intake;
};

using Texts = std::vector<std::string>;

HttpReply page(int status, std::string body, std::string type = "text/html") {
  HttpReply reply;
  reply.status = status;
  reply.body = std::move(body);
  reply.content_type = std::move(type);
  return reply;
}

}  // namespace

TEST_CASE("an update is confirmed only after the inbox has taken it") {
  Fixture f;
  const std::int64_t id = f.simulator.private_message(7, "hello");
  std::int64_t confirmed_while_taking = -1;
  f.before_intake = [&] { confirmed_while_taking = f.simulator.confirmed_below(); };
  f.start();
  REQUIRE(f.run_until([&] { return f.simulator.confirmed_below() == id + 1; }));
  CHECK(confirmed_while_taking == 0);
  CHECK(f.texts() == Texts{"hello"});
  CHECK(f.taken[0].sender_id == "7");
  CHECK(f.simulator.unconfirmed().empty());
  CHECK(f.channel->health() == "");
  CHECK(f.channel->tenant() == "acme");
}

TEST_CASE("a batch that the inbox refuses is offered again, and nothing is polled or confirmed meanwhile") {
  Fixture f;
  const std::int64_t id = f.simulator.private_message(7, "one");
  f.simulator.private_message(7, "two");
  f.intake_error = Error{ErrorKind::limit, "full", std::nullopt};
  f.start();
  REQUIRE(f.run_until([&] { return f.offers >= 4; }));
  CHECK(f.simulator.count("getUpdates") == 1);
  CHECK(f.simulator.confirmed_below() == 0);
  CHECK(f.channel->health().find("full") != std::string::npos);
  f.intake_error.reset();
  REQUIRE(f.run_until([&] { return f.simulator.confirmed_below() == id + 2; }));
  CHECK(f.texts() == Texts{"one", "two"});
  CHECK(f.channel->health() == "");
}

TEST_CASE("messages come in order and a new poll goes out as soon as a batch is taken") {
  Fixture f;
  f.start();
  for (int i = 0; i < 30; ++i) {
    f.simulator.private_message(7, std::to_string(i));
    REQUIRE(f.run_until([&] { return f.taken.size() == static_cast<std::size_t>(i + 1); }));
  }
  for (int i = 0; i < 30; ++i) CHECK(f.taken[static_cast<std::size_t>(i)].text == std::to_string(i));
}

TEST_CASE("update ids that start anew are followed") {
  Fixture f;
  f.start();
  f.simulator.private_message(7, "old");
  REQUIRE(f.run_until([&] { return f.simulator.unconfirmed().empty() && f.taken.size() == 1; }));
  f.simulator.restart_update_ids(17);
  f.simulator.private_message(7, "new");
  REQUIRE(f.run_until([&] { return f.taken.size() == 2 && f.simulator.unconfirmed().empty(); }));
  CHECK(f.taken[1].platform_id == "17");
  CHECK(json::value(f.simulator.requests("getUpdates").back()).at("offset") == 18);
}

TEST_CASE("a replayed update is offered with its exact id, for the inbox to know it") {
  Fixture f;
  f.start();
  const std::int64_t id = f.simulator.private_message(7, "once");
  REQUIRE(f.run_until([&] { return f.taken.size() == 1; }));
  f.simulator.replay(id);
  REQUIRE(f.run_until([&] { return f.taken.size() == 2; }));
  CHECK(f.taken[0].platform_id == f.taken[1].platform_id);
}

TEST_CASE("conflicts, error pages, garbage, resets and cut answers are survived and reported") {
  const std::string conflict =
      R"({"ok":false,"error_code":409,"description":"Conflict: terminated by other getUpdates request"})";
  HttpReply cut = page(200, R"({"ok":true,"result":[]})"), reset, nonsense;
  cut.cut = true;
  reset.reset = true;
  nonsense.raw = "\x16\x03\x01 this is not HTTP\r\n\r\n";
  const std::vector<std::pair<std::string, HttpReply>> faults = {
      {"409", page(409, conflict, "application/json")},
      {"502", page(502, "<html>Bad Gateway</html>")},
      {"html in a 200", page(200, "<html>captive portal</html>")},
      {"empty", page(200, "")},
      {"no list", page(200, R"({"ok":true,"result":{}})", "application/json")},
      {"no ids", page(200, R"({"ok":true,"result":[{}]})", "application/json")},
      {"deep", page(200, R"({"ok":true,"result":)" + std::string(100'000, '['), "application/json")},
      {"cut", cut},
      {"reset", reset},
      {"nonsense", nonsense},
      {"429", page(429, R"({"ok":false,"error_code":429,"description":"x","parameters":{"retry_after":0}})",
                   "application/json")},
  };
  for (const auto& [name, reply] : faults) {
    CAPTURE(name);
    // Slow enough that the reported state can be seen.
    Fixture f([](TelegramOptions& o) { o.first_backoff = 30ms; });
    for (int i = 0; i < 2; ++i) f.simulator.fault("getUpdates", reply);
    f.simulator.private_message(7, "still here");
    f.start();
    CHECK(f.run_until([&] { return !f.channel->health().empty(); }));
    CHECK(f.channel->health().starts_with("since 2"));
    CHECK(f.run_until([&] { return f.taken.size() == 1; }));
    CHECK(f.channel->health() == "");
  }
}

TEST_CASE("a poll that never answers ends at its deadline, on a new connection") {
  Fixture f([](TelegramOptions& o) {
    o.poll_timeout = 0s;
    o.poll_grace = 50ms;
  });
  HttpReply hang;
  hang.hang = true;
  f.simulator.fault("getUpdates", hang);
  f.simulator.private_message(7, "after the hang");
  f.start();
  CHECK(f.run_until([&] { return f.taken.size() == 1; }));
}

TEST_CASE("the channel starts while Telegram is down and with a refused token") {
  Fixture f;
  f.simulator.fault("getMe", page(502, "<html>"));
  f.simulator.fault("getMe",
                    page(401, R"({"ok":false,"error_code":401,"description":"Unauthorized"})", "application/json"));
  f.simulator.private_message(7, "patience");
  f.start();
  REQUIRE(f.run_until(
      [&] { return f.simulator.count("getMe") == 2 && f.channel->health().find("token") != std::string::npos; }));
  CHECK(f.simulator.count("getUpdates") == 0);
  CHECK(f.run_until([&] { return f.taken.size() == 1; }));
}

TEST_CASE("a wrong token or address is reported, not fatal") {
  Fixture wrong([](TelegramOptions& o) { o.token = Secret("1:wrong"); });
  wrong.start();
  CHECK(wrong.run_until([&] { return wrong.channel->health().find("Unauthorized") != std::string::npos; }));
  Fixture broken([](TelegramOptions& o) { o.token = Secret("1:x\r\nHost: evil"); });
  broken.start();
  CHECK(broken.run_until([&] { return broken.channel->health().find("token") != std::string::npos; }));
  CHECK(broken.simulator.count("getMe") == 0);
}

TEST_CASE("a webhook left behind is removed once, keeping what waits") {
  Fixture f;
  f.simulator.set_webhook("https://old.example");
  f.simulator.private_message(7, "waited");
  f.start();
  REQUIRE(f.run_until([&] { return f.taken.size() == 1; }));
  CHECK(f.simulator.count("deleteWebhook") == 1);
  CHECK(f.simulator.requests("deleteWebhook")[0].at("drop_pending_updates") == false);
}

TEST_CASE("groups are gated by the name that getMe told") {
  Fixture f;
  f.start();
  f.simulator.group_message(7, -100, "just talking");
  f.simulator.group_message(7, -100, "@usher_test_bot what is up");
  f.simulator.group_message(7, -100, "/whoami@usher_test_bot");
  REQUIRE(f.run_until([&] { return f.simulator.unconfirmed().empty() && f.taken.size() >= 2; }));
  CHECK(f.texts() == Texts{"what is up", "/whoami"});
}

TEST_CASE("stop ends a waiting poll at once, and sending stays possible") {
  Fixture f([](TelegramOptions& o) { o.poll_timeout = 50s; });
  f.start();
  REQUIRE(f.run_until([&] { return f.simulator.count("getUpdates") == 1; }));
  f.channel->stop();
  CHECK(f.run_until([&] { return !f.is_running; }, 1s));
  CHECK(f.run_error == nullptr);
  CHECK(f.send("7", "good bye") == channel::Delivery::sent);
}

TEST_CASE("the commands are set beside polling, and failing to is nothing") {
  Fixture f;
  HttpReply hang;
  hang.hang = true;
  f.simulator.fault("setMyCommands", hang);
  f.simulator.private_message(7, "hi");
  f.start();
  CHECK(f.run_until([&] { return f.taken.size() == 1 && f.simulator.count("setMyCommands") == 1; }));
  f.channel->stop();
  CHECK(f.run_until([&] { return !f.is_running; }, 1s));
  // The hanging call was cancelled and joined: nothing on the loop knows the channel any more.
  f.channel.reset();
  f.http.reset();
  f.loop.restart();
  f.loop.run_for(5ms);
}

TEST_CASE("after an error the next poll goes out on a new connection, and only then") {
  Fixture f([](TelegramOptions& o) { o.sets_commands = false; });
  f.start();
  f.simulator.private_message(7, "one");
  REQUIRE(f.run_until([&] { return f.simulator.unconfirmed().empty() && f.taken.size() == 1; }));
  f.simulator.private_message(7, "two");
  REQUIRE(f.run_until([&] { return f.taken.size() == 2; }));
  CHECK(f.simulator.connections() == 1);
  f.simulator.fault("getUpdates", page(502, "<html>Bad Gateway</html>"));
  f.simulator.private_message(7, "three");
  REQUIRE(f.run_until([&] { return f.taken.size() == 3; }));
  f.simulator.private_message(7, "four");
  REQUIRE(f.run_until([&] { return f.taken.size() == 4; }));
  CHECK(f.simulator.connections() == 2);
}

TEST_CASE("several bots live side by side") {
  Fixture one, two;
  one.start();
  two.start();
  one.simulator.private_message(1, "for one");
  two.simulator.private_message(2, "for two");
  CHECK(one.run_until([&] { return one.taken.size() == 1; }));
  CHECK(two.run_until([&] { return two.taken.size() == 1; }));
}
