// What an agent may do, and what is kept of it.
#include "admin/api_fixture.h"
#include "admin/fairness/event_rate.h"

using namespace usher;
using admin::Scope;
using testing::Answer;
using testing::ApiFixture;
using testing::policy_for;

namespace {

const std::string kKey = "legacy-key-of-the-importer";

struct Fixture : ApiFixture {
  Answer event(const std::string& secret, const std::string& body) { return post("/events", secret, body); }
  Answer get(const std::string& id, const std::string& secret) { return send("GET", "/events/" + id, with(secret)); }
  Answer by_key(const std::string& key = kKey, const std::string& action = "data:read:x") {
    return send("POST", "/events", {{"x-api-key", key}}, R"({"action":")" + action + R"("})");
  }
  void configure_key(std::string role, bool skips) {
    options.legacy_keys = {{.name = "empty", .key = Secret(), .tenant = "default", .role = ""},
                           {.name = "importer", .key = Secret(kKey), .tenant = "acme", .role = std::move(role)}};
    options.legacy_keys_skip_rbac = skips;
    open();
  }
};

}  // namespace

TEST_CASE("an allowed event is stored before it is answered") {
  Fixture f;
  const std::string secret = f.add_agent();
  const std::string principal = f.last_jti;
  const Answer answer = f.event(
      secret, R"({"action":"data:read:x","target_resource":"r/ü","sensitivity":2,"metadata":{"why":[1,null]}})");
  CHECK(answer.status == 201);
  const std::optional<admin::Event> stored = *f.stores.events->find(answer.text_of("id"));
  REQUIRE(stored);
  CHECK(stored->principal == principal);
  CHECK(stored->tenant == "default");
  CHECK(stored->resource == "r/ü");
  CHECK(stored->sensitivity == 2);
  CHECK(stored->metadata == R"({"why":[1,null]})");
  CHECK_FALSE(stored->skipped_policy);
  CHECK(stored->at == f.clock.wall());
  const Answer seen = f.get(answer.text_of("id"), secret);
  CHECK(seen.status == 200);
  CHECK(seen.text_of("target_resource") == "r/ü");
}

TEST_CASE("a denied event is 403 with the sentence, and is not stored") {
  Fixture f;
  const std::string secret = f.add_agent({.allowed_actions = {"data:*"},
                                          .denied_actions = {"data:delete:*"},
                                          .allowed_resources = {"public_*"},
                                          .denied_resources = {"public_secret"},
                                          .max_sensitivity_level = 2});
  const std::vector<std::pair<std::string, std::string>> denials{
      {R"({"action":"data:delete:x","target_resource":"public_a"})",
       "Action 'data:delete:x' denied: matched deny pattern 'data:delete:*'"},
      {R"({"action":"web:fetch:x","target_resource":"public_a"})",
       "Action 'web:fetch:x' denied: matched no allow pattern"},
      {R"({"action":"data:read:x","target_resource":"public_secret"})",
       "Action 'data:read:x' denied: resource 'public_secret' matched deny pattern 'public_secret'"},
      {R"({"action":"data:read:x"})", "Action 'data:read:x' denied: resource '' matched no allow pattern"},
      {R"({"action":"data:read:x","target_resource":"public_a","sensitivity":3})",
       "Action 'data:read:x' denied: sensitivity 3 exceeds maximum 2"},
  };
  for (const auto& [body, sentence] : denials) {
    const Answer answer = f.event(secret, body);
    CHECK(answer.status == 403);
    CHECK(answer.detail() == sentence);
  }
  CHECK(f.event(secret, R"({"action":"data:read:x","target_resource":"public_a","sensitivity":2})").status == 201);
}

TEST_CASE("a malformed event is 422 and names the member") {
  Fixture f;
  const std::string secret = f.add_agent();
  const std::vector<std::pair<std::string, std::string>> wrong{
      {R"({})", "action"},
      {R"({"action":""})", "action"},
      {R"({"action":7})", "action"},
      {R"({"action":"data:read"})", "action"},
      {R"({"action":"Data:read:x"})", "action"},
      {R"({"action":"data:read:x:y"})", "action"},
      {R"({"action":"data:read:*"})", "action"},
      {R"({"action":"data:read:x\n"})", "action"},
      {R"({"action":"data:read:)" + std::string(300, 'x') + R"("})", "action"},
      {R"({"action":"data:read:x","sensitivity":5})", "sensitivity"},
      {R"({"action":"data:read:x","sensitivity":-1})", "sensitivity"},
      {R"({"action":"data:read:x","sensitivity":"0"})", "sensitivity"},
      {R"({"action":"data:read:x","sensitivity":1.0})", "sensitivity"},
      {R"({"action":"data:read:x","sensitivity":null})", "sensitivity"},
      {R"({"action":"data:read:x","sensitivity":true})", "sensitivity"},
      {R"({"action":"data:read:x","sensitivity":18446744073709551616})", "sensitivity"},
      {R"({"action":"data:read:x","target_resource":null})", "target_resource"},
      {R"({"action":"data:read:x","target_resource":["a"]})", "target_resource"},
      {R"({"action":"data:read:x","resource":"a"})", "resource"},
      {R"({"action":"data:read:x","metadata":"a"})", "metadata"},
      {R"({"action":"data:read:x","metadata":[]})", "metadata"},
  };
  for (const auto& [body, member] : wrong) {
    CAPTURE(body);
    const Answer answer = f.event(secret, body);
    CHECK(answer.status == 422);
    CHECK(answer.detail().find("'" + member + "'") != std::string::npos);
  }
}

