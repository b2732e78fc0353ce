// Who may use which route, judged before a byte of the body.
#include <array>

#include "admin/api/routes.h"
#include "admin/api_fixture.h"
#include "store/sqlite.h"

using namespace usher;
using admin::Route;
using admin::Scope;
using testing::Answer;
using testing::ApiFixture;
using testing::Headers;

namespace {

const std::string kKey = "legacy-key-of-the-importer";

struct Fixture : ApiFixture {
  Fixture() {
    options.legacy_keys.push_back({.name = "importer", .key = Secret(kKey), .tenant = "default", .role = ""});
    open();
  }
  Answer ask(const Headers& headers) { return send("GET", "/tokens", headers); }
};

// The contract: which credential each route takes.
const std::map<std::string, std::set<std::string>> kContract{
    {"GET /healthz", {"none", "read", "operate", "approve", "admin", "agent", "key", "socket"}},
    {"GET /readyz", {"none", "read", "operate", "approve", "admin", "agent", "key", "socket"}},
    {"POST /tokens/agent", {"admin", "socket"}},
    {"POST /tokens/subagent", {"agent"}},
    {"POST /tokens/operator", {"socket"}},
    {"GET /tokens", {"admin", "socket"}},
    {"GET /tokens/{token}", {"admin", "agent", "socket"}},
    {"PUT /tokens/{token}/policy", {"admin", "socket"}},
    {"DELETE /tokens/{token}", {"admin", "agent", "socket"}},
    {"POST /events", {"agent", "key"}},
    {"GET /events/{event}", {"read", "admin", "agent", "socket"}},
    {"GET /conversations", {"read", "admin", "socket"}},
    {"POST /backup", {"socket"}},
    {"GET /backup", {"socket"}},
};

std::string target_of(const Route& route, const std::string& jti) {
  std::string target(route.pattern);
  for (const auto& [placeholder, id] : {std::pair<std::string, std::string>{"{token}", jti},
                                        std::pair<std::string, std::string>{"{event}", "evt_0123456789abcdef"}}) {
    const std::size_t at = target.find(placeholder);
    if (at != target.npos) target.replace(at, placeholder.size(), id);
  }
  return target;
}

}  // namespace

TEST_CASE("each route takes the credentials of the contract and no others") {
  Fixture f;
  std::map<std::string, Headers> credentials{{"none", {}}, {"socket", {}}, {"key", {{"x-api-key", kKey}}}};
  for (Scope scope : {Scope::read, Scope::operate, Scope::approve, Scope::admin}) {
    credentials[admin::to_string(scope)] = ApiFixture::with(f.add_operator({scope}));
  }
  credentials["agent"] = ApiFixture::with(f.add_agent());
  f.admits_only = true;
  std::size_t judged = 0;
  for (const Route& route : admin::routes()) {
    const std::string name = std::string(route.method) + " " + std::string(route.pattern);
    CAPTURE(name);
    REQUIRE(kContract.contains(name));
    for (const auto& [credential, headers] : credentials) {
      CAPTURE(credential);
      f.is_at_socket = credential == "socket";
      const Answer answer = f.send(std::string(route.method), target_of(route, f.last_jti), headers);
      const bool is_admitted = kContract.at(name).contains(credential);
      CHECK(answer.was_admitted == is_admitted);
      if (!is_admitted) CHECK(answer.status == (credential == "none" ? 401 : 403));
      ++judged;
    }
  }
  CHECK(judged == kContract.size() * credentials.size());
  CHECK(admin::routes().size() == kContract.size());
}

TEST_CASE("a route cannot be made without saying who may use it") {
  static_assert(!std::is_default_constructible_v<admin::Access>);
  static_assert(!std::is_constructible_v<Route, const char*, const char*, admin::Handler>);
  static_assert(!std::is_constructible_v<Route, const char*, const char*, int, admin::Handler>);
  static_assert(std::is_constructible_v<Route, const char*, const char*, admin::Access, admin::Handler>);
}

TEST_CASE("a refusal for a missing scope names the scope") {
  Fixture f;
  const Answer answer = f.ask(ApiFixture::with(f.add_operator({Scope::read})));
  CHECK(answer.status == 403);
  CHECK(answer.detail() == "this needs the scope admin");
}

