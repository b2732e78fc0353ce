// The operator's door, and what only it or an operator's token opens.
#include <doctest/doctest.h>

#include "admin/api_fixture.h"

namespace usher::testing {
namespace {

using admin::Scope;

constexpr const char* kOperatorBody = R"({"name":"alice","scopes":"read,approve","expires_in_s":60})";

json::value parsed(const Answer& answer) { return answer.body; }

std::vector<std::string> tenants_of(const Answer& answer) {
  std::vector<std::string> tenants;
  for (const json::value& row : answer.body.at("conversations").as_array()) {
    tenants.emplace_back(*string_at(&row, "tenant"));
  }
  return tenants;
}

struct Conversations : ApiFixture {
  Conversations() {
    conversations = {{.channel = "main",
                      .tenant = "default",
                      .chat = "200",
                      .sender = "telegram:200",
                      .state = "unknown",
                      .messages = 3,
                      .unfinished = 1,
                      .last_platform_id = "812345",
                      .last_accepted = clock.wall(),
                      .note = "the reply may have arrived"},
                     {.channel = "main", .tenant = "acme", .chat = "7", .sender = "telegram:7", .state = "sent"}};
  }
};

TEST_CASE("at the operator's door no credential, Host or Origin is asked for, and nothing is out of reach") {
  ApiFixture api;
  api.is_at_socket = true;
  CHECK(api.send("GET", "/tokens", {{"host", "evil.example"}}).status == 200);
  CHECK(api.send("GET", "/tokens", {{"authorization", "Bearer nonsense"}}).status == 200);
  const Answer made = api.send("POST", "/tokens/agent", {}, R"({"name":"a","policy":{},"tenant":"acme"})");
  CHECK(made.status == 201);
  CHECK(api.send("DELETE", "/tokens/" + made.text_of("jti")).status == 200);
}

TEST_CASE("the network's door gives nobody what the operator's does, whatever a request says") {
  ApiFixture api;
  const std::string admin = api.add_operator({Scope::admin});
  for (const char* header : {"x-forwarded-for", "x-operator", "x-peer"}) {
    CHECK(api.send("GET", "/tokens", {{header, "operator"}}).status == 401);
  }
  CHECK(api.send("GET", "/tokens", ApiFixture::with("operator")).status == 401);
  const Answer refused = api.post("/tokens/operator", admin, kOperatorBody);
  CHECK(refused.status == 403);
  CHECK(refused.detail() == "this needs usher's own socket on its machine");
  CHECK(api.post("/backup", admin, R"({"directory":"/tmp/x"})").status == 403);
  CHECK(api.send("GET", "/backup", ApiFixture::with(admin)).status == 403);
}

TEST_CASE("an agent's routes stay an agent's, also for the operator at the socket") {
  ApiFixture api;
  api.is_at_socket = true;
  CHECK(api.send("POST", "/events", {}, R"({"action":"data:read:x"})").status == 403);
  CHECK(api.send("POST", "/tokens/subagent", {}, R"({"policy":{}})").status == 403);
}

TEST_CASE("a token that the operator's door made is good at the network's, for its scopes and its time") {
  ApiFixture api;
  api.is_at_socket = true;
  const Answer made = api.send("POST", "/tokens/operator", {}, kOperatorBody);
  REQUIRE(made.status == 201);
  CHECK(made.text_of("scopes") == "read,approve");
  api.is_at_socket = false;
  const Headers token = ApiFixture::with(made.text_of("token"));
  CHECK(api.send("GET", "/conversations", token).status == 200);
  CHECK(api.send("GET", "/tokens", token).status == 403);
  api.clock.advance(std::chrono::seconds(61));
  CHECK(api.send("GET", "/conversations", token).status == 401);
}

TEST_CASE("a token for an operator is not made from what is wrong") {
  ApiFixture api;
  api.is_at_socket = true;
  const auto status = [&](const std::string& body) { return api.send("POST", "/tokens/operator", {}, body).status; };
  CHECK(status(R"({"name":"a","scopes":""})") == 422);
  CHECK(status(R"({"name":"a","scopes":"read,root"})") == 422);
  CHECK(status(R"({"scopes":"read"})") == 422);
  CHECK(status(R"({"name":"a","scopes":"read","tenant":"nobody"})") == 422);
  CHECK(status(R"({"name":"a","scopes":"read","expires_in_s":99999999})") == 422);
  CHECK(status(R"({"name":"a","scopes":"read","jti":"tok_0123456789abcdef"})") == 422);
}

TEST_CASE("conversations need the scope read, and only those of its own tenant are a token's to see") {
  Conversations api;
  const auto list = [&](admin::Scopes scopes, const std::string& tenant, const std::string& query) {
    return api.send("GET", "/conversations" + query, ApiFixture::with(api.add_operator(scopes, tenant)));
  };
  CHECK(api.send("GET", "/conversations").status == 401);
  CHECK(list({Scope::operate}, "", "").status == 403);
  CHECK(tenants_of(list({Scope::read}, "", "")) == std::vector<std::string>{"default", "acme"});
  CHECK(tenants_of(list({Scope::read}, "acme", "")) == std::vector<std::string>{"acme"});
  CHECK(api.asked_for.tenant == "acme");
  CHECK(list({Scope::read}, "acme", "?tenant=default").status == 404);
  CHECK(list({Scope::read}, "acme", "?tenant=acme&state=sent").status == 200);
  CHECK(api.asked_for.state == "sent");
  CHECK(list({Scope::read}, "", "?state=lost").status == 422);
}

TEST_CASE("a conversation is told whole") {
  Conversations api;
  api.is_at_socket = true;
  const json::value row = parsed(api.send("GET", "/conversations")).at("conversations").as_array().front();
  CHECK(row.at("channel") == "main");
  CHECK(row.at("sender") == "telegram:200");
  CHECK(row.at("state") == "unknown");
  CHECK(row.at("messages") == 3);
  CHECK(row.at("unfinished") == 1);
  CHECK(row.at("last_platform_id") == "812345");
  CHECK(row.at("last_accepted") == to_iso8601(api.clock.wall()).c_str());
  CHECK(row.at("thread").is_null());
  CHECK(row.at("note") == "the reply may have arrived");
}

TEST_CASE("why messages are not served is told to the operator alone") {
  ApiFixture api;
  api.readiness = fail(ErrorKind::unavailable, "channel 'main' is not well");
  CHECK(api.send("GET", "/readyz").detail().empty());
  api.is_at_socket = true;
  const Answer told = api.send("GET", "/readyz");
  CHECK(told.status == 503);
  CHECK(told.detail() == "channel 'main' is not well");
}

}  // namespace
}  // namespace usher::testing
