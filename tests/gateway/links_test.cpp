// Accounts joined by a one-time code: the store, and what /link and /unlink say and do.
#include <doctest/doctest.h>

#include "base/text.h"
#include "gateway/links/joining.h"
#include "gateway_fixture.h"
#include "support/fakes/fake_ledger.h"
#include "support/run_task.h"

namespace usher::testing {
namespace {

using gateway::Links;

const Sender kAnn{"default", "telegram", "1"}, kHerOther{"default", "discord", "2"}, kBob{"default", "web", "bob"};

struct LinksFixture {
  TempDir dir;
  asio::io_context loop{1};
  ManualClock clock;
  std::unique_ptr<Links> links = open();

  std::unique_ptr<Links> open() {
    auto opened = gateway::open_links(dir / "links.db", loop.get_executor(), clock);
    REQUIRE(opened);
    return std::move(*opened);
  }
  void reopen() {
    links.reset();
    links = open();
  }
  std::string code_of(const Sender& keeper) { return *run_task(loop, links->issue_code(keeper)); }
  std::optional<Sender> issuer_of(std::string_view code, const std::string& tenant = "default") {
    return *run_task(loop, links->issuer_of(tenant, code));
  }
};

// A person's side of the talk, with the default texts.
struct Talk {
  GatewayFixture f{kGatewayConfig + R"(
[rbac]
default_role = "deny"
[rbac.roles.buyer]
workspace = "shop"
allowed_tools = ["memory_*"]
autonomy = "full"
[rbac.workspaces.shop]
path = "shop"
[[rbac.assignments]]
sender = "telegram:1"
role = "buyer"
[[identities]]
name = "joint"
senders = ["telegram:7", "telegram:8"]
)"};

