// Making agents and subagents, seeing and revoking them, changing what they may do.
#include <fmt/format.h>

#include "admin/api_fixture.h"

using namespace usher;
using admin::Scope;
using testing::Answer;
using testing::ApiFixture;
using testing::policy_for;

namespace {

using Strings = std::vector<std::string>;

struct Fixture : ApiFixture {
  std::string admin = add_operator({Scope::admin});

  Answer get(const std::string& target, const std::string& secret) { return send("GET", target, with(secret)); }
  Answer remove(const std::string& jti, const std::string& secret) {
    return send("DELETE", "/tokens/" + jti, with(secret));
  }
  Answer put_policy(const std::string& jti, const std::string& secret, const std::string& policy) {
    return send("PUT", "/tokens/" + jti + "/policy", with(secret), R"({"policy":)" + policy + "}");
  }
  Answer agent(const std::string& body) { return post("/tokens/agent", admin, body); }
  Answer subagent(const std::string& secret, const std::string& policy, const std::string& more = "") {
    return post("/tokens/subagent", secret, R"({"policy":)" + policy + more + "}");
  }
  // Of an agent made through the API for `policy`.
  Answer made(const std::string& policy) {
    Answer answer = agent(R"({"name":"a","policy":)" + policy + "}");
    REQUIRE(answer.status == 201);
    return answer;
  }
};

const std::string kData = R"({"allowed_actions":["data:*"]})";
const std::string kReads = R"({"allowed_actions":["data:read:*"]})";

Strings revoked_by(const Answer& answer) {
  Strings names;
  const json::array* list = array_at(&answer.body, "revoked");
  for (std::size_t i = 0; list && i < list->size(); ++i) names.emplace_back((*list)[i].as_string());
  return names;
}

Strings jtis_of(const Answer& answer) {
  Strings names;
  const json::array* list = array_at(&answer.body, "tokens");
  for (std::size_t i = 0; list && i < list->size(); ++i) names.emplace_back(*string_at(&(*list)[i], "jti"));
  return names;
}

}  // namespace

TEST_CASE("an agent made by an operator has depth 0, 30 days, the default tenant and a token that works") {
  Fixture f;
  const Answer answer = f.agent(R"({"name":"indexer","policy":{"allowed_actions":["data:*"]}})");
  CHECK(answer.status == 201);
  CHECK(integer_at(&answer.body, "depth") == 0);
  CHECK(answer.text_of("tenant") == "default");
  CHECK(answer.text_of("name") == "indexer");
  CHECK(answer.text_of("expires_at") == to_iso8601(f.clock.wall() + std::chrono::days(30)));
  CHECK(f.event_status(answer.text_of("token")) == 201);
  CHECK(f.event_status(answer.text_of("token"), "web:fetch:x") == 403);
  CHECK(f.agent(R"({"name":"a","policy":{},"expires_in_s":31622400})").status == 201);
}

TEST_CASE("a request for an agent that is wrong is 422 and names the member") {
  Fixture f;
  const std::vector<std::pair<std::string, std::string>> wrong{
      {R"({})", "name"},
      {R"({"name":""})", "name"},
      {R"({"name":7})", "name"},
      {R"({"name":"a\u0000b"})", "name"},
      {R"({"name":"a\u009bb"})", "name"},
      {R"({"name":")" + std::string(129, 'a') + R"("})", "name"},
      {R"({"name":"a","expires_in_s":0})", "expires_in_s"},
      {R"({"name":"a","expires_in_s":-1})", "expires_in_s"},
      {R"({"name":"a","expires_in_s":31622401})", "expires_in_s"},
      {R"({"name":"a","expires_in_s":18446744073709551615})", "expires_in_s"},
      {R"({"name":"a","expires_in_s":1.5})", "expires_in_s"},
      {R"({"name":"a","expires_in_s":null})", "expires_in_s"},
      {R"({"name":"a","polcy":{}})", "polcy"},
      {R"({"name":"a","policy":null})", "policy"},
      {R"({"name":"a","policy":[]})", "policy"},
      {R"({"name":"a","policy":{"allowed_actions":null}})", "allowed_actions"},
      {R"({"name":"a","policy":{"max_sensitivity_level":5}})", "max_sensitivity_level"},
      {R"({"name":"a","policy":{"alowed_actions":[]}})", "alowed_actions"},
      {R"({"name":"a","policy":{"allowed_actions":["a\u007f*"]}})", "policy"},
      {R"({"name":"a","policy":{"denied_resources":["a\u009b*"]}})", "policy"},
      {R"({"name":"a","role":"nobody"})", "role"},
  };
  for (const auto& [body, member] : wrong) {
    CAPTURE(body);
    const Answer answer = f.agent(body);
    CHECK(answer.status == 422);
    CHECK(answer.detail().find(member) != std::string::npos);
  }
}