TEST_CASE("a missing, an unknown, an expired and a revoked token get the same answer") {
  Fixture f;
  const std::string expired = f.add_operator({Scope::admin});
  f.clock.advance(std::chrono::hours(25));
  const std::string revoked = f.add_operator({Scope::admin});
  REQUIRE(testing::run_task(f.loop, f.stores.tokens->revoke(f.last_jti, f.clock.wall())));
  const Answer missing = f.ask({});
  CHECK(missing.status == 401);
  CHECK(missing.header("WWW-Authenticate") == "Bearer");
  const std::vector<Headers> all{ApiFixture::with(expired),
                                 ApiFixture::with(revoked),
                                 ApiFixture::with(admin::make_token_secret()),
                                 ApiFixture::with("ush_"),
                                 {{"authorization", ""}},
                                 {{"authorization", "Bearer"}},
                                 {{"authorization", "Basic dXNlcjpwYXNz"}},
                                 {{"x-api-key", "wrong"}},
                                 {{"x-api-key", ""}}};
  for (const Headers& headers : all) {
    CAPTURE(headers.front().value);
    const Answer answer = f.ask(headers);
    CHECK(answer.status == 401);
    CHECK(answer.text == missing.text);
    CHECK(answer.header("WWW-Authenticate") == "Bearer");
  }
}

TEST_CASE("the scheme is read in any case, the token in its own") {
  Fixture f;
  const std::string secret = f.add_operator({Scope::admin});
  CHECK(f.ask({{"authorization", "bEaReR " + secret}}).status == 200);
  CHECK(f.ask({{"authorization", "Bearer   " + secret + " "}}).status == 200);
  std::string other = secret;
  std::ranges::transform(other, other.begin(),
                         [](char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 32) : c; });
  CHECK(f.ask(ApiFixture::with("ush_" + other.substr(4))).status == 401);
  CHECK(f.ask(ApiFixture::with(secret + "," + secret)).status == 401);
}

TEST_CASE("one request has one credential") {
  Fixture f;
  const net::Header bearer = ApiFixture::with(f.add_operator({Scope::admin})).front();
  CHECK(f.ask({bearer}).status == 200);
  CHECK(f.ask({bearer, bearer}).status == 400);
  CHECK(f.ask({bearer, {"x-api-key", kKey}}).status == 400);
  CHECK(f.ask({{"x-api-key", kKey}, {"x-api-key", kKey}}).status == 400);
}

TEST_CASE("a credential in the query is refused, though a good one came along") {
  Fixture f;
  const std::string secret = f.add_operator({Scope::admin});
  std::string escaped = "%75sh_" + secret.substr(4);
  for (const std::string& query : {"token=" + secret, "x=" + secret, "x=1&y=" + escaped, std::string("ACCESS_TOKEN=1"),
                                   std::string("a&t%6fken=x"), std::string("api_key="), secret}) {
    CAPTURE(query);
    const Answer answer = f.send("GET", "/tokens?" + query, ApiFixture::with(secret));
    CHECK(answer.status == 400);
    CHECK(answer.text.find(secret.substr(4)) == answer.text.npos);
    CHECK(f.send("GET", "/tokens?" + query).status == 400);
  }
  CHECK(f.send("GET", "/tokens?all=1&x=%", ApiFixture::with(secret)).status == 200);
}

TEST_CASE("Host must be one of the configured names, byte by byte but for case") {
  Fixture f;
  const std::string secret = f.add_operator({Scope::admin});
  const auto with_host = [&](const std::string& host) {
    return f.ask({{"host", host}, {"authorization", "Bearer " + secret}}).status;
  };
  CHECK(with_host("localhost:8787") == 200);
  CHECK(with_host("USHER.Example.COM") == 200);
  for (const char* foreign : {"evil.example.com", "localhost", "localhost:8788", "localhost:8787.", "localhost.:8787",
                              "usher.example.com:443", "usher.example.com.", "usher.example.com@evil.com",
                              "evil@usher.example.com", "xusher.example.com", "usher.example.com.evil.com",
                              "127.0.0.1:8787", "localhost:8787, evil.com", "", "usher.example.com\t"}) {
    CAPTURE(foreign);
    CHECK(with_host(foreign) == 421);
  }
  Headers twice = ApiFixture::with(secret);
  twice.push_back({"host", "localhost:8787"});
  twice.push_back({"host", "localhost:8787"});
  CHECK(f.ask(twice).status == 400);
}