  std::string ask(const std::string& sender, const std::string& text, bool is_group = false) {
    channel::Incoming message = f.channel->message(sender, text);
    message.is_group = is_group;
    const std::size_t before = f.channel->sent.size();
    REQUIRE(f.deliver({std::move(message)}));
    f.wait_for_sent(before + 1);
    return f.channel->sent.back().text;
  }
  std::string code_of(const std::string& sender) {
    const std::string said = ask(sender, "/link");
    const std::size_t at = said.find("/link ");
    REQUIRE(at != std::string::npos);
    return said.substr(at + 6, 10);
  }
};

}  // namespace

TEST_CASE("a code joins whoever enters it to whoever asked for it, once, and the next process knows") {
  LinksFixture f;
  const std::string code = f.code_of(kAnn);
  CHECK(code.size() == 10);
  CHECK(f.issuer_of(code) == kAnn);
  CHECK(f.issuer_of(lower_ascii(code.substr(0, 5)) + "-" + code.substr(5)) == kAnn);
  REQUIRE(run_task(f.loop, f.links->join(kHerOther, code)));
  CHECK(f.links->joined_to(kHerOther) == kAnn);
  CHECK_FALSE(f.links->joined_to(kAnn));
  CHECK(f.links->joined_by(kAnn) == std::vector{kHerOther});
  CHECK(run_task(f.loop, f.links->join(kBob, code)).error().kind == ErrorKind::not_found);
  CHECK_FALSE(f.issuer_of(code));
  f.reopen();
  CHECK(f.links->joined_to(kHerOther) == kAnn);
  CHECK(*gateway::read_joined_to(f.dir / "links.db", kHerOther) == kAnn);
  CHECK_FALSE(*gateway::read_joined_to(f.dir / "links.db", kBob));
  CHECK_FALSE(*gateway::read_joined_to(f.dir / "nothing.db", kBob));
}

TEST_CASE("a code is good for ten minutes, in its tenant, and only the newest of a sender") {
  LinksFixture f;
  const std::string first = f.code_of(kAnn), second = f.code_of(kAnn);
  CHECK_FALSE(f.issuer_of(first));
  CHECK_FALSE(f.issuer_of(second, "acme"));
  CHECK(run_task(f.loop, f.links->join({"acme", "web", "bob"}, second)).error().kind == ErrorKind::not_found);
  f.clock.advance(gateway::kLinkCodeLifetime - std::chrono::seconds(1));
  CHECK(f.issuer_of(second) == kAnn);
  f.clock.advance(std::chrono::seconds(1));
  CHECK_FALSE(f.issuer_of(second));
  for (const char* none : {"", "K7QD", "K7QDM3XPA1X", "K7QDM3XP'1", "ÄÖÜÄÖÜÄÖÜÄ"}) CHECK_FALSE(f.issuer_of(none));
}

TEST_CASE("separating ends what one has joined and who has joined one") {
  LinksFixture f;
  REQUIRE(run_task(f.loop, f.links->join(kHerOther, f.code_of(kAnn))));
  REQUIRE(run_task(f.loop, f.links->join(kBob, f.code_of(kAnn))));
  REQUIRE(run_task(f.loop, f.links->separate(kBob)));
  CHECK_FALSE(f.links->joined_to(kBob));
  CHECK(f.links->joined_to(kHerOther) == kAnn);
  REQUIRE(run_task(f.loop, f.links->separate(kAnn)));
  CHECK_FALSE(f.links->joined_to(kHerOther));
  f.reopen();
  CHECK_FALSE(f.links->joined_to(kHerOther));
}

TEST_CASE("three accounts are never joined one behind the other, whoever says yes last") {
  LinksFixture f;
  const std::string of_ann = f.code_of(kAnn), of_bob = f.code_of(kBob);
  REQUIRE(run_task(f.loop, f.links->join(kBob, of_ann)));
  CHECK(run_task(f.loop, f.links->join(kHerOther, of_bob)).error().kind == ErrorKind::denied);
  CHECK(run_task(f.loop, f.links->join(kAnn, f.code_of(kHerOther))).error().kind == ErrorKind::denied);
  CHECK(run_task(f.loop, f.links->join(kBob, f.code_of(kHerOther))).error().kind == ErrorKind::denied);
  CHECK_FALSE(f.links->joined_to(kHerOther));
  CHECK(f.links->joined_to(kBob) == kAnn);
}

TEST_CASE("a code that was asked for before separating joins nobody behind it") {
  LinksFixture f;
  REQUIRE(run_task(f.loop, f.links->join(kBob, f.code_of(kAnn))));
  const std::string kept = f.code_of(kAnn);
  REQUIRE(run_task(f.loop, f.links->separate(kAnn)));
  CHECK_FALSE(f.issuer_of(kept));
  CHECK(run_task(f.loop, f.links->join(kBob, kept)).error().kind == ErrorKind::not_found);
}

TEST_CASE("who was joined by the operator ends what others have joined by a code, and nothing else") {
  Talk talk;
  const Sender joined{"default", "telegram", "2"};
  const std::string code = *run_task(talk.f.loop, talk.f.links->issue_code({"default", "telegram", "7"}));
  REQUIRE(run_task(talk.f.loop, talk.f.links->join(joined, code)));
  gateway::Joining joining(*talk.f.links, *talk.f.roles, talk.f.ledger, talk.f.clock);
  const auto unlink = [&] {
    gateway::Joining::Request request{{"default", "telegram", "8"}, "/unlink", "bot/1", true};
    return run_task(talk.f.loop, joining.answer(std::move(request), gateway::Texts()));
  };
  CHECK(unlink().starts_with("Done. Whoever"));
  CHECK_FALSE(talk.f.links->joined_to(joined));
  CHECK(unlink().starts_with("This account was joined with others by the operator"));
}

TEST_CASE("somebody who would be turned away joins the account that is known, after saying yes, and leaves again") {
  Talk talk;
  CHECK(talk.ask("2", "/link").starts_with("You are not registered"));  // gives a stranger nothing to share
  const std::string code = talk.code_of("1");
  const std::string question = talk.ask("2", "/link " + code);
  CHECK(question.find("telegram:1") != std::string::npos);
  CHECK(talk.ask("2", "hello").starts_with("You are not registered"));  // nothing has happened yet
  CHECK(talk.ask("2", "/link " + code + " yes").starts_with("Done."));
  CHECK(talk.ask("2", "hello") == "done");
  CHECK(talk.ask("2", "/whoami").find("Role: buyer") != std::string::npos);
  CHECK(talk.ask("2", "/link " + talk.code_of("1")).starts_with("This account is joined with another"));
  CHECK(talk.ask("2", "/unlink").starts_with("Done."));
  CHECK(talk.ask("2", "hello").starts_with("You are not registered"));
  std::vector<std::string> rows;
  for (const audit::Record& row : talk.f.ledger.records) {
    if (row.action.starts_with("identity:")) rows.push_back(row.who + " " + row.action + " " + row.resource);
  }
  CHECK(rows == std::vector<std::string>{
                    "telegram:1 identity:issue:code telegram:1", "telegram:2 identity:join:sender telegram:1",
                    "telegram:1 identity:issue:code telegram:1", "telegram:2 identity:separate:sender telegram:2"});
}

TEST_CASE("joined accounts share one memory and one window of limits") {
  Talk talk;
  CHECK(talk.ask("2", "/LINK " + talk.code_of("1") + " yes").starts_with("Done."));
  talk.f.model.then(
      FakeProvider::calls({{.id = "1", .name = "memory_store", .arguments = R"({"text": "likes tents"})"}}));
  talk.ask("1", "remember it");
  talk.f.model.then(FakeProvider::calls({{.id = "2", .name = "memory_recall", .arguments = R"({"query": "tents"})"}}));
  talk.ask("2", "what do I like?");
  CHECK(talk.f.model.requests.back().messages.back().text.find("likes tents") != std::string::npos);
}

TEST_CASE("wrong codes are counted, and neither groups nor the operator's identities are joined") {
  Talk talk;
  const std::string code = talk.code_of("1");
  CHECK(talk.ask("2", "/link " + code + " yes", true).starts_with("Please write that to me in a private chat"));
  CHECK(talk.ask("1", "/link " + code + " yes").starts_with("I know no such code"));  // one's own
  for (int i = 0; i < 5; ++i) CHECK(talk.ask("3", "/link AAAAAAAAAA").starts_with("I know no such code"));
  CHECK(talk.ask("3", "/link " + code + " yes").starts_with("There were too many"));
  talk.f.clock.advance(std::chrono::minutes(10));
  CHECK(talk.ask("3", "/link " + talk.code_of("1") + " yes").starts_with("Done."));
  CHECK(talk.ask("7", "/link " + talk.code_of("1")).starts_with("This account was joined with others by the operator"));
}

TEST_CASE("a code that was written in a group joins nobody, for everybody there has read it") {
  Talk talk;
  const std::string code = talk.code_of("1");
  CHECK(talk.ask("2", "/link " + code, true).starts_with("Please write that to me in a private chat"));
  CHECK(talk.ask("3", "/link " + code + " yes").starts_with("I know no such code"));
  CHECK_FALSE(talk.f.links->joined_to({"default", "telegram", "3"}));
}

TEST_CASE("without a row in the ledger nobody is joined") {
  Talk talk;
  const std::string code = talk.code_of("1");
  talk.f.ledger.refused_action = "identity:join:sender";
  CHECK(talk.ask("2", "/link " + code + " yes").find("problem on my side") != std::string::npos);
  CHECK_FALSE(talk.f.links->joined_to({"default", "telegram", "2"}));
}

}  // namespace usher::testing
