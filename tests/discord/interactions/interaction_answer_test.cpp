// Answers that go through an interaction.
#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "discord/outbound/outbound_fixture.h"

using namespace usher;
using namespace usher::discord;
using namespace std::chrono_literals;
using channel::Delivery;
using usher::testing::DiscordMessage;

TEST_CASE("an answer fills what the acknowledgement announced; its further parts are messages") {
  OutboundFixture f;
  channel::Outgoing answer = f.outgoing(long_text(3), f.interaction(false));
  answer.choices = {{"Yes", "yes"}};
  CHECK(f.send(answer) == Delivery::sent);
  const std::vector<DiscordMessage> sent = f.simulator.sent();
  REQUIRE(sent.size() == 2);
  CHECK(sent[0].interaction == f.interaction_id);
  CHECK_FALSE(sent[0].is_loading);
  CHECK(sent[0].pinged.empty());
  CHECK(sent[1].interaction.empty());
  CHECK(sent[1].nonce == "answer-1-1");
  CHECK(sent[1].components.size() == 1);
  CHECK(f.passage.steps == "lala");
}

TEST_CASE("what only the asker may read stays so, however long it is") {
  OutboundFixture f;
  const std::string text = long_text(4);
  CHECK(f.send(f.outgoing(text, f.interaction(true))) == Delivery::sent);
  REQUIRE(f.simulator.sent().size() == 1);
  CHECK(f.message(0).is_ephemeral());
  REQUIRE(f.message(0).files.size() == 1);
  CHECK(f.message(0).files[0].bytes == text);
  CHECK(f.simulator.visible(f.channel).empty());
}

TEST_CASE("an answer that is ready before the acknowledgement waits for it") {
  OutboundFixture f;
  const std::string address = f.interaction(false, false);
  std::optional<Result<Delivery>> sent;
  asio::co_spawn(f.loop, f.outbound->send(f.outgoing("hi", address), f.passage, Deadline::in(5s)),
                 [&](std::exception_ptr, Result<Delivery> delivery) { sent = std::move(delivery); });
  REQUIRE(f.run_until([&] { return f.simulator.count(kRespond) >= 1; }));
  f.acknowledge(false);
  REQUIRE(f.run_until([&] { return sent.has_value(); }));
  CHECK(*sent == Delivery::sent);
  REQUIRE(f.simulator.sent().size() == 1);
  CHECK(f.message(0).content == "hi");
  CHECK(f.message(0).interaction == f.interaction_id);
}

TEST_CASE("an interaction that can be answered no more is answered in the channel, but never in front of others") {
  OutboundFixture f;
  SUBCASE("public") {
    const std::string address = f.interaction(false);
    f.simulator.age_interaction(f.interaction_id, 16min);
    CHECK(f.send(f.outgoing("late", address), 10s) == Delivery::sent);
    REQUIRE(f.simulator.visible(f.channel).size() >= 1);
    CHECK(f.simulator.visible(f.channel).back().content == "late");
    CHECK(f.simulator.visible(f.channel).back().nonce == "answer-1-0");
  }
  SUBCASE("ephemeral") {
    const std::string address = f.interaction(true);
    f.simulator.age_interaction(f.interaction_id, 16min);
    CHECK(f.send(f.outgoing("late", address), 10s) == Delivery::gone);
    CHECK(f.simulator.count(kCreate) == 0);
  }
}

TEST_CASE("where the bot may not write, the rest goes along as a file") {
  OutboundFixture f;
  const std::string text = long_text(5);
  const std::string address = f.interaction(false);
  f.simulator.forbid(f.channel, 50001);
  CHECK(f.send(f.outgoing(text, address)) == Delivery::sent);
  REQUIRE(f.simulator.sent().size() == 1);
  REQUIRE(f.message(0).files.size() == 1);
  CHECK(f.message(0).files[0].bytes == text);
  CHECK(f.passage.parts_arrived() == 3);
}

TEST_CASE("a lost answer to an interaction is said again in its place") {
  OutboundFixture f;
  const channel::Outgoing answer = f.outgoing("hi", f.interaction(false));
  f.simulator.lose_answer(kRespond);
  CHECK(f.send(answer) == Delivery::unknown);
  CHECK(f.send(answer) == Delivery::sent);
  CHECK(f.simulator.sent().size() == 1);
  CHECK(f.message(0).content == "hi");
}

TEST_CASE("an answer to an interaction grows in its place") {
  OutboundFixture f;
  channel::Outgoing answer = f.outgoing("", f.interaction(false));
  f.outbound->show_progress(answer, "A sentence that is long enough to be worth showing. ");
  REQUIRE(f.run_until([&] { return f.simulator.count(kRespond) == 1; }));
  answer.text = "The end.";
  CHECK(f.send(answer) == Delivery::sent);
  REQUIRE(f.simulator.sent().size() == 1);
  CHECK(f.message(0).content == "The end.");
  CHECK(f.simulator.count(kCreate) == 0);
}
