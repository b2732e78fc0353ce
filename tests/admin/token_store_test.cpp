#include <doctest/doctest.h>
#include <sys/stat.h>

#include <fstream>
#include <iterator>

#include "admin/tokens.h"
#include "base/log.h"
#include "store/sqlite.h"
#include "support/manual_clock.h"
#include "support/run_task.h"
#include "support/temp_dir.h"

using namespace usher;
using admin::Scope;
using admin::Scopes;
using admin::Token;
using admin::TokenKind;
using testing::run_task;

namespace {

struct Fixture {
  testing::TempDir dir;
  testing::ManualClock clock;
  asio::io_context loop{1};
  admin::ApiStores stores = open();

  admin::ApiStores open(std::size_t max_events = 1000) {
    Result<admin::ApiStores> opened = admin::open_api_stores(dir / "api.db", loop.get_executor(), max_events);
    REQUIRE(opened);
    return std::move(*opened);
  }
  Token agent(const Token* parent = nullptr) const {
    return {.jti = admin::make_jti(),
            .kind = TokenKind::agent,
            .name = "agent",
            .tenant = "default",
            .parent = parent ? parent->jti : "",
            .depth = parent ? parent->depth + 1 : 0,
            .policy = {.allowed_actions = {"data:*"}, .denied_actions = {"data:delete:*"}},
            .created_at = clock.wall(),
            .expires_at = parent ? parent->expires_at : clock.wall() + std::chrono::hours(1)};
  }
  Result<void> add(const Token& token, const std::string& secret = admin::make_token_secret()) {
    return run_task(loop, stores.tokens->add(token, secret, clock.wall()));
  }
  Token added(const Token* parent = nullptr) {
    Token token = agent(parent);
    REQUIRE(add(token));
    return token;
  }
  std::vector<std::string> revoke(const std::string& jti) {
    Result<std::vector<std::string>> revoked = run_task(loop, stores.tokens->revoke(jti, clock.wall()));
    REQUIRE(revoked);
    return *revoked;
  }
};

bool is_none(const Result<std::optional<Token>>& found) { return found && !*found; }

ErrorKind kind_of(const Result<void>& result) {
  REQUIRE(!result);
  return result.error().kind;
}

}  // namespace

TEST_CASE("secrets and names have their forms and do not repeat") {
  const std::string secret = admin::make_token_secret();
  CHECK(secret.size() == 47);
  CHECK(admin::looks_like_token(secret));
  CHECK(secret != admin::make_token_secret());
  CHECK(admin::make_jti().size() == 20);
  CHECK(admin::make_jti() != admin::make_jti());
  CHECK_FALSE(admin::looks_like_token(secret + "A"));
  CHECK_FALSE(admin::looks_like_token("ush_"));
  CHECK_FALSE(admin::looks_like_token("usx_" + secret.substr(4)));
  CHECK_FALSE(admin::looks_like_token(secret.substr(0, 46) + "="));
}

TEST_CASE("a scope implies no other, but admin implies all") {
  for (Scope has : {Scope::read, Scope::operate, Scope::approve, Scope::admin}) {
    for (Scope wants : {Scope::read, Scope::operate, Scope::approve, Scope::admin}) {
      CHECK(Scopes{has}.includes(wants) == (has == wants || has == Scope::admin));
    }
  }
  CHECK_FALSE(Scopes{}.includes(Scope::read));
}

TEST_CASE("scopes are written as words and read back") {
  const Scopes scopes{Scope::admin, Scope::read};
  CHECK(scopes.words() == "read,admin");
  CHECK(Scopes::parse("admin,read") == scopes);
  CHECK(Scopes::parse("")->is_empty());
  for (const char* wrong : {"root", "read,", ",read", "read,,admin", "Read", " read", "read, admin", ","}) {
    CAPTURE(wrong);
    CHECK_FALSE(Scopes::parse(wrong));
  }
}

