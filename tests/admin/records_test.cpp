// What the ledger gets to know of the API, and that nothing is done which it cannot be told.
#include "admin/api_fixture.h"

namespace {

using namespace usher;
using audit::Kind;
using audit::Outcome;
using testing::Answer;
using testing::ApiFixture;
using testing::policy_for;

std::string event_body(const std::string& action) {
  return json::serialize(json::object{{"action", action}, {"target_resource", "report"}, {"sensitivity", 2}});
}

TEST_CASE("every decision on an event is a row: who, what, which rule of which policy") {
  ApiFixture f;
  const policy::PolicyDocument document = policy_for("data:read:*");
  const std::string secret = f.add_agent(document, "acme");
  CHECK(f.post("/events", secret, event_body("data:read:x")).status == 201);
  CHECK(f.post("/events", secret, event_body("data:write:x")).status == 403);
  REQUIRE(f.ledger.records.size() == 2);
  const audit::Record& allowed = f.ledger.records[0];
  CHECK(allowed.kind == Kind::decision);
  CHECK(allowed.outcome == Outcome::allowed);
  CHECK(allowed.tenant == "acme");
  CHECK(allowed.who == f.last_jti);
  CHECK(allowed.source == "api");
  CHECK(allowed.action == "data:read:x");
  CHECK(allowed.resource == "report");
  CHECK(allowed.sensitivity == 2);
  CHECK(allowed.rule == "data:read:*");
  CHECK(allowed.policy_hash == to_hex(policy::digest_of(document)));
  const audit::Record& denied = f.ledger.records[1];
  CHECK(denied.outcome == Outcome::denied);
  CHECK(denied.rule == "allowed_actions");
  CHECK(denied.detail == "Action 'data:write:x' denied: matched no allow pattern");
}

TEST_CASE("an event of a legacy key that skips every policy is a row that says so") {
  ApiFixture f;
  f.options.legacy_keys = {{.name = "old", .key = Secret("0123456789abcdef"), .tenant = "default"}};
  f.options.legacy_keys_skip_rbac = true;
  f.open();
  const testing::Headers key{{"x-api-key", "0123456789abcdef"}};
  CHECK(f.send("POST", "/events", key, event_body("data:read:x")).status == 201);
  REQUIRE(f.ledger.records.size() == 1);
  CHECK(f.ledger.records[0].who == "legacy:old");
  CHECK(f.ledger.records[0].rule == "legacy_keys_skip_rbac");
  CHECK(f.ledger.records[0].outcome == Outcome::allowed);
}

TEST_CASE("tokens made, narrowed and revoked are rows, and so is asking for too much") {
  ApiFixture f;
  const std::string admin = f.add_operator({admin::Scope::admin});
  const std::string admin_jti = f.last_jti;
  const Answer agent = f.post("/tokens/agent", admin, R"({"name":"bot","policy":{"allowed_actions":["data:read:*"]}})");
  REQUIRE(agent.status == 201);
  const std::string secret = agent.text_of("token");
  const Answer child = f.post("/tokens/subagent", secret, R"({"policy":{"allowed_actions":["data:read:x"]}})");
  REQUIRE(child.status == 201);
  REQUIRE(f.post("/tokens/subagent", secret, R"({"policy":{"allowed_actions":["*:*:*"]}})").status == 400);
  const std::string path = "/tokens/" + agent.text_of("jti");
  const testing::Headers as_admin = ApiFixture::with(admin);
  REQUIRE(f.send("PUT", path + "/policy", as_admin, R"({"policy":{"allowed_actions":[]}})").status == 200);
  REQUIRE(f.send("DELETE", path, as_admin).status == 200);
  std::vector<std::string> actions;
  for (const audit::Record& row : f.ledger.records) {
    CHECK(row.kind == Kind::token);
    actions.push_back(row.action + " " + to_string(row.outcome));
  }
  CHECK(actions == std::vector<std::string>{"token:make:agent allowed", "token:make:subagent allowed",
                                            "token:make:subagent denied", "token:replace:policy allowed",
                                            "token:revoke:token allowed"});
  CHECK(f.ledger.records[0].who == admin_jti);
  CHECK(f.ledger.records[0].resource == agent.text_of("jti"));
  CHECK(f.ledger.records[1].who == agent.text_of("jti"));
  for (const audit::Record& row : f.ledger.records) CHECK_FALSE(row.detail.contains("ush_"));
}

TEST_CASE("what cannot be recorded is not done, answers 503, and works again by itself") {
  ApiFixture f;
  const std::string admin = f.add_operator({admin::Scope::admin});
  const std::string secret = f.add_agent(policy_for("data:*:*"));
  const std::string path = "/tokens/" + f.last_jti;
  const testing::Headers as_admin = ApiFixture::with(admin);
  f.ledger.failure = Error{ErrorKind::io, "ledger.db: disk full"};
  CHECK(f.post("/events", secret, event_body("data:read:x")).status == 503);
  CHECK(f.post("/tokens/agent", admin, R"({"name":"bot","policy":{}})").status == 503);
  CHECK(f.post("/tokens/subagent", secret, R"({"policy":{"allowed_actions":["data:read:x"]}})").status == 503);
  CHECK(f.send("PUT", path + "/policy", as_admin, R"({"policy":{"allowed_actions":[]}})").status == 503);
  const Answer revoked = f.send("DELETE", path, as_admin);
  CHECK(revoked.status == 503);
  CHECK_FALSE(revoked.text.contains("ledger.db"));
  f.ledger.failure.reset();
  // Nothing of it was done: one agent, its policy as it was, no event.
  CHECK(f.stores.tokens->list("", true)->size() == 2);
  CHECK(f.stores.tokens->find(secret)->value().policy == policy_for("data:*:*"));
  CHECK_FALSE(f.stores.tokens->find(secret)->value().revoked_at);
  CHECK(f.post("/events", secret, event_body("data:read:x")).status == 201);
}

TEST_CASE("a parent that is revoked while the decision is written down binds at once") {
  ApiFixture f;
  const std::string secret = f.add_agent(policy_for("data:*:*"));
  const std::string jti = f.last_jti;
  f.ledger.on_append = [&]() -> Task<void> {
    auto revoked = co_await f.stores.tokens->revoke(jti, f.clock.wall());
    CHECK(revoked);
  };
  CHECK(f.post("/events", secret, event_body("data:read:x")).status == 401);
}

TEST_CASE("a flood of events is one row, not one for each that is refused") {
  ApiFixture f;
  const std::string secret = f.add_agent(policy_for("data:read:*"));
  for (int i = 0; i < 600; ++i) REQUIRE(f.event_status(secret) == 201);
  for (int i = 0; i < 50; ++i) REQUIRE(f.event_status(secret) == 429);
  CHECK(f.ledger.records.size() == 601);
  CHECK(f.ledger.records.back().kind == Kind::limit);
  CHECK(f.ledger.records.back().outcome == Outcome::denied);
}

}  // namespace
