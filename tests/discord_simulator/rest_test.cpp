// What discord.js hides from its users: pings, nonces, buckets, bans, the clock of interactions.
#include <doctest/doctest.h>

#include <boost/asio/io_context.hpp>

#include "net/http_client.h"
#include "support/discord/discord_simulator.h"
#include "support/run_task.h"

using namespace usher;
using namespace usher::testing;

namespace {

struct Fixture {
  explicit Fixture(DiscordSimulatorOptions options = {}) : discord(simulators.executor(), std::move(options)) {
    root = *net::parse_endpoint(discord.api_root());
    client_options.user_agent = "DiscordBot (https://example.org, 1)";
  }

  Result<net::HttpResponse> try_call(const std::string& method, const std::string& target, const std::string& body,
                                     const std::string& token = "") {
    asio::io_context loop(1);
    const auto client = net::make_http_client(loop.get_executor(), client_options);
    net::HttpRequest request;
    request.endpoint = &root;
    request.method = method;
    request.target = target;
    request.headers = {{"Authorization", "Bot " + (token.empty() ? discord.options().token : token)}};
    request.body = body;
    request.keeps_headers = true;
    return run_task(loop, client->send(std::move(request), Deadline::in(std::chrono::seconds(5))));
  }
  net::HttpResponse call(const std::string& method, const std::string& target, const std::string& body = "",
                         const std::string& token = "") {
    const Result<net::HttpResponse> answer = try_call(method, target, body, token);
    REQUIRE(answer.has_value());
    return *answer;
  }
  net::HttpResponse send(const std::string& body) { return call("POST", messages, body); }

  SimulatorThread simulators;
  DiscordSimulator discord;
  net::Endpoint root;
  net::HttpClientOptions client_options;
  std::string messages = "/channels/" + discord.options().channel + "/messages";
};

std::int64_t code_of(const net::HttpResponse& answer) {
  const Result<json::value> body = parse_json(answer.body);
  return body ? integer_at(&*body, "code").value_or(0) : -1;
}

std::string header(const net::HttpResponse& answer, const std::string& name) {
  for (const net::Header& header : answer.headers) {
    if (header.name == name) return header.value;
  }
  return "";
}

}  // namespace

TEST_CASE("a message pings whom allowed_mentions lets it, by create and by edit") {
  Fixture f;
  const std::string text = R"("content":"@everyone <@7> <@&8>")";
  const auto pinged = [&](const std::string& allowed) {
    const net::HttpResponse answer = f.send("{" + text + allowed + "}");
    REQUIRE(answer.status == 200);
    return f.discord.sent().back().pinged;
  };
  using Names = std::vector<std::string>;
  CHECK(pinged("") == Names{"everyone", "7", "&8"});
  CHECK(pinged(R"(,"allowed_mentions":{"parse":[]})") == Names{});
  CHECK(pinged(R"(,"allowed_mentions":{"parse":["roles"],"users":["7"]})") == Names{"7", "&8"});
  CHECK(code_of(f.send("{" + text + R"(,"allowed_mentions":{"parse":["users"],"users":["7"]}})")) == 50035);

  REQUIRE(f.send(R"({"content":"quiet","allowed_mentions":{"parse":[]}})").status == 200);
  const std::string edited = f.messages + "/" + f.discord.sent().back().id;
  REQUIRE(f.call("PATCH", edited, R"({"content":"@here","allowed_mentions":{"parse":[]}})").status == 200);
  CHECK(f.discord.sent().back().pinged.empty());
  REQUIRE(f.call("PATCH", edited, R"({"content":"@here"})").status == 200);
  CHECK(f.discord.sent().back().pinged == Names{"here"});
}

TEST_CASE("an enforced nonce makes create idempotent, also when the answer was lost") {
  Fixture f;
  const std::string body = R"({"content":"once","nonce":"a-0","enforce_nonce":true})";
  f.discord.lose_answer("POST /channels/:channel/messages");
  CHECK_FALSE(f.try_call("POST", f.messages, body).has_value());
  const net::HttpResponse again = f.send(body);
  CHECK(again.status == 200);
  REQUIRE(f.discord.sent().size() == 1);
  CHECK(parse_json(again.body)->at("id") == f.discord.sent()[0].id.c_str());
  f.send(R"({"content":"once","nonce":"a-0"})");
  CHECK(f.discord.sent().size() == 2);
  CHECK(code_of(f.send(R"({"content":"x","nonce":"12345678901234567890123456"})")) == 50035);
}

