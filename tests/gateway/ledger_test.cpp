// What the orchestrator writes into the ledger, and that nothing happens where it cannot.
#include "flaky_journal.h"

using namespace usher;
using testing::FakeProvider;
using testing::GatewayFixture;

TEST_CASE("every message is a row that says who its sender was found to be, before anything is done for it") {
  GatewayFixture f;
  std::size_t rows_before_the_model = 0;
  f.model.then([&](const provider::TextSink&) -> Task<Result<provider::Completion>> {
    rows_before_the_model = f.ledger.records.size();
    co_return FakeProvider::text("hello");
  });
  const channel::Incoming incoming = f.channel->message("42", "hi");
  f.ask(incoming);
  CHECK(rows_before_the_model == 1);
  const audit::Record& row = f.ledger.records.at(0);
  CHECK(row.kind == audit::Kind::resolution);
  CHECK(row.outcome == audit::Outcome::allowed);
  CHECK(row.tenant == "default");
  CHECK(row.who == "telegram:42");
  CHECK(row.role == "buyer");
  CHECK(row.source == "bot/" + incoming.platform_id);
  CHECK(row.rule.find("default_role") != std::string::npos);
  f.ask("1", "/whoami");
  CHECK(f.ledger.records.back().who == "telegram:1");
  CHECK(f.ledger.records.back().rule.find("assignment") != std::string::npos);
}

TEST_CASE("a group's ceiling, and whoever is turned away, are rows too") {
  GatewayFixture f;
  channel::Incoming incoming = f.channel->message("1", "hi");
  incoming.chat = "-100";
  incoming.is_group = true;
  f.ask(incoming);
  CHECK(f.ledger.records.back().role == "owner/buyer");
  CHECK(f.ledger.records.back().resource == "-100");

  channel::Incoming nobody = f.channel->message("", "hi");
  REQUIRE(f.deliver({nobody}));
  f.ask("42", "hi");
  CHECK(f.ledger.records.at(1).outcome == audit::Outcome::denied);
  CHECK(f.ledger.records.at(1).who.empty());

  std::string config = testing::kShopConfig;
  config.replace(config.find("default_role = \"buyer\""), 22, "default_role = \"deny\" ");
  GatewayFixture strict(config);
  strict.ask("42", "hi");
  REQUIRE(strict.ledger.records.size() == 1);
  CHECK(strict.ledger.records[0].outcome == audit::Outcome::denied);
  CHECK(strict.ledger.records[0].rule == "default_role");
}

TEST_CASE("where the ledger cannot be written nothing is done, and the person is told so without a reason") {
  GatewayFixture f;
  f.ledger.failure = Error{ErrorKind::io, "the disk is full"};
  CHECK(f.ask("42", "hi") == gateway::Texts().say("unavailable"));
  CHECK(f.ask("42", "/new") == gateway::Texts().say("unavailable"));
  CHECK(f.model.requests.empty());
  f.ledger.failure.reset();
  CHECK(f.ask("42", "hi") == "done");
}

TEST_CASE("the row of a message is begun with it, once however often it is offered, and anew where it failed") {
  GatewayFixture f;
  testing::FlakyJournal* journal = testing::make_flaky(f);
  journal->fails_accept = true;
  const channel::Incoming incoming = f.channel->message("42", "hi");
  for (int i = 0; i < 3; ++i) CHECK_FALSE(f.deliver({incoming}));
  CHECK(f.ledger.records.size() == 1);
  journal->fails_accept = false;
  CHECK(f.ask(incoming) == "done");
  CHECK(f.ledger.records.size() == 1);

  // Written too early for the ledger, and again in time.
  f.ledger.failure = Error{ErrorKind::io, "the disk is full"};
  bool was_refused = false;
  f.ledger.on_refusal = [&] {
    was_refused = true;
    f.ledger.failure.reset();
  };
  CHECK(f.ask("42", "again") == "done");
  CHECK(was_refused);
  CHECK(f.ledger.records.size() == 2);
}

TEST_CASE("a model call that a limit refuses is a row that names the limit") {
  GatewayFixture f;
  for (int i = 0; i < 4; ++i) f.ask("42", "hi");
  const audit::Record& row = f.ledger.records.back();
  CHECK(row.kind == audit::Kind::limit);
  CHECK(row.outcome == audit::Outcome::denied);
  CHECK(row.who == "telegram:42");
  CHECK(row.rule == "rate_limit_per_minute (model calls) of role buyer");
  CHECK(row.resource == "fake-1");
}

TEST_CASE("a call of a tool that was not offered is a denial on record, before the model is told") {
  GatewayFixture f;
  f.model.then(FakeProvider::calls({{.id = "c1", .name = "file_write", .arguments = "{}"},
                                    {.id = "c2", .name = "product_search", .arguments = R"({"query":"x"})"}}));
  std::size_t rows_before_it_is_told = 0;
  f.model.then([&](const provider::TextSink&) -> Task<Result<provider::Completion>> {
    rows_before_it_is_told = f.ledger.records.size();
    co_return FakeProvider::text("sorry");
  });
  f.ask("42", "write a file");
  CHECK(rows_before_it_is_told == 3);  // who it is, the call that was not offered, the one that was
  const audit::Record& row = f.ledger.records.at(1);
  CHECK(row.kind == audit::Kind::decision);
  CHECK(row.outcome == audit::Outcome::denied);
  CHECK(row.resource == "file_write");
  CHECK(row.who == "telegram:42");
  CHECK(row.rule == "not offered");
}
