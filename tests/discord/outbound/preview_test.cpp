// Answers that grow, and what becomes of them.
#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "discord/outbound/outbound_fixture.h"

using namespace usher;
using namespace usher::discord;
using namespace std::chrono_literals;
using channel::Delivery;
using usher::testing::DiscordMessage;

namespace {

const std::string kSentence = "A sentence that is long enough to be worth showing. ";

void grow(OutboundFixture& f, int sentences = 1) {
  channel::Outgoing answer = f.outgoing("");
  for (int i = 0; i < sentences; ++i) f.outbound->show_progress(answer, kSentence);
}

bool has_message(OutboundFixture& f) {
  return f.run_until([&] { return f.simulator.sent().size() == 1; });
}

}  // namespace

TEST_CASE("an answer grows in one message, which the final text takes over") {
  OutboundFixture f;
  grow(f);
  REQUIRE(has_message(f));
  CHECK(f.message(0).nonce == "answer-1-0");
  grow(f);
  REQUIRE(f.run_until([&] { return f.simulator.count(kEdit) == 1; }));
  channel::Outgoing answer = f.outgoing("Other words in the end, @everyone.");
  answer.choices = {{"Yes", "yes"}};
  CHECK(f.send(answer) == Delivery::sent);
  REQUIRE(f.simulator.sent().size() == 1);
  const DiscordMessage sent = f.message(0);
  CHECK(sent.content == answer.text);
  CHECK(sent.components.size() == 1);
  CHECK(sent.pinged.empty());
  CHECK(sent.earlier.size() == 2);
  CHECK(f.passage.steps == "la");
}

TEST_CASE("a short beginning is not shown, nor a piece that comes after the end") {
  OutboundFixture f;
  f.outbound->show_progress(f.outgoing(""), "short");
  f.run_for(150ms);
  CHECK(f.simulator.count(kCreate) == 0);
  CHECK(f.send(f.outgoing("short and done")) == Delivery::sent);
  f.run_for(60ms);
  CHECK(f.simulator.count(kCreate) == 1);
  CHECK(f.simulator.count(kEdit) == 0);
}

TEST_CASE("however many pieces come, edits keep their pace and never queue") {
  OutboundFixture f;
  const auto began = std::chrono::steady_clock::now();
  for (int i = 0; i < 30; ++i) {
    grow(f);
    f.run_for(10ms);
  }
  const auto rounds = (std::chrono::steady_clock::now() - began) / f.options.edit_interval;
  CHECK(f.simulator.count(kEdit) >= 2);
  CHECK(f.simulator.count(kEdit) <= static_cast<std::size_t>(rounds));
}

TEST_CASE("what does not fit into one message is not edited for") {
  OutboundFixture f;
  f.outbound->show_progress(f.outgoing(""), long_text(4));
  REQUIRE(has_message(f));
  f.outbound->show_progress(f.outgoing(""), long_text(4));
  f.run_for(120ms);
  CHECK(f.simulator.count(kEdit) == 0);
  CHECK(f.send(f.outgoing(long_text(4))) == Delivery::sent);
  CHECK(f.simulator.sent().size() == 2);
}

TEST_CASE("after a 429 a preview stops, and the final text comes all the same") {
  OutboundFixture f;
  grow(f);
  REQUIRE(has_message(f));
  f.simulator.too_many(kEdit, "user", 0.2);
  grow(f);
  REQUIRE(f.run_until([&] { return f.simulator.count(kEdit) == 1; }));
  grow(f, 3);
  f.run_for(300ms);
  CHECK(f.simulator.count(kEdit) == 1);
  CHECK(f.send(f.outgoing("The end.")) == Delivery::sent);
  REQUIRE(f.simulator.sent().size() == 1);
  CHECK(f.message(0).content == "The end.");
}

TEST_CASE("where a limit leaves no room a preview waits for another round, and never meets it") {
  usher::testing::DiscordSimulatorOptions simulated;
  simulated.limits[kEdit] = {1, 150ms, "edits"};
  OutboundFixture f({}, simulated);
  grow(f);
  for (int i = 0; i < 300 && f.simulator.count(kEdit) < 3; ++i) {
    f.outbound->show_progress(f.outgoing(""), "more ");
    f.run_for(10ms);
  }
  CHECK(f.simulator.count(kEdit) == 3);
  CHECK(f.simulator.refused_calls() == 0);
  CHECK(f.send(f.outgoing("The end.")) == Delivery::sent);
  CHECK(f.message(0).content == "The end.");
}

TEST_CASE("the final text waits for the create under way, and finds its message") {
  OutboundFixture f;
  usher::testing::HttpReply slow;
  grow(f);
  // The create has left when the loop has seen it; its answer is still to come.
  f.simulator.lose_answer(kCreate);
  REQUIRE(has_message(f));
  CHECK(f.send(f.outgoing("The end.")) == Delivery::sent);
  REQUIRE(f.simulator.sent().size() == 1);
  CHECK(f.message(0).content == "The end.");
  CHECK(f.message(0).earlier.size() == 1);
}