TEST_CASE("buckets are of route and major parameter, and say what is left of them") {
  DiscordSimulatorOptions options;
  options.limits["POST /channels/:channel/messages"] = {2, std::chrono::minutes(1), ""};
  Fixture f(options);
  const net::HttpResponse first = f.send(R"({"content":"1"})");
  CHECK(header(first, "x-ratelimit-remaining") == "1");
  CHECK(header(first, "x-ratelimit-bucket") != "");
  f.send(R"({"content":"2"})");
  const net::HttpResponse third = f.send(R"({"content":"3"})");
  CHECK(third.status == 429);
  CHECK(header(third, "x-ratelimit-scope") == "user");
  CHECK(header(third, "retry-after") == "60");
  CHECK(parse_json(third.body)->at("retry_after").as_double() > 50);
  const std::string other = "/channels/" + f.discord.add_channel(f.discord.options().guild) + "/messages";
  CHECK(f.call("POST", other, R"({"content":"4"})").status == 200);
  CHECK(f.discord.refused_calls() == 1);
}

TEST_CASE("the global limit holds for all routes but interactions; too many refusals end in a ban") {
  DiscordSimulatorOptions options;
  options.calls_per_second = 1;
  options.ban_after = 3;
  Fixture f(options);
  CHECK(f.call("GET", "/users/@me").status == 200);
  const net::HttpResponse refused = f.call("GET", "/users/@me");
  CHECK(refused.status == 429);
  CHECK(header(refused, "x-ratelimit-global") == "true");
  CHECK(f.call("POST", "/interactions/1/x/callback", R"({"type":5})").status == 404);
  CHECK(code_of(f.call("GET", "/users/@me", "", "no")) == 0);
  CHECK(f.call("GET", "/users/@me", "", "no").status == 401);
  const net::HttpResponse banned = f.call("GET", "/gateway");
  CHECK(banned.status == 429);
  CHECK(banned.content_type == "text/html");
}

TEST_CASE("an interaction is acknowledged once, in time, and followed up while its token lives") {
  DiscordSimulatorOptions options;
  options.acknowledge_within = std::chrono::seconds(30);
  Fixture f(options);
  const auto ask = [&] { return f.discord.command({.user = "7", .name = "ask"}); };
  const auto text_of = [&](const std::string& id, const char* name) {
    return std::string(f.discord.interaction(id).at(name).as_string());
  };
  const std::string id = ask();
  const std::string callback = "/interactions/" + id + "/" + text_of(id, "token") + "/callback";
  const std::string hook = "/webhooks/" + options.application + "/" + text_of(id, "token");
  CHECK(code_of(f.call("POST", hook, R"({"content":"early"})")) == 10015);
  CHECK(f.call("POST", callback, R"({"type":5,"data":{"flags":64}})").status == 204);
  CHECK(code_of(f.call("POST", callback, R"({"type":5})")) == 40060);
  CHECK(f.call("POST", hook, R"({"content":"fills the loading message"})").status == 200);
  CHECK(f.call("POST", hook, R"({"content":"another"})").status == 200);
  REQUIRE(f.discord.sent().size() == 2);
  CHECK(f.discord.sent()[0].is_ephemeral());
  CHECK_FALSE(f.discord.sent()[1].is_ephemeral());
  CHECK(f.call("PATCH", hook + "/messages/@original", R"({"content":"edited"})").status == 200);
  CHECK(f.discord.sent()[0].content == "edited");
  f.discord.age_interaction(id, std::chrono::minutes(16));
  CHECK(code_of(f.call("PATCH", hook + "/messages/@original", R"({"content":"late"})")) == 50027);

  const std::string late = ask();
  f.discord.age_interaction(late, std::chrono::seconds(31));
  const std::string late_callback = "/interactions/" + late + "/" + text_of(late, "token") + "/callback";
  CHECK(code_of(f.call("POST", late_callback, R"({"type":5})")) == 10062);
}

TEST_CASE("an edit of a message older than an hour is refused with 30046") {
  Fixture f;
  f.send(R"({"content":"old"})");
  const std::string id = f.discord.sent().back().id;
  f.discord.age_message(id, std::chrono::hours(2));
  const net::HttpResponse answer = f.call("PATCH", f.messages + "/" + id, R"({"content":"new"})");
  CHECK(answer.status == 429);
  CHECK(code_of(answer) == 30046);
}
