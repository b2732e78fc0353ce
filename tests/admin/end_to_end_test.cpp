// The API behind the real server, asked by the real client over loopback.
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>

#include "admin/api_fixture.h"
#include "net/http_client.h"

using namespace usher;
using admin::Scope;
using testing::ApiFixture;

namespace {

struct Fixture : ApiFixture {
  Fixture() {
    Result<std::unique_ptr<net::HttpServer>> made = net::make_http_server(loop.get_executor(), {}, service);
    REQUIRE(made);
    server = std::move(*made);
    endpoint = {.host = "127.0.0.1", .port = server->port()};
    options.hosts = {"127.0.0.1:" + std::to_string(server->port())};
    open();
    asio::co_spawn(loop, server->run(), asio::detached);
  }
  ~Fixture() {
    client->close_idle();
    server->stop(std::chrono::milliseconds(0));
    loop.restart();
    loop.run();
  }

  net::HttpResponse call(std::string_view method, std::string target, const std::string& secret,
                         std::string body = "") {
    net::HttpRequest request{
        .endpoint = &endpoint, .method = method, .target = std::move(target), .body = std::move(body)};
    if (!secret.empty()) request.headers.push_back({"Authorization", "Bearer " + secret});
    Result<net::HttpResponse> response =
        testing::run_task(loop, client->send(std::move(request), Deadline::in(std::chrono::seconds(20))));
    REQUIRE_MESSAGE(response, (response ? "" : response.error().message));
    return *response;
  }
  std::string member(const net::HttpResponse& response, std::string_view name) {
    const json::value body = json::parse(response.body);
    return std::string(string_at(&body, name).value_or(""));
  }

  // The port is known before the API that must name it as its host.
  struct Forwarding final : net::HttpService {
    explicit Forwarding(ApiFixture& to) : fixture(to) {}
    Task<std::expected<std::unique_ptr<net::Exchange>, net::ServerResponse>> admit(net::RequestHead head) override {
      return fixture.api->for_network().admit(std::move(head));
    }
    ApiFixture& fixture;
  };

  Forwarding service{*this};
  std::unique_ptr<net::HttpServer> server;
  net::Endpoint endpoint;
  std::unique_ptr<net::HttpClient> client = net::make_http_client(loop.get_executor());
};

}  // namespace

TEST_CASE("an agent is made, narrowed, asks, is denied and revoked over HTTP") {
  Fixture f;
  CHECK(f.call("GET", "/healthz", "").status == 200);
  CHECK(f.call("GET", "/tokens", "").status == 401);
  const std::string admin = f.add_operator({Scope::admin});
  const net::HttpResponse agent =
      f.call("POST", "/tokens/agent", admin, R"({"name":"a","policy":{"allowed_actions":["data:*"]}})");
  REQUIRE(agent.status == 201);
  const net::HttpResponse child =
      f.call("POST", "/tokens/subagent", f.member(agent, "token"), R"({"policy":{"allowed_actions":["data:read:*"]}})");
  REQUIRE(child.status == 201);
  const std::string secret = f.member(child, "token");
  const net::HttpResponse event = f.call("POST", "/events", secret, R"({"action":"data:read:x"})");
  CHECK(event.status == 201);
  CHECK(f.call("GET", "/events/" + f.member(event, "id"), secret).status == 200);
  const net::HttpResponse denied = f.call("POST", "/events", secret, R"({"action":"data:write:x"})");
  CHECK(denied.status == 403);
  CHECK(denied.content_type == "application/json");
  CHECK(f.member(denied, "detail") == "Action 'data:write:x' denied: matched no allow pattern");
  CHECK(f.call("DELETE", "/tokens/" + f.member(agent, "jti"), admin).status == 200);
  CHECK(f.call("POST", "/events", secret, R"({"action":"data:read:x"})").status == 401);
}

TEST_CASE("a body beyond the bound is refused by the server") {
  Fixture f;
  const std::string secret = f.add_agent();
  const std::string large = R"({"action":"data:read:x","metadata":{"a":")" + std::string(70'000, 'a') + R"("}})";
  CHECK(f.call("POST", "/events", secret, large).status == 413);
}