TEST_CASE("metadata is at most 4 KiB as JSON without blanks") {
  Fixture f;
  const std::string secret = f.add_agent();
  const auto with_metadata = [&](std::size_t bytes, const std::string& blanks = "") {
    const std::string text(bytes - std::string_view(R"({"a":""})").size(), 'x');
    return f.event(secret, R"({"action":"data:read:x","metadata":{"a":)" + blanks + '"' + text + R"("}})");
  };
  CHECK(with_metadata(4096).status == 201);
  CHECK(with_metadata(4096, std::string(100, ' ')).status == 201);
  const Answer longer = with_metadata(4097);
  CHECK(longer.status == 422);
  CHECK(longer.detail() == "'metadata' is longer than 4096 bytes");
}

TEST_CASE("a family has 600 events a minute, allowed or denied, and takes nothing from another's") {
  Fixture f;
  const std::string secret = f.add_agent(policy_for("data:*"));
  const std::string child = f.add({.kind = admin::TokenKind::agent,
                                   .tenant = "default",
                                   .parent = f.last_jti,
                                   .depth = 1,
                                   .policy = policy_for("data:*")});
  const std::string other = f.add_agent();
  CHECK(f.event_status(secret) == 201);
  f.clock.advance(std::chrono::seconds(20));
  for (int i = 1; i < 600; ++i) REQUIRE(f.event_status(i % 2 ? child : secret, "web:fetch:x") == 403);
  for (const std::string& each : {secret, child}) {
    const Answer refused = f.event(each, R"({"action":"data:read:x"})");
    CHECK(refused.status == 429);
    CHECK(refused.header("Retry-After") == "40");
  }
  CHECK(f.event_status(other) == 201);
  f.clock.advance(std::chrono::milliseconds(39'999));
  CHECK(f.event(secret, R"({"action":"data:read:x"})").header("Retry-After") == "1");
  // The window slides: the first one has left it, the others have not.
  f.clock.advance(std::chrono::milliseconds(1));
  CHECK(f.event_status(secret) == 201);
  CHECK(f.event_status(secret) == 429);
  f.clock.advance(std::chrono::seconds(20));
  CHECK(f.event_status(secret) == 201);
}

TEST_CASE("setting the wall clock does not refill the window, and idle families are forgotten") {
  testing::ManualClock clock;
  admin::EventRate rate(clock);
  for (std::size_t i = 0; i < admin::kMaxEventsPerWindow; ++i) REQUIRE_FALSE(rate.count("a"));
  clock.set_wall(clock.wall() + std::chrono::hours(1));
  CHECK(rate.count("a"));
  for (int i = 0; i < 100; ++i) rate.count("family " + std::to_string(i));
  CHECK(rate.families() == 101);
  clock.advance(admin::kEventWindow);
  CHECK_FALSE(rate.count("a"));
  CHECK(rate.families() == 1);
}

TEST_CASE("what names a member twice or is not UTF-8 is never decided") {
  Fixture f;
  const std::string secret = f.add_agent();
  CHECK(f.event(secret, R"({"action":"data:read:x","action":"web:fetch:x"})").status == 400);
  CHECK(f.event(secret, R"({"action":"data:read:x","metadata":{"a":1,"a":2}})").status == 400);
  CHECK(f.event(secret, "{\"action\":\"data:read:x\",\"target_resource\":\"\xff\"}").status == 400);
  CHECK(f.event(secret, "{\"action\":\"data:read:x\",\"target_resource\":\"\xed\xa0\x80\"}").status == 400);
}

TEST_CASE("an absent sensitivity is 0, and 0 is within the lowest maximum") {
  Fixture f;
  const std::string secret = f.add_agent(policy_for("data:*", 0));
  CHECK(f.event(secret, R"({"action":"data:read:x"})").status == 201);
  CHECK(f.event(secret, R"({"action":"data:read:x","sensitivity":0})").status == 201);
  CHECK(f.event(secret, R"({"action":"data:read:x","sensitivity":1})").status == 403);
}

TEST_CASE("empty lists deny all") {
  Fixture f;
  CHECK(f.event_status(f.add_agent({.allowed_actions = {}})) == 403);
  CHECK(f.event_status(f.add_agent({.allowed_resources = {}})) == 403);
}

TEST_CASE("every link of the chain must allow, and the one nearest to the agent speaks") {
  Fixture f;
  const auto below = [&](const std::string& parent, int depth, policy::PolicyDocument document) {
    return f.add({.kind = admin::TokenKind::agent,
                  .tenant = "default",
                  .parent = parent,
                  .depth = depth,
                  .policy = std::move(document)});
  };
  f.roles["default/r"] = policy::PolicyDocument{.denied_actions = {"role:*:*"}};
  f.add_agent({.denied_actions = {"root:*:*", "both:*:*"}}, "default", "r");
  below(f.last_jti, 1, {.denied_actions = {"middle:*:*", "both:*:x"}});
  const std::string secret = below(f.last_jti, 2, {.denied_actions = {"leaf:*:*"}});
  for (const char* link : {"role", "root", "middle", "leaf"}) {
    CHECK(f.event_status(secret, std::string(link) + ":do:x") == 403);
  }
  CHECK(f.event_status(secret, "other:do:x") == 201);
  CHECK(f.event(secret, R"({"action":"both:do:x"})").detail() ==
        "Action 'both:do:x' denied: matched deny pattern 'both:*:x'");
}

TEST_CASE("a role is asked anew each time; one that is gone allows nothing") {
  Fixture f;
  f.roles["default/r"] = std::nullopt;
  const std::string secret = f.add_agent({}, "default", "r");
  CHECK(f.event_status(secret) == 201);
  f.roles["default/r"] = policy_for("web:*");
  CHECK(f.event_status(secret) == 403);
  f.roles.clear();
  CHECK(f.event_status(secret) == 403);
}

TEST_CASE("an event is seen by operators of its tenant and by the agent that made it") {
  Fixture f;
  const std::string secret = f.add_agent({}, "acme");
  const std::string id = f.event(secret, R"({"action":"data:read:x"})").text_of("id");
  CHECK(f.get(id, secret).status == 200);
  CHECK(f.get(id, f.add_operator({Scope::read})).status == 200);
  CHECK(f.get(id, f.add_operator({Scope::admin}, "acme")).status == 200);
  const Answer foreign = f.get(id, f.add_operator({Scope::read}, "default"));
  CHECK(foreign.status == 404);
  CHECK(foreign.text == f.get("evt_0000000000000000", secret).text);
  CHECK(f.get(id, f.add_agent({}, "acme")).status == 404);
}

TEST_CASE("a legacy key without a policy decides nothing and is refused") {
  Fixture f;
  std::string role;
  SUBCASE("no role") {}
  SUBCASE("a role without a policy") {
    role = "plain";
    f.roles["acme/plain"] = std::nullopt;
  }
  SUBCASE("a role that does not exist") { role = "gone"; }
  SUBCASE("a role of another tenant") {
    role = "foreign";
    f.roles["default/foreign"] = policy_for("*");
  }
  f.configure_key(role, false);
  const Answer answer = f.by_key();
  CHECK(answer.status == 403);
  CHECK(answer.detail() == "Action 'data:read:x' denied: legacy key 'importer' has no policy");
}

TEST_CASE("a legacy key is bound by its role's policy") {
  Fixture f;
  f.roles["acme/reader"] = policy_for("data:read:*");
  f.configure_key("reader", false);
  const Answer answer = f.by_key();
  CHECK(answer.status == 201);
  CHECK(f.by_key(kKey, "data:write:x").status == 403);
  const std::optional<admin::Event> stored = *f.stores.events->find(answer.text_of("id"));
  CHECK(stored->principal == "legacy:importer");
  CHECK(stored->tenant == "acme");
  CHECK_FALSE(stored->skipped_policy);
}

TEST_CASE("a legacy key skips the policy only where that is configured, and the event says so") {
  Fixture f;
  f.roles["acme/reader"] = policy_for("data:read:*");
  f.configure_key("reader", true);
  const Answer answer = f.by_key(kKey, "data:write:x");
  CHECK(answer.status == 201);
  CHECK((*f.stores.events->find(answer.text_of("id")))->skipped_policy);
}

TEST_CASE("a key that is not exactly a configured one is none, and an empty one never is") {
  Fixture f;
  f.configure_key("", true);
  for (const std::string& key : {std::string(), kKey + "x", kKey.substr(1), std::string("importer")}) {
    CAPTURE(key);
    CHECK(f.by_key(key).status == 401);
  }
}