TEST_CASE("a token is found by its secret, and only by its own") {
  Fixture f;
  const Token token = f.agent();
  const std::string secret = admin::make_token_secret();
  REQUIRE(f.add(token, secret));
  const Result<std::optional<Token>> found = f.stores.tokens->find(secret);
  REQUIRE(found);
  REQUIRE(*found);
  CHECK((*found)->jti == token.jti);
  CHECK((*found)->policy == token.policy);
  CHECK((*found)->expires_at == token.expires_at);
  CHECK_FALSE((*found)->revoked_at);
  std::string other = secret;
  other.back() = other.back() == 'A' ? 'B' : 'A';
  for (const std::string& wrong : {other, std::string(), secret + " ", secret.substr(0, 46), token.jti}) {
    CHECK(is_none(f.stores.tokens->find(wrong)));
  }
}

TEST_CASE("a digest that shares its prefix with another is not taken for it") {
  Fixture f;
  const std::string secret = admin::make_token_secret();
  const std::string digest = to_hex(sha256(secret));
  REQUIRE(f.add(f.agent()));
  Result<store::Database> database = store::Database::open(f.dir / "api.db", {.sharing = store::Sharing::shared});
  REQUIRE(database);
  const std::string near = digest.substr(0, 63) + (digest[63] == '0' ? '1' : '0');
  REQUIRE(database->run("UPDATE token SET digest = ?", {store::Value(std::string_view(near))}));
  CHECK(is_none(f.stores.tokens->find(secret)));
}

TEST_CASE("the files hold no secret and are private") {
  Fixture f;
  const std::string secret = admin::make_token_secret();
  REQUIRE(f.add(f.agent(), secret));
  for (const char* name : {"api.db", "api.db-wal"}) {
    std::ifstream in(f.dir / name, std::ios::binary);
    const std::string bytes(std::istreambuf_iterator<char>(in), {});
    CAPTURE(name);
    CHECK(bytes.find(secret) == bytes.npos);
    CHECK(bytes.find(secret.substr(4, 20)) == bytes.npos);
    struct stat info{};
    REQUIRE(::stat((f.dir / name).c_str(), &info) == 0);
    CHECK((info.st_mode & 0777) == 0600);
  }
}

TEST_CASE("two stores on one file see each other's tokens and revocations at once") {
  Fixture f;
  admin::ApiStores command = f.open();
  const Token token = f.added();
  const Result<std::optional<Token>> seen = command.tokens->find_by_jti(token.jti);
  REQUIRE(seen);
  CHECK(*seen);
  REQUIRE(run_task(f.loop, command.tokens->revoke(token.jti, f.clock.wall())));
  const Result<std::vector<Token>> chain = f.stores.tokens->chain(token.jti);
  REQUIRE(chain);
  CHECK(chain->front().revoked_at == f.clock.wall());
}

TEST_CASE("a chain goes from a token to the top") {
  Fixture f;
  std::vector<Token> line{f.added()};
  for (int depth = 1; depth <= admin::kMaxAgentDepth; ++depth) line.push_back(f.added(&line.back()));
  const Result<std::vector<Token>> chain = f.stores.tokens->chain(line.back().jti);
  REQUIRE(chain);
  REQUIRE(chain->size() == line.size());
  for (std::size_t i = 0; i < line.size(); ++i) CHECK((*chain)[i].jti == line[line.size() - 1 - i].jti);
  CHECK(f.stores.tokens->chain("tok_0000000000000000").error().kind == ErrorKind::not_found);
}

TEST_CASE("a chain with a link missing is none") {
  Fixture f;
  const Token root = f.added();
  const Token middle = f.added(&root);
  const Token leaf = f.added(&middle);
  Result<store::Database> database = store::Database::open(f.dir / "api.db", {.sharing = store::Sharing::shared});
  REQUIRE(database);
  REQUIRE(database->run("DELETE FROM token WHERE jti = ?", {store::Value(std::string_view(middle.jti))}));
  CHECK(f.stores.tokens->chain(leaf.jti).error().kind == ErrorKind::not_found);
  CHECK(f.stores.tokens->chain(root.jti));
  SUBCASE("and neither is a ring") {
    REQUIRE(database->run("UPDATE token SET parent = ? WHERE jti = ?",
                          {store::Value(std::string_view(leaf.jti)), store::Value(std::string_view(leaf.jti))}));
    CHECK(f.stores.tokens->chain(leaf.jti).error().kind == ErrorKind::not_found);
    CHECK(f.revoke(leaf.jti) == std::vector<std::string>{leaf.jti});
  }
}