TEST_CASE("a body that is no JSON object, is not UTF-8 or names a member twice is 400") {
  Fixture f;
  for (const std::string& body :
       {std::string(), std::string("[]"), std::string("null"), std::string("{"), std::string(R"({"name":"a"} x)"),
        std::string("{\"name\":\"\xff\"}"), std::string("{\"name\":\"\xc0\xaf\"}"), std::string(R"({"name":"\ud800"})"),
        std::string(R"({"name":"a","name":"b"})"), std::string(R"({"name":"a","\u006eame":"b"})"),
        std::string(R"({"name":"a","policy":{"allowed_actions":[],"allowed_actions":["*"]}})"),
        R"({"name":)" + std::string(1000, '[')}) {
    CAPTURE(body);
    CHECK(f.agent(body).status == 400);
  }
}

TEST_CASE("an agent without a policy is refused, and so is one whose policy would make decisions slow") {
  Fixture f;
  CHECK(f.agent(R"({"name":"a"})").status == 422);
  json::array intricate;
  for (int i = 0; i < 700; ++i) intricate.push_back(json::string(fmt::format("*a{}*b?c*[d-f]x{}z", i, i % 7)));
  const json::object body{{"name", "a"}, {"policy", {{"denied_resources", intricate}}}};
  const Answer refused = f.agent(json::serialize(body));
  CHECK(refused.status == 422);
  CHECK(refused.text_of("detail").contains("too intricate"));
}

TEST_CASE("an operator of one tenant makes agents there and nowhere else") {
  Fixture f;
  const std::string local = f.add_operator({Scope::admin}, "acme");
  const Answer here = f.post("/tokens/agent", local, R"({"name":"a","policy":{}})");
  CHECK(here.status == 201);
  CHECK(here.text_of("tenant") == "acme");
  CHECK(f.post("/tokens/agent", local, R"({"name":"a","policy":{},"tenant":"acme"})").status == 201);
  const Answer foreign = f.post("/tokens/agent", local, R"({"name":"a","tenant":"default"})");
  const Answer unknown = f.post("/tokens/agent", local, R"({"name":"a","tenant":"nowhere"})");
  CHECK(foreign.status == 404);
  CHECK(foreign.text == unknown.text);
  CHECK(f.agent(R"({"name":"a","tenant":"nowhere"})").status == 404);
  CHECK(f.agent(R"({"name":"a","policy":{},"tenant":"acme"})").status == 201);
}

TEST_CASE("an agent of a role gets the role's policy, or one within it") {
  Fixture f;
  f.roles["default/reader"] = policy_for("data:read:*");
  f.roles["default/free"] = std::nullopt;
  const Answer plain = f.agent(R"({"name":"a","role":"reader"})");
  CHECK(plain.status == 201);
  CHECK(f.event_status(plain.text_of("token"), "data:read:x") == 201);
  CHECK(f.event_status(plain.text_of("token"), "data:write:x") == 403);
  CHECK(f.agent(R"({"name":"a","role":"reader","policy":{"allowed_actions":["data:read:a*"]}})").status == 201);
  const Answer wider = f.agent(R"({"name":"a","role":"reader","policy":{"allowed_actions":["data:*"]}})");
  CHECK(wider.status == 400);
  CHECK(wider.rules() == Strings{"allowed_actions"});
  CHECK(f.agent(R"({"name":"a","role":"free","policy":{"allowed_actions":["*"]}})").status == 201);
  CHECK(f.agent(R"({"name":"a","role":"reader","tenant":"acme"})").status == 422);
}

