#include "channels/discord/members/members.h"

#include <doctest/doctest.h>
#include <spdlog/sinks/ostream_sink.h>
#include <spdlog/spdlog.h>

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <sstream>
#include <string>
#include <vector>

#include "support/discord/discord_simulator.h"
#include "support/run_task.h"

using namespace usher;
using namespace usher::discord;
using namespace std::chrono_literals;
using usher::testing::DiscordSimulator;
using usher::testing::run_task;
using Roles = std::vector<channel::GuildRoles>;

namespace {

const std::string kAsk = "GET /guilds/:guild/members/:user";

struct Fixture {
  explicit Fixture(std::chrono::seconds cache = 60s) {
    guild = simulator.options().guild;
    options.name = "shop";
    options.role_guilds = {guild};
    options.roles = {"601"};
    options.role_cache = cache;
    rest = std::make_unique<Rest>(*http, Secret(simulator.options().token), simulator.api_root(), "shop");
    members = std::make_unique<Members>(*rest, options);
  }
  Result<Roles> roles_of(const std::string& user, std::chrono::milliseconds limit = 5s) {
    return run_task(loop, members->roles_of(user, Deadline::in(limit)));
  }

  asio::io_context loop{1};
  DiscordSimulator simulator{loop.get_executor()};
  std::unique_ptr<net::HttpClient> http = net::make_http_client(loop.get_executor());
  DiscordOptions options;
  std::unique_ptr<Rest> rest;
  std::unique_ptr<Members> members;
  std::string guild;
};

// What is logged while it lives.
class Logged {
 public:
  Logged() {
    spdlog::set_default_logger(
        std::make_shared<spdlog::logger>("", std::make_shared<spdlog::sinks::ostream_sink_st>(text_)));
  }
  ~Logged() { spdlog::set_default_logger(before_); }
  bool has(const std::string& words) const { return text_.str().find(words) != std::string::npos; }

 private:
  std::ostringstream text_;
  std::shared_ptr<spdlog::logger> before_ = spdlog::default_logger();
};

}  // namespace

TEST_CASE("the roles of whoever is a member are known, briefly") {
  Fixture f;
  f.simulator.set_member(f.guild, "77", {"501", "502"});
  const Result<Roles> held = f.roles_of("77");
  REQUIRE(held);
  REQUIRE(held->size() == 1);
  CHECK((*held)[0].guild == f.guild);
  CHECK((*held)[0].roles == std::vector<std::string>{"501", "502"});
  f.simulator.set_member(f.guild, "77", {});
  CHECK(f.roles_of("77")->front().roles.size() == 2);
  CHECK(f.simulator.count(kAsk) == 1);
  f.members->forget("77");
  CHECK(f.roles_of("77")->front().roles.empty());
  CHECK(f.simulator.count(kAsk) == 2);
}

TEST_CASE("while a guild is still to be told of that may have roles that count, nobody's roles are known") {
  Fixture f;
  f.simulator.set_member(f.guild, "77", {"601"});
  f.members->begin(json::parse(R"({"guilds":[{"id":"1","unavailable":true},{"id":"2"},{"id":"x"},3]})"));
  CHECK_FALSE(f.roles_of("77"));
  f.members->learn(json::parse(R"({"id":"1","roles":[{"id":"600"}]})"));
  CHECK_FALSE(f.roles_of("77"));
  SUBCASE("until the last has come") { f.members->learn(json::parse(R"({"id":"2","roles":[]})")); }
  SUBCASE("until it is gone") { f.members->leave("2"); }
  SUBCASE("until the role has its guild") {
    f.members->begin(json::parse(R"({"guilds":[{"id":"3"}]})"));
    f.members->learn(json::parse(R"({"id":")" + f.guild + R"(","roles":[{"id":"601"}]})"));
  }
  CHECK(f.roles_of("77"));
}

TEST_CASE("a role of the config that no server has is named, once all shards' servers have been told of") {
  Fixture f;
  const Logged log;
  f.members->begin(json::parse(R"({"guilds":[{"id":"1"},{"id":"2"}],"shard":[0,2]})"));
  f.members->learn(json::parse(R"({"id":"1","roles":[{"id":"600"}]})"));
  f.members->learn(json::parse(R"({"id":"2","roles":[{"id":"602"}]})"));
  CHECK_FALSE(log.has("601"));
  f.members->begin(json::parse(R"({"guilds":[{"id":"3"}],"shard":[1,2]})"));
  CHECK_FALSE(log.has("601"));
  SUBCASE("it is nowhere") {
    f.members->learn(json::parse(R"({"id":"3","roles":[{"id":"603"}]})"));
    CHECK(log.has("no server of the bot has a role 601"));
  }
  SUBCASE("it is there") {
    f.members->learn(json::parse(R"({"id":"3","roles":[{"id":"601"}]})"));
    CHECK_FALSE(log.has("no server"));
  }
}

TEST_CASE("after its time what was known is asked again") {
  Fixture f(0s);
  f.simulator.set_member(f.guild, "77", {"501"});
  CHECK(f.roles_of("77"));
  CHECK(f.roles_of("77"));
  CHECK(f.simulator.count(kAsk) == 2);
}

TEST_CASE("whoever is no member has no roles, and that is an answer") {
  Fixture f;
  const Result<Roles> held = f.roles_of("78");
  REQUIRE(held);
  CHECK(held->empty());
}