TEST_CASE("a preview that somebody deleted, or that is too old to edit, is replaced") {
  OutboundFixture f;
  grow(f);
  REQUIRE(has_message(f));
  SUBCASE("deleted") { f.simulator.erase(f.message(0).id); }
  SUBCASE("too old") { f.simulator.refuse(kEdit, 429, 30046, "Maximum number of edits to old messages"); }
  CHECK(f.send(f.outgoing("The end.")) == Delivery::sent);
  REQUIRE(f.simulator.sent().size() == 2);
  CHECK(f.message(1).content == "The end.");
}

TEST_CASE("after a restart the nonce finds the preview, and the words are changed") {
  OutboundFixture f;
  grow(f);
  REQUIRE(has_message(f));
  f.outbound = std::make_unique<Outbound>(f.loop.get_executor(), *f.rest, f.options);
  CHECK(f.send(f.outgoing("The end.")) == Delivery::sent);
  REQUIRE(f.simulator.sent().size() == 1);
  CHECK(f.message(0).content == "The end.");
}

TEST_CASE("a preview is found again after a restart though its nonce is long forgotten") {
  OutboundFixture f;
  int changes = 0;
  f.outbound->recall({}, [&] { ++changes; });
  grow(f);
  REQUIRE(f.run_until([&] { return changes == 1; }));
  const Standing standing = f.outbound->standing();
  CHECK(standing == Standing{{"answer-1", f.message(0).id}});
  f.simulator.age_message(f.message(0).id, 10min);
  f.outbound = std::make_unique<Outbound>(f.loop.get_executor(), *f.rest, f.options);
  f.outbound->recall(standing, [&] { ++changes; });
  SUBCASE("and its answer grows on in it") {
    grow(f, 2);
    REQUIRE(f.run_until([&] { return f.message(0).earlier.size() == 1; }));
    CHECK(f.outbound->standing() == standing);
  }
  SUBCASE("and the final text takes its place") {}
  CHECK(f.send(f.outgoing("The end.")) == Delivery::sent);
  REQUIRE(f.simulator.sent().size() == 1);
  CHECK(f.message(0).content == "The end.");
  CHECK(f.outbound->standing().empty());
  CHECK(changes == 2);
}

TEST_CASE("of too many previews the newest are known to the next process") {
  OutboundFixture f;
  Standing left;
  for (std::size_t i = 0; i < kMaxStanding + 10; ++i) left["old-" + std::to_string(i)] = std::to_string(95 + i);
  f.outbound->recall(left, [] {});
  grow(f);
  REQUIRE(f.run_until([&] { return f.outbound->standing().contains("answer-1"); }));
  CHECK(f.outbound->standing().size() == kMaxStanding);
  CHECK_FALSE(f.outbound->standing().contains("old-10"));
  CHECK(f.outbound->standing().contains("old-11"));
}

TEST_CASE("an edit whose answer was lost is unknown, and said again it changes nothing") {
  OutboundFixture f;
  grow(f);
  REQUIRE(has_message(f));
  for (int i = 0; i < 2; ++i) f.simulator.lose_answer(kEdit);  // the connection is not new: it is tried once more
  CHECK(f.send(f.outgoing("The end.")) == Delivery::unknown);
  CHECK(f.send(f.outgoing("The end.")) == Delivery::sent);
  CHECK(f.simulator.sent().size() == 1);
  CHECK(f.message(0).content == "The end.");
}

TEST_CASE("one preview a chat, and none that begins in the middle of its text") {
  OutboundFixture f;
  grow(f);
  channel::Outgoing second = f.outgoing("");
  second.idempotency = "answer-2";
  f.outbound->show_progress(second, kSentence);
  REQUIRE(has_message(f));
  CHECK(f.send(f.outgoing("The end.")) == Delivery::sent);
  f.outbound->show_progress(second, kSentence);
  f.run_for(150ms);
  CHECK(f.simulator.sent().size() == 1);
  second.text = "Mine.";
  CHECK(f.send(second) == Delivery::sent);
  CHECK(f.simulator.sent().size() == 2);
}

TEST_CASE("a preview that hangs when everything stops is cancelled") {
  OutboundFixture f;
  usher::testing::HttpReply hang;
  hang.hang = true;
  f.simulator.fault(kCreate, hang);
  grow(f);
  REQUIRE(f.run_until([&] { return f.simulator.count(kCreate) == 1; }));
  const auto began = std::chrono::steady_clock::now();
  usher::testing::run_task(f.loop, [](Outbound& out) -> Task<int> {
    co_await out.stop();
    co_return 0;
  }(*f.outbound));
  CHECK(std::chrono::steady_clock::now() - began < 2s);
}