TEST_CASE("a subagent is narrower than its agent, one deeper, and ends with it") {
  Fixture f;
  const Answer parent = f.made(kData);
  const Answer child = f.subagent(parent.text_of("token"), kReads);
  CHECK(child.status == 201);
  CHECK(integer_at(&child.body, "depth") == 1);
  CHECK(child.text_of("parent") == parent.text_of("jti"));
  CHECK(child.text_of("expires_at") == parent.text_of("expires_at"));
  CHECK(f.event_status(child.text_of("token"), "data:read:x") == 201);
  CHECK(f.event_status(child.text_of("token"), "data:write:x") == 403);
}

TEST_CASE("an escalation is refused with every violation, and nothing is made") {
  Fixture f;
  const Answer parent = f.made(R"({"allowed_actions":["data:read:?","web:*:*"],"denied_actions":["web:post:*"],)"
                               R"("max_sensitivity_level":2})");
  const std::size_t before = jtis_of(f.get("/tokens", f.admin)).size();
  const Answer answer =
      f.subagent(parent.text_of("token"), R"({"allowed_actions":["data:read:*","web:*:*"],"max_sensitivity_level":3})",
                 R"(,"expires_in_s":31000000)");
  CHECK(answer.status == 400);
  CHECK(answer.rules() == Strings{"lifetime", "allowed_actions", "denied_actions", "max_sensitivity_level"});
  CHECK_FALSE(answer.detail().empty());
  CHECK(jtis_of(f.get("/tokens", f.admin)).size() == before);
}

TEST_CASE("what pairwise matching of patterns would accept is an escalation") {
  const std::vector<std::pair<std::string, std::string>> pairs{
      {"data:read:?", "data:read:*"}, {"?:?:?", "*:*:*"}, {"data:[!a]*", "data:*"}};
  Fixture f;
  for (const auto& [parent, child] : pairs) {
    CAPTURE(child);
    const std::string agent = f.add_agent(policy_for(parent));
    CHECK(f.subagent(agent, R"({"allowed_actions":[")" + child + R"("]})").status == 400);
    CHECK(f.subagent(agent, R"({"allowed_actions":[")" + parent + R"("]})").status == 201);
  }
}

TEST_CASE("the mode effective asks only for what is granted") {
  Fixture f;
  const std::string agent = f.add_agent({.allowed_actions = {"data:*"}, .denied_actions = {"data:delete:*"}});
  CHECK(f.subagent(agent, kReads).status == 400);
  CHECK(f.subagent(agent, kReads, R"(,"mode":"strict")").status == 400);
  CHECK(f.subagent(agent, kReads, R"(,"mode":"effective")").status == 201);
  CHECK(f.subagent(agent, kData, R"(,"mode":"effective")").status == 400);
  CHECK(f.subagent(agent, kReads, R"(,"mode":"lax")").status == 422);
}

TEST_CASE("a subagent needs a policy of its own") {
  Fixture f;
  const std::string agent = f.add_agent();
  CHECK(f.post("/tokens/subagent", agent, "{}").status == 422);
  CHECK(f.post("/tokens/subagent", agent, R"({"policy":{},"parent":"x"})").status == 422);
}

TEST_CASE("depth 3 is the deepest") {
  Fixture f;
  std::string secret = f.made(kData).text_of("token");
  for (int depth = 1; depth <= 3; ++depth) {
    const Answer child = f.subagent(secret, kData);
    REQUIRE(child.status == 201);
    CHECK(integer_at(&child.body, "depth") == depth);
    secret = child.text_of("token");
  }
  const Answer fourth = f.subagent(secret, R"({"allowed_actions":["*"]})");
  CHECK(fourth.status == 400);
  CHECK(fourth.rules() == Strings{"depth", "allowed_actions"});
}

TEST_CASE("a subagent may live as long as its parent and no longer") {
  Fixture f;
  const std::string agent = f.add_agent(policy_for("*"));  // 24 hours
  CHECK(f.subagent(agent, kData, R"(,"expires_in_s":86400)").status == 201);
  const Answer longer = f.subagent(agent, kData, R"(,"expires_in_s":86401)");
  CHECK(longer.status == 400);
  CHECK(longer.rules() == Strings{"lifetime"});
  f.clock.set_wall(f.clock.wall() - std::chrono::seconds(50));
  f.clock.advance(std::chrono::seconds(100));
  CHECK(f.subagent(agent, kData, R"(,"expires_in_s":86300)").status == 201);
  CHECK(f.subagent(agent, kData, R"(,"expires_in_s":86301)").status == 400);
}

