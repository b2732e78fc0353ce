// What commands, pictures and answers that grow add to the history, each violated once.
#include <doctest/doctest.h>

#include "e2e/crash/history/told.h"

namespace usher::e2e::crash {
namespace {

constexpr const char* kAnn = "main/200";
const std::string kStop(kStopped), kNothing(kNothingToStop), kNew(kNewConversation);

TEST_CASE("a turn that is stopped has one answer, and so has its /stop or it has none") {
  Told told;
  told.say(kAnn, "", kStop);
  told.say(kAnn, "stop", "");
  CHECK(told.verdict().empty());
  told.say(kAnn, "stop", kNothing);
  CHECK(told.verdict().empty());
  told.reply(4, "T4#1/1");
  CHECK(told.verdict().front() == "once");
}

TEST_CASE("who is stopped may have asked the model in the same moment, and not in the next life") {
  Told told;
  told.say(kAnn, "", kStop);
  told.say(kAnn, "stop", "");
  told.history.remains.charged["default/telegram:200"] += 260;
  const auto stopped = told.find(kStop);
  Event asked = *std::ranges::find_if(
      told.history.events, [](const Event& event) { return event.kind == Kind::model_asked && event.message == 4; });
  told.history.events.insert(stopped + 1, asked);
  CHECK(told.verdict().empty());
  asked.life += 1;
  told.history.events.push_back(asked);
  CHECK(told.verdict() == Names{"paid twice"});
}

TEST_CASE("a turn that nobody stopped, and a /stop that stopped nothing and got no answer, are found") {
  Told nobody;
  nobody.say(kAnn, "", kStop);
  CHECK(nobody.verdict() == Names{"commands"});
  nobody.say("main/-500/300", "stop", kNothing);  // somebody else's
  CHECK(nobody.verdict() == Names{"commands"});

  Told silent;
  silent.say(kAnn, "stop", "");
  CHECK(silent.verdict() == Names{"commands"});

  Told twice;
  twice.say(kAnn, "", kStop);
  twice.say(kAnn, "stop", "");
  CHECK(twice.verdict().empty());
  twice.say(kAnn, "stop", "");
  CHECK(twice.verdict() == Names{"commands"});
}

TEST_CASE("a /stop may overtake what waits, and may not be late") {
  Told early;
  early.say(kAnn, "", kStop);
  early.say(kAnn, "", "T5#1/1");
  early.say(kAnn, "stop", kStop);
  std::vector<Event>& events = early.history.events;
  std::iter_swap(early.find("T5#1/1"), events.end() - 3);
  CHECK(early.verdict().empty());

  Told late;
  late.say(kAnn, "stop", kNothing);
  late.say(kAnn, "", "T5#1/1");
  std::swap(late.find(kNothing)->message, late.find("T5#1/1")->message);
  std::swap(late.find(kNothing)->text, late.find("T5#1/1")->text);
}

TEST_CASE("a command that is answered with another's words, or with the model's, is found") {
  Told told;
  told.say(kAnn, "help", kNothing);
  CHECK(told.verdict() == Names{"commands"});
  Told other;
  other.say(kAnn, "new", kNothing);
  CHECK(other.verdict() == Names{"commands"});
}

TEST_CASE("what was said before a /new is gone from the memory, and the model is not shown it") {
  Told told;
  told.say(kAnn, "new", kNew);
  CHECK(told.verdict() == Names{"forgotten"});  // T1 and T2 are still there
  told.history.remains.remembered.erase(1);
  told.history.remains.remembered.erase(2);
  CHECK(told.verdict().empty());

  told.say(kAnn, "", "T5#1/1");
  CHECK(told.verdict().empty());
  const auto asked = std::ranges::find_if(
      told.history.events, [](const Event& event) { return event.kind == Kind::model_asked && event.message == 5; });
  asked->shown = {2};
  CHECK(told.verdict() == Names{"forgotten"});
  asked->shown = {3};
  CHECK(told.verdict() == Names{"forgotten", "seen"});
}

TEST_CASE("a /new whose answer is unknown may have been obeyed or not") {
  Told told;
  told.say(kAnn, "new", "");
  told.history.answers_lost.insert(4);
  told.set_unknown(4);
  CHECK(told.verdict().empty());
  told.history.remains.remembered.erase(1);
  CHECK(told.verdict().empty());
  told.history.remains.remembered[2] = 2;
  CHECK(told.verdict() == Names{"remembered"});
}

TEST_CASE("a picture that the model is not shown is found") {
  Told told;
  told.history.messages[1].has_picture = true;
  CHECK(told.verdict() == Names{"seen"});
  for (Event& event : told.history.events) event.shows_picture = event.kind == Kind::model_asked && event.message == 2;
  CHECK(told.verdict().empty());
}

TEST_CASE("an answer that grows may be asked for again until it is stored, not behind that") {
  Told told;
  told.say(kAnn, "", "T4#1/2");
  told.history.messages.back().grows = true;
  CHECK(told.verdict() == Names{"answered"});
  told.find("T4#1/2")->text = "T4#1/2\nT4#2/2";  // the same message, edited
  CHECK(told.verdict().empty());
  const auto asks_again = [&](const std::string& state) {
    Told again = told;
    const auto stored = std::ranges::find_if(
        again.history.events, [](const Event& event) { return event.kind == Kind::stored && event.message == 4; });
    stored->text = state;
    again.begin(4);
    again.ask(4, 0);
    again.end("exit 0", false);
    again.history.remains.charged["default/telegram:200"] += 130;
    return again.verdict();
  };
  CHECK(asks_again("running").empty());
  CHECK(asks_again("sending") == Names{"paid twice"});
}

TEST_CASE("a command that the platform has closed needs no answer, another one does") {
  Told told;
  told.say(kAnn, "help", "");
  told.history.remains.states[4] = "undelivered";
  CHECK(told.verdict() == Names{"answered"});
  told.history.closed.insert(4);
  CHECK(told.verdict().empty());
}

}  // namespace
}  // namespace usher::e2e::crash