TEST_CASE("any other failure is an error and is not remembered") {
  Fixture f;
  f.simulator.set_member(f.guild, "77", {"501"});
  SUBCASE("a server's page") { f.simulator.server_error(kAsk); }
  SUBCASE("no access") { f.simulator.refuse(kAsk, 403, 50001, "Missing Access"); }
  SUBCASE("no such guild") { f.simulator.refuse(kAsk, 404, 10004, "Unknown Guild"); }
  SUBCASE("a 404 that is not about the member") { f.simulator.refuse(kAsk, 404, 0, "404: Not Found"); }
  SUBCASE("a limit that outlasts the deadline") { f.simulator.too_many(kAsk, "shared", 60); }
  SUBCASE("another member") {
    usher::testing::HttpReply other;
    other.body = R"({"user":{"id":"99"},"roles":["501"]})";
    f.simulator.fault(kAsk, other);
  }
  CHECK_FALSE(f.roles_of("77", 1s));
  CHECK_FALSE(f.roles_of("../77"));
}

TEST_CASE("a guild is learned when roles that matter are its own") {
  Fixture f;
  const std::string other = f.simulator.add_guild();
  f.simulator.set_member(other, "77", {"601"});
  CHECK(f.roles_of("77")->empty());
  f.members->learn({{"id", other}, {"roles", {{{"id", "1"}}, {{"id", "602"}}}}});
  CHECK(f.roles_of("77")->empty());
  f.members->learn({{"id", other}, {"roles", {{{"id", "1"}}, {{"id", "601"}}}}});
  const Result<Roles> held = f.roles_of("77");
  REQUIRE(held);
  REQUIRE(held->size() == 1);
  CHECK((*held)[0].guild == other);
}

TEST_CASE("a guild that the bot has left gives no roles, and keeps nobody's other roles from being known") {
  Fixture f;
  const std::string other = f.simulator.add_guild();
  f.simulator.set_member(f.guild, "77", {"501"});
  f.simulator.set_member(other, "77", {"601"});
  f.members->learn({{"id", other}, {"roles", {{{"id", "601"}}}}});
  SUBCASE("one that is configured") {
    f.members->leave(f.guild);
    for (const auto& [status, code] : {std::pair(404, 10004), std::pair(403, 50001)}) {
      f.members->forget("77");
      f.simulator.refuse(kAsk, status, code, "Not there");
      const Result<Roles> held = f.roles_of("77");
      REQUIRE(held);
      REQUIRE(held->size() == 1);
      CHECK((*held)[0].guild == other);
    }
    f.members->forget("77");
    f.simulator.server_error(kAsk);
    CHECK_FALSE(f.roles_of("77"));         // that is no answer all the same
    CHECK(f.roles_of("77")->size() == 2);  // it is there again
    f.members->forget("77");
    f.simulator.refuse(kAsk, 404, 10004, "Unknown Guild");
    CHECK_FALSE(f.roles_of("77"));  // as before it was left
  }
  SUBCASE("one that was learned") {
    f.members->leave(other);
    CHECK(f.roles_of("77")->size() == 1);
    CHECK(f.simulator.count(kAsk) == 1);
    CHECK(f.members->learned().empty());
  }
}

TEST_CASE("a guild that READY no longer names was left meanwhile, if it is of that shard") {
  Fixture f;
  const std::string here = std::to_string(7ull << 22), elsewhere = std::to_string(8ull << 22);
  f.members->recall({here, elsewhere});
  json::object ready{{"shard", {1, 2}}, {"guilds", {{{"id", here}, {"unavailable", true}}}}};
  f.members->begin(ready);
  CHECK(f.members->learned() == std::vector<std::string>{here, elsewhere});
  ready["guilds"] = json::array();
  f.members->begin(ready);
  CHECK(f.members->learned() == std::vector<std::string>{elsewhere});
  ready.erase("guilds");  // RESUMED names none
  ready["shard"] = {0, 2};
  f.members->begin(ready);
  CHECK(f.members->learned() == std::vector<std::string>{elsewhere});
}

TEST_CASE("no more than sixteen guilds are asked") {
  Fixture f;
  for (int i = 0; i < 30; ++i) {
    f.members->learn({{"id", f.simulator.add_guild()}, {"roles", {{{"id", "601"}}}}});
  }
  CHECK(f.roles_of("77"));
  CHECK(f.simulator.count(kAsk) == 16);
}

TEST_CASE("many who ask for one person share one call, and one who gives up takes it from nobody") {
  Fixture f;
  f.simulator.set_member(f.guild, "77", {"501"});
  std::vector<Result<Roles>> results;
  asio::cancellation_signal abandon;
  const auto ask = [&] { return f.members->roles_of("77", Deadline::in(5s)); };
  bool is_abandoned = false;
  SUBCASE("all wait") {}
  SUBCASE("the first gives up") { is_abandoned = true; }
  asio::co_spawn(f.loop, ask(),
                 asio::bind_cancellation_slot(abandon.slot(), [&](std::exception_ptr error, Result<Roles> held) {
                   if (!error && !is_abandoned) results.push_back(std::move(held));
                 }));
  for (int i = 0; i < 4; ++i) {
    asio::co_spawn(f.loop, ask(), [&](std::exception_ptr error, Result<Roles> held) {
      if (!error) results.push_back(std::move(held));
    });
  }
  f.loop.restart();
  f.loop.poll();
  if (is_abandoned) abandon.emit(asio::cancellation_type::terminal);
  const std::size_t expected = is_abandoned ? 4 : 5;
  for (int i = 0; i < 1000 && results.size() < expected; ++i) {
    f.loop.restart();
    f.loop.run_one_for(5ms);
  }
  REQUIRE(results.size() == expected);
  for (const Result<Roles>& held : results) CHECK(held->front().roles.size() == 1);
  CHECK(f.simulator.count(kAsk) <= 2);
  if (!is_abandoned) CHECK(f.simulator.count(kAsk) == 1);
}