TEST_CASE("a revocation takes every descendant along and nothing else") {
  Fixture f;
  const Token root = f.added();
  const Token left = f.added(&root);
  const Token right = f.added(&root);
  const Token below = f.added(&left);
  const Token stranger = f.added();
  CHECK(f.revoke(below.jti) == std::vector<std::string>{below.jti});
  CHECK(f.revoke(root.jti) == std::vector<std::string>{root.jti, left.jti, right.jti});
  CHECK(f.revoke(root.jti).empty());
  const Result<std::optional<Token>> untouched = f.stores.tokens->find_by_jti(stranger.jti);
  REQUIRE(untouched);
  CHECK((*untouched)->is_usable(f.clock.wall()));
  const auto unknown = run_task(f.loop, f.stores.tokens->revoke("tok_0000000000000000", f.clock.wall()));
  CHECK(unknown.error().kind == ErrorKind::not_found);
}

TEST_CASE("nothing is added under a token that is not usable") {
  Fixture f;
  const Token root = f.added();
  const Token middle = f.added(&root);
  const Token child = f.agent(&middle);
  SUBCASE("revoked") { f.revoke(middle.jti); }
  SUBCASE("revoked further up") { f.revoke(root.jti); }
  SUBCASE("expired") { f.clock.advance(std::chrono::hours(2)); }
  CHECK(kind_of(f.add(child)) == ErrorKind::not_found);
  CHECK(is_none(f.stores.tokens->find_by_jti(child.jti)));
}

TEST_CASE("a child that does not fit below its parent is not added") {
  Fixture f;
  const Token root = f.added();
  Token child = f.agent(&root);
  SUBCASE("a depth too low") { child.depth = 0; }
  SUBCASE("a depth too high") { child.depth = 2; }
  SUBCASE("another tenant") { child.tenant = "acme"; }
  SUBCASE("it lives longer") { child.expires_at += std::chrono::milliseconds(1); }
  CHECK(kind_of(f.add(child)) == ErrorKind::invalid);
}

TEST_CASE("an agent's family is bounded, and what is unusable makes room") {
  Fixture f;
  const Token root = f.added();
  std::vector<Token> children;
  for (int i = 1; i < admin::kMaxFamily; ++i) children.push_back(f.agent(&root));
  // All at once: they share a few commits.
  int count = 0;
  for (const Token& each : children) {
    asio::co_spawn(f.loop, f.stores.tokens->add(each, "secret", f.clock.wall()),
                   [&](std::exception_ptr error, Result<void> done) { count += !error && done ? 1 : 0; });
  }
  f.loop.restart();
  f.loop.run();
  REQUIRE(count == admin::kMaxFamily - 1);
  CHECK(kind_of(f.add(f.agent(&root))) == ErrorKind::limit);
  CHECK(f.add(f.agent()));
  f.revoke(children.front().jti);
  CHECK(f.add(f.agent(&root)));
  CHECK(kind_of(f.add(f.agent(&root))) == ErrorKind::limit);
  CHECK(is_none(f.stores.tokens->find_by_jti(children.front().jti)));
}

TEST_CASE("a list is of one tenant or of all, newest first, without the revoked unless they are wanted") {
  Fixture f;
  const Token first = f.added();
  Token other = f.agent();
  other.tenant = "acme";
  REQUIRE(f.add(other));
  const Token last = f.added();
  f.revoke(first.jti);
  const auto names = [&](std::string_view tenant, bool with_revoked) {
    const Result<std::vector<Token>> list = f.stores.tokens->list(tenant, with_revoked);
    REQUIRE(list);
    std::vector<std::string> found;
    for (const Token& each : *list) found.push_back(each.jti);
    return found;
  };
  CHECK(names("", true) == std::vector<std::string>{last.jti, other.jti, first.jti});
  CHECK(names("", false) == std::vector<std::string>{last.jti, other.jti});
  CHECK(names("default", false) == std::vector<std::string>{last.jti});
  CHECK(names("nobody", true).empty());
}

