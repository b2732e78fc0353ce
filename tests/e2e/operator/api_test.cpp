// The HTTP API of a running gateway, from outside: operators' tokens, agents' tokens, events.
#include <doctest/doctest.h>

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/write.hpp>

#include "base/json.h"
#include "e2e/world.h"
#include "net/http_client.h"
#include "support/run_task.h"

namespace usher::e2e {
namespace {

using namespace std::literals;

struct Answer {
  int status = 0;
  json::object body;

  const json::value* member(const char* name) const { return body.if_contains(name); }
  std::string text(const char* name) const {
    const json::value* value = member(name);
    return value && value->is_string() ? std::string(value->get_string()) : "";
  }
};

// One caller of the API. Every call is a connection of its own.
class Caller {
 public:
  Caller(std::string url, std::string token, std::string ca_file = "")
      : url_(std::move(url)), token_(std::move(token)), ca_file_(std::move(ca_file)) {}

  Answer call(std::string_view method, const std::string& target, const std::string& body = "") const {
    asio::io_context loop(1);
    auto client = net::make_http_client(loop.get_executor(), {.extra_ca_file = ca_file_});
    Result<net::Endpoint> endpoint = net::parse_endpoint(url_);
    REQUIRE(endpoint);
    net::HttpRequest request{.endpoint = &*endpoint, .method = method, .target = target};
    if (!token_.empty()) request.headers.push_back({"Authorization", "Bearer " + token_});
    request.body = body;
    Result<net::HttpResponse> response = run_task(loop, client->send(std::move(request), Deadline::in(patience), {}));
    REQUIRE_MESSAGE(response, (response ? "" : response.error().message));
    Result<json::value> parsed = parse_json(response->body);
    REQUIRE_MESSAGE((parsed && parsed->is_object()), response->body);
    return {response->status, parsed->get_object()};
  }
  Answer get(const std::string& target) const { return call("GET", target); }
  Answer post(const std::string& target, const std::string& body) const { return call("POST", target, body); }
  Caller as(const std::string& token) const { return {url_, token, ca_file_}; }