TEST_CASE("an expired child does nothing while its parent goes on") {
  Fixture f;
  const std::string agent = f.add_agent(policy_for("*"));
  const Answer child = f.subagent(agent, kData, R"(,"expires_in_s":60)");
  CHECK(f.event_status(child.text_of("token")) == 201);
  f.clock.advance(std::chrono::seconds(60));
  CHECK(f.event_status(child.text_of("token")) == 401);
  CHECK(f.event_status(agent) == 201);
}

TEST_CASE("a revocation lists and ends the whole family below") {
  Fixture f;
  const Answer parent = f.made(kData);
  const Answer child = f.subagent(parent.text_of("token"), kData);
  const Answer grandchild = f.subagent(child.text_of("token"), kData);
  const Answer sibling = f.made(kData);
  const Answer answer = f.remove(parent.text_of("jti"), f.admin);
  CHECK(answer.status == 200);
  CHECK(revoked_by(answer) == Strings{parent.text_of("jti"), child.text_of("jti"), grandchild.text_of("jti")});
  for (const Answer& each : {parent, child, grandchild}) CHECK(f.event_status(each.text_of("token")) == 401);
  CHECK(f.subagent(child.text_of("token"), kReads).status == 401);
  CHECK(f.event_status(sibling.text_of("token")) == 201);
  CHECK(revoked_by(f.remove(parent.text_of("jti"), f.admin)).empty());
}

TEST_CASE("an agent sees and revokes itself and what is below it, nothing else exists for it") {
  Fixture f;
  const Answer parent = f.made(kData);
  const Answer child = f.subagent(parent.text_of("token"), kData);
  const Answer grandchild = f.subagent(child.text_of("token"), kData);
  const Answer sibling = f.subagent(parent.text_of("token"), kData);
  const std::string secret = child.text_of("token");
  CHECK(f.get("/tokens/" + child.text_of("jti"), secret).status == 200);
  CHECK(f.get("/tokens/" + grandchild.text_of("jti"), secret).status == 200);
  const Answer unknown = f.get("/tokens/tok_0000000000000000", secret);
  CHECK(unknown.status == 404);
  for (const Answer& foreign : {parent, sibling}) {
    CHECK(f.get("/tokens/" + foreign.text_of("jti"), secret).text == unknown.text);
    CHECK(f.remove(foreign.text_of("jti"), secret).status == 404);
    CHECK(f.event_status(foreign.text_of("token")) == 201);
  }
  CHECK(revoked_by(f.remove(grandchild.text_of("jti"), secret)) == Strings{grandchild.text_of("jti")});
  CHECK(revoked_by(f.remove(child.text_of("jti"), secret)) == Strings{child.text_of("jti")});
  CHECK(f.event_status(secret) == 401);
}

TEST_CASE("for an operator of one tenant the tokens of others do not exist") {
  Fixture f;
  const std::string local = f.add_operator({Scope::admin}, "acme");
  const std::string own = f.last_jti;
  f.add_operator({Scope::admin});
  const std::string overall = f.last_jti;
  f.add_agent({}, "default");
  const std::string foreign = f.last_jti;
  const std::string foreign_agent = f.add_agent({}, "default");
  for (const std::string& jti : {overall, foreign}) {
    CHECK(f.get("/tokens/" + jti, local).status == 404);
    CHECK(f.remove(jti, local).status == 404);
    CHECK(f.put_policy(jti, local, kData).status == 404);
  }
  CHECK(f.event_status(foreign_agent) == 201);
  CHECK(jtis_of(f.get("/tokens", local)) == Strings{own});
  CHECK(jtis_of(f.get("/tokens", f.admin)).size() == 5);
}

