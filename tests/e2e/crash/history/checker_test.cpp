// A checker that finds nothing proves nothing: each property is violated once, in a history that is right otherwise.
#include "e2e/crash/history/checker.h"

#include <doctest/doctest.h>

#include <algorithm>

#include "e2e/crash/history/told.h"

namespace usher::e2e::crash {
namespace {

TEST_CASE("a history in which all went well is right") { CHECK(Told().verdict().empty()); }

TEST_CASE("a message that was accepted and never answered is found, one whose reply is unknown is not lost") {
  Told told;
  told.forget(Kind::reply_arrived, 2);
  CHECK(told.verdict() == Names{"answered"});
  told.set_unknown(2);
  told.history.answers_lost.insert(2);
  CHECK(told.verdict().empty());
}

TEST_CASE("an answer that lacks its end is found") {
  Told told;
  told.history.events.erase(told.find("T1#3/3 ok: T1/e0.0 T1/m0.1"));
  CHECK(told.verdict() == Names{"answered"});
}

TEST_CASE("a message that the platform could never hand over is found") {
  Told told;
  told.forget(Kind::confirmed, 2);
  CHECK(told.verdict() == Names{"answered"});
}

TEST_CASE("an answer that arrives twice is found, whether the model gave it or usher itself") {
  Told told;
  told.reply(2, "T2#1/1");
  CHECK(told.verdict() == Names{"once"});

  Told limited;
  limited.find("T3#1/1")->text = "Please try again in 9 seconds.";
  CHECK(limited.verdict().empty());
  limited.reply(3, "Please try again in 8 seconds.");
  CHECK(limited.verdict() == Names{"once"});
  limited.history.events.back().text = "T3#1/1";
  CHECK(limited.verdict() == Names{"once"});
}

TEST_CASE("an answer to nobody, or with somebody else's words, is found") {
  Told told;
  told.reply(0, "I cannot answer.");
  CHECK(told.verdict().front() == "once");

  Told private_sentence;
  private_sentence.find("T2#1/1")->text = "I cannot answer because of a problem on my side.";
  CHECK(private_sentence.verdict() == Names{"once"});

  Told mixed;
  mixed.find("T3#1/1")->text = "T2#1/1";
  CHECK(mixed.verdict().front() == "answered");
}

TEST_CASE("parts out of order are found, and a gap only where the reply is not unknown") {
  Told told;
  std::swap(told.find("T1#1/3\nT1#2/3")->text, told.find("T1#3/3 ok: T1/e0.0 T1/m0.1")->text);
  CHECK(told.verdict() == Names{"parts"});

  Told gap;
  gap.set_unknown(1);
  gap.history.answers_lost.insert(1);
  gap.find("T1#1/3\nT1#2/3")->text = "T1#1/3";
  CHECK(gap.verdict().empty());
  gap.history.remains.states[1] = "sent";
  gap.history.remains.shown_as_unknown.clear();
  CHECK(gap.verdict() == Names{"answered", "parts"});
}

TEST_CASE("answers that overtake each other in a conversation are found, other conversations may") {
  Told told;
  told.forget(Kind::model_asked, 2);
  const auto moved = *told.find("T2#1/1");
  told.history.events.erase(told.find("T2#1/1"));
  told.history.events.insert(told.find("T1#1/3\nT1#2/3"), moved);
  CHECK(told.verdict() == Names{"order"});
}

TEST_CASE("a part that arrives behind the next answer is found") {
  Told told;
  const auto moved = *told.find("T1#3/3 ok: T1/e0.0 T1/m0.1");
  told.history.events.erase(told.find(moved.text));
  told.history.events.insert(told.find("T2#1/1") + 1, moved);
  CHECK(told.verdict() == Names{"order"});
}

TEST_CASE("what is confirmed and not on disk when its life ends is found") {
  Told told;
  told.forget(Kind::stored, 2);
  CHECK(told.verdict() == Names{"stored"});
}

TEST_CASE("a reply that is unknown though nothing broke while it left is found") {
  Told told;
  told.set_unknown(2);
  CHECK(told.verdict() == Names{"unknown"});
  Told lost = told;
  lost.history.answers_lost.insert(2);
  CHECK(lost.verdict().empty());

  const auto killed = told.find("killed");
  Event leaving = *killed;
  leaving.kind = Kind::stored;
  leaving.message = 2;
  leaving.text = "sending";
  told.history.events.insert(killed, leaving);
  CHECK(told.verdict().empty());
  told.find("killed")->is_violent = false;
  told.find("killed")->text = "exit 0";
  CHECK(told.verdict() == Names{"unknown"});
}

TEST_CASE("an unknown reply that the operator is not shown is found") {
  Told told;
  told.set_unknown(2);
  told.history.answers_lost.insert(2);
  told.history.remains.shown_as_unknown.clear();
  CHECK(told.verdict() == Names{"shown"});
}

TEST_CASE("an effect that happened twice, or that was only said to have happened, is found") {
  Told twice;
  twice.history.remains.effects["T1/e0.0"] = 2;
  twice.history.remains.allowed[1]["file:write:files"] = 2;
  CHECK(twice.verdict() == Names{"effects"});

  Told claimed;
  claimed.history.remains.effects.erase("T1/m0.1");
  CHECK(claimed.verdict() == Names{"effects"});

  Told unclaimed;  // interrupted: it may or may not have happened
  unclaimed.history.remains.effects["T2/e0.0"] = 1;
  unclaimed.history.remains.allowed[2]["file:write:files"] = 1;
  CHECK(unclaimed.verdict().empty());
}

TEST_CASE("an effect or an answer without its row in the ledger is found") {
  for (const char* action : {"role:resolve:sender", "file:write:files", "memory:write:facts"}) {
    Told told;
    told.history.remains.allowed[1].erase(action);
    CHECK(told.verdict() == Names{"provable"});
  }
  Told told;
  told.history.remains.allowed.erase(2);
  CHECK(told.verdict() == Names{"provable"});
}

TEST_CASE("a turn that is not in its sender's memory, or twice, is found") {
  Told told;
  told.history.remains.remembered[1] = 2;
  CHECK(told.verdict() == Names{"remembered"});
  told.history.remains.remembered.erase(1);
  CHECK(told.verdict() == Names{"remembered"});
  told.find("T3#1/1")->text = "Please try again in 9 seconds.";  // no turn of the model's, so nothing to remember
  told.history.remains.remembered = {{1, 1}, {2, 1}};
  CHECK(told.verdict().empty());

  Told unknown;
  unknown.set_unknown(2);
  unknown.history.answers_lost.insert(2);
  unknown.forget(Kind::reply_arrived, 2);
  CHECK(unknown.verdict().empty());
  unknown.history.remains.remembered.erase(2);
  CHECK(unknown.verdict() == Names{"remembered"});
}

TEST_CASE("a sender who reaches the model too often within a minute is found, over all lives") {
  Told told;
  told.begin(3);
  told.now += std::chrono::seconds(50);
  told.ask(3, 0, "default/telegram:300");
  told.end("exit 0", false);
  told.history.remains.charged["default/telegram:300"] = 260;
  // The answer of T3 had arrived, so that is wrong as well.
  CHECK(told.verdict() == Names{"rate", "paid twice"});
  told.history.events[told.history.events.size() - 2].at += std::chrono::seconds(10);
  CHECK(told.verdict() == Names{"paid twice"});
}

TEST_CASE("a question whose answer was stored is not to be asked again") {
  Told told;
  const auto second = std::ranges::find_if(
      told.history.events, [](const Event& event) { return event.kind == Kind::model_asked && event.round == 1; });
  Event again = *second;
  again.round = 0;
  told.history.remains.charged["default/telegram:200"] += 130;
  told.history.events.insert(second + 1, again);
  CHECK(told.verdict() == Names{"paid twice"});
}

TEST_CASE("at the labels where an answer is stored, not even the newest question comes again") {
  const auto died_at = [](const std::string& label, bool asks_again) {
    Told told;
    for (Event& event : told.history.events) {
      if (event.kind == Kind::life_ended && event.is_violent) event.label = label;
      if (event.kind == Kind::model_asked && event.message == 1 && event.round == 1 && asks_again) event.round = 0;
    }
    return told.verdict();
  };
  CHECK(died_at("turn.step_committed", false).empty());
  CHECK(died_at("turn.step_committed", true) == Names{"paid twice"});
  CHECK(died_at("turn.call_done", true) == Names{"paid twice"});
  CHECK(died_at("turn.model_answered", true).empty());
  // T2 and T3 have not asked yet, so one of them may be what stood there.
  CHECK(died_at("reply.committed", true).empty());
}

TEST_CASE("calls that are not charged are found") {
  Told told;
  told.history.remains.charged["default/telegram:200"] = 389;
  CHECK(told.verdict() == Names{"budget"});
  told.history.remains.charged.clear();
  CHECK(told.verdict() == Names{"budget"});
}

TEST_CASE("a life that ends by itself, a damaged database and a broken ledger are found") {
  Told told;
  told.history.events.back().text = "exit 134";
  CHECK(told.verdict() == Names{"soundness"});
  Told damaged;
  damaged.history.remains.damaged.push_back("limits.db: row 3 missing from index");
  CHECK(damaged.verdict() == Names{"soundness"});
  Told ledger;
  ledger.history.remains.ledger = "exit 2: row 7 …";
  CHECK(ledger.verdict() == Names{"soundness"});
}

TEST_CASE("an explanation shows the conversation in each life, and no other") {
  Told told;
  told.reply(2, "T2#1/1");
  const std::vector<Violation> violations = check(told.history);
  REQUIRE(violations.size() == 1);
  const std::string text = explain(told.history, violations.front());
  for (const char* part :
       {"once: line 1", "main/200", "life 1", "killed", "life 2", "T1 model asked round 0", "T2#1/1"}) {
    CHECK_MESSAGE(text.find(part) != std::string::npos, part, " is not in\n", text);
  }
  CHECK(text.find("T3") == std::string::npos);
}

TEST_CASE("tokens are read as they are written") {
  CHECK(claims_of("T4#1/1 ok: T4/e0.0 T4/d1/e0.0\n") == Names{"T4/e0.0", "T4/d1/e0.0"});
  CHECK(claims_of("T4#1/1").empty());
  CHECK(effects_in("x [T4/e0.0]\n[end] [T4/d1/m0.12] [T4]") == Names{"T4/e0.0", "T4/d1/m0.12"});
  CHECK(lines_of("T1#2/30 and T and T1#3/30").size() == 2);
}

}  // namespace
}  // namespace usher::e2e::crash