 private:
  std::string url_, token_, ca_file_;
};

std::string make_token(World& world, const std::string& scope) {
  ProcessResult made = world.command({"token", "create", "--name", "test", "--scope", scope});
  REQUIRE_MESSAGE(made.status == 0, made.errors);
  REQUIRE(made.output.starts_with("ush_"));
  return made.output.substr(0, made.output.find('\n'));
}

struct Served {
  World world;
  explicit Served(const std::string& more = "") {
    world.configure(world.common_config() + World::shop_roles() + more);
    world.run();
  }
  Caller anybody() { return {world.api(), ""}; }
  Caller admin() { return {world.api(), make_token(world, "admin")}; }
};

constexpr const char* kAgentPolicy =
    R"({"allowed_actions":["crm:*:*","mail:send:*"],"denied_actions":["crm:drop:*"],"max_sensitivity_level":2})";

std::string agent_body(const std::string& policy) { return R"({"name":"crawler","policy":)" + policy + "}"; }
std::string event(const std::string& action, int sensitivity = 0) {
  return R"({"action":")" + action + R"(","target_resource":"customers","sensitivity":)" + std::to_string(sensitivity) +
         R"(,"metadata":{"why":"test"}})";
}

TEST_CASE("probes answer everybody, and nothing else does") {
  Served served;
  const Caller anybody = served.anybody();
  CHECK(anybody.get("/healthz").status == 200);
  CHECK(anybody.get("/readyz").status == 200);
  CHECK(anybody.get("/tokens").status == 401);
  CHECK(anybody.post("/tokens/agent", agent_body(kAgentPolicy)).status == 401);
  CHECK(anybody.post("/events", event("crm:read:all")).status == 401);
  CHECK(anybody.as("ush_" + std::string(43, 'A')).get("/tokens").status == 401);
  CHECK(anybody.get("/nothing").status == 404);
}

TEST_CASE("an agent does what its policy grants, and is told why not") {
  Served served;
  const Caller admin = served.admin();
  const Answer made = admin.post("/tokens/agent", agent_body(kAgentPolicy));
  REQUIRE(made.status == 201);
  CHECK(made.member("depth")->as_int64() == 0);
  const Caller agent = admin.as(made.text("token"));

  const Answer done = agent.post("/events", event("crm:read:all"));
  CHECK(done.status == 201);
  CHECK(agent.get("/events/" + done.text("id")).status == 200);
  const Answer denied = agent.post("/events", event("crm:drop:all"));
  CHECK(denied.status == 403);
  CHECK(denied.text("detail") == "Action 'crm:drop:all' denied: matched deny pattern 'crm:drop:*'");
  CHECK(agent.post("/events", event("crm:read:all", 3)).text("detail") ==
        "Action 'crm:read:all' denied: sensitivity 3 exceeds maximum 2");
  CHECK(agent.post("/events", event("Nonsense")).status == 422);
  CHECK(agent.get("/tokens").status == 403);  // an agent is no operator
}

TEST_CASE("a subagent never has more than its parent, also when the parent is tightened or revoked later") {
  Served served;
  const Caller admin = served.admin();
  const Answer made = admin.post("/tokens/agent", agent_body(kAgentPolicy));
  const Caller agent = admin.as(made.text("token"));

  const Answer greedy = agent.post(
      "/tokens/subagent", R"({"policy":{"allowed_actions":["crm:*:*","web:get:*"],"max_sensitivity_level":4}})");
  CHECK(greedy.status == 400);
  REQUIRE(greedy.member("violations"));
  CHECK(greedy.member("violations")->as_array().size() == 3);  // an action, a dropped denial, the level

  const std::string narrower =
      R"({"policy":{"allowed_actions":["crm:read:*"],"denied_actions":["crm:drop:*"],"max_sensitivity_level":1}})";
  const Answer child = agent.post("/tokens/subagent", narrower);
  REQUIRE(child.status == 201);
  CHECK(child.member("depth")->as_int64() == 1);
  const Caller subagent = admin.as(child.text("token"));
  CHECK(subagent.post("/events", event("crm:read:all")).status == 201);
  CHECK(subagent.post("/events", event("mail:send:all")).status == 403);

  const Answer tightened =
      admin.call("PUT", "/tokens/" + made.text("jti") + "/policy",
                 R"({"policy":{"allowed_actions":["mail:send:*"],"denied_actions":["crm:drop:*"]}})");
  CHECK(tightened.status == 200);
  const Answer bound = subagent.post("/events", event("crm:read:all"));
  CHECK(bound.status == 403);
  CHECK(bound.text("detail") == "Action 'crm:read:all' denied: matched no allow pattern");

  const Answer revoked = admin.call("DELETE", "/tokens/" + made.text("jti"));
  CHECK(revoked.status == 200);
  CHECK(revoked.member("revoked")->as_array().size() == 2);
  CHECK(subagent.post("/events", event("mail:send:all")).status == 401);
}

TEST_CASE("tokens, revocations and events survive kill -9, and the command's changes bind at once") {
  Served served;
  const Caller admin = served.admin();
  const Answer made = admin.post("/tokens/agent", agent_body(kAgentPolicy));
  const Answer other = admin.post("/tokens/agent", agent_body(kAgentPolicy));
  const Answer done = admin.as(made.text("token")).post("/events", event("crm:read:all"));
  REQUIRE(done.status == 201);
  CHECK(admin.call("DELETE", "/tokens/" + other.text("jti")).status == 200);
  served.world.kill();
  served.world.run();
  const Caller again = served.anybody();
  CHECK(again.as(made.text("token")).get("/events/" + done.text("id")).status == 200);
  CHECK(again.as(other.text("token")).post("/events", event("crm:read:all")).status == 401);

  CHECK(served.world.command({"token", "revoke", made.text("jti")}).status == 0);
  CHECK(again.as(made.text("token")).post("/events", event("crm:read:all")).status == 401);
  const ProcessResult listed = served.world.command({"token", "list", "--all"});
  CHECK(contains(listed.output, made.text("jti")));
  CHECK_FALSE(contains(listed.output, "ush_"));
  CHECK_FALSE(contains(served.world.gateway().errors(), "ush_"));
  CHECK(served.world.command({"token", "revoke", "tok_nothing"}).status == 1);
}

TEST_CASE("scopes are kept apart") {
  Served served;
  const Caller reader = served.anybody().as(make_token(served.world, "read,operate,approve"));
  CHECK(reader.post("/tokens/agent", agent_body(kAgentPolicy)).status == 403);
  CHECK(reader.get("/tokens").status == 403);
  CHECK(reader.get("/events/evt_0000000000000000").status == 404);
}

TEST_CASE("the API speaks TLS where a certificate is configured") {
  const TestCertificate certificate = make_test_certificate("localhost", 30);
  World world;
  world.write_file("ca.pem", certificate.ca_pem);
  world.write_file("cert.pem", certificate.certificate_pem);
  world.write_file("key.pem", certificate.key_pem);
  std::filesystem::permissions(world.dir / "key.pem",
                               std::filesystem::perms::owner_read | std::filesystem::perms::owner_write);
  std::string config = world.common_config() + World::shop_roles();
  config.replace(config.find("listen = \"127.0.0.1:0\""), 22,
                 "listen = \"127.0.0.1:0\"\ntls_certificate = \"cert.pem\"\ntls_key = \"key.pem\"");
  world.configure(config);
  world.run();
  std::string url = world.api();
  CHECK(url.starts_with("https://127.0.0.1:"));
  url.replace(url.find("127.0.0.1"), 9, "localhost");
  CHECK(Caller(url, "", (world.dir / "ca.pem").string()).get("/healthz").status == 200);
}

TEST_CASE("a public address without TLS and without a proxy is refused, and a taken port is an error") {
  World world;
  std::string config = world.common_config() + World::shop_roles();
  config.replace(config.find("127.0.0.1:0"), 11, "0.0.0.0:0");
  world.configure(config);
  const ProcessResult refused = world.command({"run"});
  CHECK(refused.status == 3);
  CHECK(contains(refused.errors, "behind_proxy"));

  Served served;
  const std::string taken = served.world.api().substr(std::string("http://").size());
  config.replace(config.find("0.0.0.0:0"), 9, taken);
  world.configure(config);
  const ProcessResult second = world.command({"run"});
  CHECK(second.status == 1);
  CHECK(contains(second.errors, "listen"));
}

TEST_CASE("SIGTERM ends the API with the gateway, also with clients that only hold their connections") {
  Served served;
  const std::string url = served.world.api();
  const auto port = static_cast<std::uint16_t>(std::stoi(url.substr(url.rfind(':') + 1)));
  asio::io_context loop(1);
  asio::ip::tcp::socket idle(loop), in_a_head(loop);
  for (asio::ip::tcp::socket* socket : {&idle, &in_a_head}) {
    socket->connect({asio::ip::make_address("127.0.0.1"), port});
    asio::write(*socket, asio::buffer("GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n"s));
    std::string answer;
    asio::read_until(*socket, asio::dynamic_buffer(answer), "{\"status\":\"ok\"}");
  }
  asio::write(in_a_head, asio::buffer("GET /healthz HTTP/1.1\r\nHo"s));
  // An idle connection may stay longer than this waits.
  CHECK(served.world.stop() == 0);
}

}  // namespace
}  // namespace usher::e2e