TEST_CASE("a policy is replaced for agents only") {
  Fixture f;
  const Token token = f.added();
  const policy::PolicyDocument tighter{.allowed_actions = {}};
  CHECK(run_task(f.loop, f.stores.tokens->replace_policy(token.jti, tighter)));
  CHECK(f.stores.tokens->chain(token.jti)->front().policy == tighter);
  Token person{.jti = admin::make_jti(), .scopes = {Scope::read}, .expires_at = f.clock.wall()};
  REQUIRE(f.add(person));
  CHECK(kind_of(run_task(f.loop, f.stores.tokens->replace_policy(person.jti, tighter))) == ErrorKind::not_found);
}

TEST_CASE("a policy that is damaged in the file makes the token unusable, not unlimited") {
  Fixture f;
  const std::string secret = admin::make_token_secret();
  REQUIRE(f.add(f.agent(), secret));
  Result<store::Database> database = store::Database::open(f.dir / "api.db", {.sharing = store::Sharing::shared});
  REQUIRE(database);
  REQUIRE(database->run("UPDATE token SET policy = '{'"));
  CHECK(f.stores.tokens->find(secret).error().kind == ErrorKind::io);
}

TEST_CASE("a database of a newer usher is refused") {
  Fixture f;
  {
    Result<store::Database> database = store::Database::open(f.dir / "api.db", {.sharing = store::Sharing::shared});
    REQUIRE(database);
    REQUIRE(database->script("PRAGMA user_version=99"));
  }
  CHECK_FALSE(admin::open_api_stores(f.dir / "api.db", f.loop.get_executor()));
}

TEST_CASE("a usable token is neither revoked nor expired nor from the future") {
  const WallTime now{std::chrono::milliseconds(1'790'000'000'000)};
  Token token{.created_at = now, .expires_at = now + std::chrono::seconds(10)};
  CHECK(token.is_usable(now));
  CHECK_FALSE(token.is_usable(token.expires_at));
  CHECK(token.is_usable(now - std::chrono::seconds(60)));
  CHECK_FALSE(token.is_usable(now - std::chrono::seconds(61)));
  token.revoked_at = now + std::chrono::hours(1);
  CHECK_FALSE(token.is_usable(now));
}

TEST_CASE("events are kept whole, and the oldest beyond the bound are dropped") {
  Fixture f;
  admin::ApiStores stores = f.open(3);
  std::vector<std::string> ids;
  for (int i = 0; i < 5; ++i) {
    admin::Event event{.id = admin::make_event_id(),
                       .principal = "tok_1",
                       .tenant = "default",
                       .action = "data:read:x",
                       .resource = "r",
                       .sensitivity = i % 5,
                       .metadata = R"({"a":1})",
                       .skipped_policy = i == 4,
                       .at = f.clock.wall()};
    ids.push_back(event.id);
    REQUIRE(run_task(f.loop, stores.events->add(event)));
  }
  for (int i = 0; i < 5; ++i) CHECK((*stores.events->find(ids[static_cast<std::size_t>(i)])).has_value() == (i >= 2));
  const std::optional<admin::Event> last = *stores.events->find(ids[4]);
  CHECK(last->metadata == R"({"a":1})");
  CHECK(last->skipped_policy);
  CHECK(last->at == f.clock.wall());
}

TEST_CASE("the events of one tenant do not push out those of another") {
  Fixture f;
  admin::ApiStores stores = f.open(3);
  const auto add = [&](const std::string& tenant) {
    admin::Event event{.id = admin::make_event_id(), .principal = "tok_1", .tenant = tenant, .metadata = "{}"};
    REQUIRE(run_task(f.loop, stores.events->add(event)));
    return event.id;
  };
  const auto is_kept = [&](const std::string& id) { return (*stores.events->find(id)).has_value(); };
  const std::string quiet = add("quiet");
  std::vector<std::string> loud;
  for (int i = 0; i < 10; ++i) loud.push_back(add("loud"));
  CHECK(is_kept(quiet));
  for (std::size_t i = 0; i < loud.size(); ++i) CHECK(is_kept(loud[i]) == (i >= 7));
  add("quiet");
  add("quiet");
  CHECK(is_kept(quiet));
  add("quiet");
  CHECK_FALSE(is_kept(quiet));
  CHECK(is_kept(loud.back()));
}