TEST_CASE("no answer but the first shows a secret, and lists leave out what is not usable unless all are wanted") {
  Fixture f;
  const Answer agent = f.made(kData);
  f.remove(agent.text_of("jti"), f.admin);
  f.add({.kind = admin::TokenKind::agent, .tenant = "default", .expires_at = f.clock.wall() + std::chrono::hours(1)});
  const std::string short_lived = f.last_jti;
  f.clock.advance(std::chrono::hours(2));
  const Answer usable = f.get("/tokens", f.admin);
  CHECK(jtis_of(usable).size() == 1);
  const Answer all = f.get("/tokens?all=1", f.admin);
  CHECK(jtis_of(all).size() == 3);
  CHECK(jtis_of(all).front() == short_lived);
  CHECK(all.text.find("ush_") == std::string::npos);
  const Answer one = f.get("/tokens/" + agent.text_of("jti"), f.admin);
  CHECK(one.text.find("ush_") == std::string::npos);
  CHECK(bool_at(&one.body, "usable") == false);
  CHECK(json::serialize(*object_at(object_at(&one.body, "policy") ? &one.body : nullptr, "policy")) ==
        policy::to_json(policy_for("data:*")));
}

TEST_CASE("tightening a parent binds the children it has, at once; loosening it gives them nothing new") {
  Fixture f;
  const Answer parent = f.made(kData);
  const Answer child = f.subagent(parent.text_of("token"), kReads);
  const std::string secret = child.text_of("token");
  CHECK(f.event_status(secret, "data:read:x") == 201);
  CHECK(f.put_policy(parent.text_of("jti"), f.admin, R"({"allowed_actions":["data:write:*"]})").status == 200);
  const Answer denied = f.post("/events", secret, R"({"action":"data:read:x"})");
  CHECK(denied.status == 403);
  CHECK(denied.detail() == "Action 'data:read:x' denied: matched no allow pattern");
  CHECK(f.event_status(secret, "data:write:x") == 403);
  CHECK(f.put_policy(parent.text_of("jti"), f.admin, R"({"allowed_actions":["*"]})").status == 200);
  CHECK(f.event_status(secret, "data:read:x") == 201);
  CHECK(f.event_status(secret, "web:fetch:x") == 403);
}

TEST_CASE("a policy that is replaced stays within the token above and within the role") {
  Fixture f;
  f.roles["default/reader"] = policy_for("data:*");
  const Answer parent = f.agent(R"({"name":"a","role":"reader"})");
  const Answer child = f.subagent(parent.text_of("token"), kReads);
  CHECK(f.put_policy(child.text_of("jti"), f.admin, kData).status == 200);
  CHECK(f.put_policy(child.text_of("jti"), f.admin, R"({"allowed_actions":["*"]})").status == 400);
  CHECK(f.put_policy(parent.text_of("jti"), f.admin, kReads).status == 200);
  CHECK(f.put_policy(parent.text_of("jti"), f.admin, R"({"allowed_actions":["*"]})").status == 400);
  const Answer wide = f.put_policy(child.text_of("jti"), f.admin, kData);
  CHECK(wide.status == 400);
  CHECK(wide.rules() == Strings{"allowed_actions"});
}

TEST_CASE("the policy of what is no agent, unknown or revoked is not replaced") {
  Fixture f;
  f.add_operator({Scope::read});
  CHECK(f.put_policy(f.last_jti, f.admin, kData).status == 404);
  CHECK(f.put_policy("tok_0000000000000000", f.admin, kData).status == 404);
  const Answer agent = f.made(kData);
  CHECK(f.send("PUT", "/tokens/" + agent.text_of("jti") + "/policy", ApiFixture::with(f.admin), "{}").status == 422);
  f.remove(agent.text_of("jti"), f.admin);
  CHECK(f.put_policy(agent.text_of("jti"), f.admin, kReads).status == 404);
}

TEST_CASE("a token that has expired stays so when the wall clock is set back, wherever it is shown or changed") {
  Fixture f;
  const std::string eternal =
      f.add({.name = "op", .scopes = {Scope::admin}, .expires_at = f.clock.wall() + std::chrono::days(30)});
  const WallTime before = f.clock.wall();
  const std::string secret = f.add_agent(policy_for("data:*"));
  const std::string jti = f.last_jti;
  CHECK(f.event_status(secret) == 201);
  CHECK(f.put_policy(jti, eternal, kReads).status == 200);
  f.clock.advance(std::chrono::hours(25));
  f.clock.set_wall(before);
  CHECK(f.event_status(secret) == 401);
  const Answer one = f.get("/tokens/" + jti, eternal);
  CHECK(bool_at(&one.body, "usable") == false);
  const Strings usable = jtis_of(f.get("/tokens", eternal));
  CHECK(std::ranges::find(usable, jti) == usable.end());
  CHECK(f.put_policy(jti, eternal, kData).status == 404);
}