TEST_CASE("an Origin must be this server's own") {
  Fixture f;
  const std::string secret = f.add_operator({Scope::admin});
  const auto with_origin = [&](Headers extra) {
    extra.push_back({"authorization", "Bearer " + secret});
    return f.ask(extra).status;
  };
  for (const char* own : {"http://localhost:8787", "https://usher.example.com", "HTTPS://Usher.example.com"}) {
    CHECK(with_origin({{"origin", own}}) == 200);
  }
  for (const char* foreign : {"null", "", "https://evil.com", "http://localhost", "http://localhost:8788",
                              "https://usher.example.com.evil.com", "https://usher.example.com.",
                              "https://usher.example.com:443", "https://a@usher.example.com", "usher.example.com",
                              "ftp://usher.example.com", "https://usher.example.com/", "file://"}) {
    CAPTURE(foreign);
    CHECK(with_origin({{"origin", foreign}}) == 403);
  }
  CHECK(with_origin({{"origin", "http://localhost:8787"}, {"origin", "http://localhost:8787"}}) == 403);
  CHECK(with_origin({{"sec-fetch-site", "cross-site"}}) == 403);
  CHECK(with_origin({{"sec-fetch-site", "Cross-Site"}, {"origin", "http://localhost:8787"}}) == 403);
  CHECK(with_origin({{"sec-fetch-site", "same-origin"}, {"origin", "http://localhost:8787"}}) == 200);
  CHECK(with_origin({{"sec-fetch-site", "none"}}) == 200);
}

TEST_CASE("Host and Origin are judged before routes, and routes before credentials") {
  Fixture f;
  CHECK(f.send("GET", "/nowhere", {{"host", "evil.com"}}).status == 421);
  CHECK(f.send("GET", "/nowhere", {{"origin", "https://evil.com"}}).status == 403);
  CHECK(f.send("GET", "/nowhere").status == 404);
  CHECK(f.send("PATCH", "/tokens").status == 405);
}

TEST_CASE("an unknown path is 404, a known one with another method 405 that names the methods") {
  Fixture f;
  for (const char* path :
       {"/", "", "*", "/tokens/", "//tokens", "/tokens/../tokens", "/TOKENS", "/tokens%2fagent", "/tokens/tok_1",
        "/tokens/TOK_0123456789abcdef", "/tokens/tok_0123456789ABCDEF", "/tokens/tok_0123456789abcdef/",
        "/tokens/evt_0123456789abcdef", "/healthz/x", "http://localhost:8787/healthz"}) {
    CAPTURE(path);
    const Answer answer = f.send("GET", path);
    CHECK(answer.status == 404);
    CHECK(answer.text == R"({"detail":"not found"})");
  }
  CHECK(f.send("POST", "/healthz").header("Allow") == "GET, HEAD");
  CHECK(f.send("GET", "/tokens/agent").header("Allow") == "POST");
  CHECK(f.send("PATCH", "/tokens/tok_0123456789abcdef").header("Allow") == "GET, HEAD, DELETE");
  CHECK(f.send("get", "/healthz").status == 405);
}

TEST_CASE("what GET may, HEAD may too, and nothing else") {
  Fixture f;
  const std::string admin = f.add_operator({Scope::admin});
  const std::string own = "/tokens/" + f.last_jti;
  for (const std::string& path : {std::string("/healthz"), std::string("/readyz"), std::string("/tokens"), own}) {
    CAPTURE(path);
    CHECK(f.send("HEAD", path, ApiFixture::with(admin)).status == 200);
  }
  CHECK(f.send("HEAD", "/events/evt_0000000000000000", ApiFixture::with(admin)).status == 404);
  CHECK(f.send("HEAD", "/tokens").status == 401);
  CHECK(f.send("HEAD", "/tokens", ApiFixture::with(f.add_agent())).status == 403);
  for (const char* path : {"/events", "/tokens/agent", "/tokens/subagent"}) {
    CHECK(f.send("HEAD", path, ApiFixture::with(admin)).status == 405);
  }
}

TEST_CASE("the probes answer anybody, under any Host, and say nothing else") {
  Fixture f;
  CHECK(f.send("GET", "/healthz", {{"host", "10.0.0.7:8787"}}).text == R"({"status":"ok"})");
  CHECK(f.send("GET", "/readyz").text == R"({"status":"ready"})");
  f.readiness = fail(ErrorKind::unavailable, "the model of tenant acme is down");
  const Answer answer = f.send("GET", "/readyz");
  CHECK(answer.status == 503);
  CHECK(answer.text == R"({"status":"not ready"})");
}

TEST_CASE("a body must be JSON by its content type and within the bound") {
  Fixture f;
  const std::string secret = f.add_agent();
  const std::string event = R"({"action":"data:read:x"})";
  const auto status_for = [&](const std::string& type) {
    return f.send("POST", "/events", {{"authorization", "Bearer " + secret}, {"content-type", type}}, event).status;
  };
  CHECK(status_for("application/json") == 201);
  CHECK(status_for("Application/JSON; charset=utf-8") == 201);
  for (const char* type : {"", "text/plain", "application/x-www-form-urlencoded", "application/jsonx", "json",
                           "application/j\xc5\xbfon"}) {
    CAPTURE(type);
    CHECK(status_for(type) == 415);
  }
  const std::string large = R"({"action":"data:read:x","metadata":{"a":")" + std::string(66'000, 'a') + R"("}})";
  CHECK(f.post("/events", secret, large).status == 413);
  CHECK(f.send("GET", "/tokens/" + f.last_jti, ApiFixture::with(secret), "x").status == 413);
}

TEST_CASE("a token that is revoked or expires while its body is on the way does nothing any more") {
  Fixture f;
  const std::string secret = f.add_agent();
  CHECK(f.event_status(secret) == 201);
  SUBCASE("revoked") {
    f.before_body = [&]() {
      Result<store::Database> command = store::Database::open(f.dir / "api.db", {.sharing = store::Sharing::shared});
      REQUIRE(command);
      REQUIRE(command->run("UPDATE token SET revoked_at = 1"));
    };
  }
  SUBCASE("expired") {
    f.before_body = [&]() { f.clock.advance(std::chrono::hours(30)); };
  }
  CHECK(f.event_status(secret) == 401);
}

TEST_CASE("a revocation by another process binds the next request") {
  Fixture f;
  const std::string secret = f.add_agent();
  Result<admin::ApiStores> command = admin::open_api_stores(f.dir / "api.db", f.loop.get_executor());
  REQUIRE(command);
  CHECK(f.event_status(secret) == 201);
  REQUIRE(testing::run_task(f.loop, command->tokens->revoke(f.last_jti, f.clock.wall())));
  CHECK(f.event_status(secret) == 401);
}

TEST_CASE("a token below one that is not usable is none, though it was not revoked itself") {
  Fixture f;
  f.add_agent();
  const std::string parent = f.last_jti;
  const std::string child = f.add({.kind = admin::TokenKind::agent, .tenant = "default", .parent = parent, .depth = 1});
  CHECK(f.event_status(child) == 201);
  Result<store::Database> database = store::Database::open(f.dir / "api.db", {.sharing = store::Sharing::shared});
  REQUIRE(database);
  const auto id = store::Value(std::string_view(parent));
  SUBCASE("revoked") { REQUIRE(database->run("UPDATE token SET revoked_at = 1 WHERE jti = ?", {id})); }
  SUBCASE("expired") { REQUIRE(database->run("UPDATE token SET expires_at = 1 WHERE jti = ?", {id})); }
  SUBCASE("missing") { REQUIRE(database->run("DELETE FROM token WHERE jti = ?", {id})); }
  CHECK(f.event_status(child) == 401);
}

TEST_CASE("a token of a tenant that was removed is no credential") {
  Fixture f;
  const std::string agent = f.add_agent({}, "acme");
  const std::string person = f.add_operator({Scope::admin}, "acme");
  CHECK(f.event_status(agent) == 201);
  f.tenants.erase("acme");
  CHECK(f.event_status(agent) == 401);
  CHECK(f.ask(ApiFixture::with(person)).status == 401);
}

TEST_CASE("setting the clock back does not lengthen a token's life, setting it forward ends it") {
  Fixture f;
  const std::string secret = f.add_agent();
  const WallTime start = f.clock.wall();
  CHECK(f.event_status(secret) == 201);
  SUBCASE("back, and the lifetime passes") {
    f.clock.set_wall(start - std::chrono::seconds(30));
    CHECK(f.event_status(secret) == 201);
    f.clock.advance(std::chrono::hours(24) - std::chrono::seconds(1));
    CHECK(f.event_status(secret) == 201);
    f.clock.advance(std::chrono::seconds(1));
    CHECK(f.event_status(secret) == 401);
  }
  SUBCASE("forward beyond its end, and right again") {
    f.clock.set_wall(start + std::chrono::hours(25));
    CHECK(f.event_status(secret) == 401);
    f.clock.set_wall(start + std::chrono::hours(1));
    CHECK(f.event_status(secret) == 201);
  }
  SUBCASE("back before it was made") {
    f.clock.set_wall(start - std::chrono::seconds(61));
    CHECK(f.event_status(secret) == 401);
  }
  SUBCASE("first seen under a clock that was wrong") {
    f.clock.set_wall(start + std::chrono::days(400));
    const std::string other = f.add({.kind = admin::TokenKind::agent,
                                     .tenant = "default",
                                     .created_at = start,
                                     .expires_at = start + std::chrono::hours(1)});
    CHECK(f.event_status(other) == 401);
    f.clock.set_wall(start);
    CHECK(f.event_status(other) == 201);
  }
}
