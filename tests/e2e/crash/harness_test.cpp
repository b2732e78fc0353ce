// The harness itself: its schedule replays, its model says the same to the same, and it sees a gateway that forgets.
#include "e2e/crash/harness.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <filesystem>

#include "base/failpoint.h"
#include "e2e/crash/history/checker.h"
#include "e2e/crash/schedule/script.h"
#include "e2e/crash/telegram/telegram_stage.h"

namespace usher::e2e::crash {
namespace {

namespace fs = std::filesystem;

constexpr int kLives = 120;

std::vector<std::string> lives_of(std::uint64_t seed, std::vector<std::string_view> labels) {
  Schedule schedule(seed, std::move(labels), true);
  std::vector<std::string> lives;
  for (int i = 0; i < kLives; ++i) lives.push_back(to_string(schedule.next()));
  return lives;
}

TEST_CASE("a seed replays its schedule, another one has another") {
  CHECK(lives_of(7, {}) == lives_of(7, {}));
  CHECK(lives_of(7, {}) != lives_of(8, {}));
}

TEST_CASE("a schedule kills at each of its labels, and in every other way") {
  const std::vector<std::string> lives = lives_of(7, {std::begin(kFailpoints), std::end(kFailpoints)});
  const auto has = [&](const std::string& text) {
    return std::ranges::any_of(lives, [&](const std::string& life) { return contains(life, text); });
  };
  for (std::string_view label : kFailpoints) CHECK_MESSAGE(has("kill at " + std::string(label) + ":1;"), label);
  const std::vector<std::string> others = lives_of(7, {});
  for (const char* way :
       {"kill after event", "the start", "SIGTERM", "the last answer", "is lost", "once more", "429", "'/stop'",
        "'/new'", "'/help'", "with a picture", "as a slash command", "by a button", "grow 14", "grow 36"}) {
    CHECK_MESSAGE(std::ranges::any_of(others, [&](const std::string& life) { return contains(life, way); }), way);
  }
}

json::object request_with(json::array more, const std::string& said) {
  json::array messages{json::object{{"role", "user"}, {"content", said}}};
  for (json::value& message : more) messages.push_back(std::move(message));
  return {{"messages", std::move(messages)}};
}

TEST_CASE("the model follows the plan of the newest message, and claims only what a tool reported") {
  const std::string said = "<context>\nsender: x\n</context>\nT7 plan: edit+store;say 1";
  const ModelAnswer first = answer_by_plan(request_with({}, said));
  REQUIRE(first.tool_calls.size() == 2);
  CHECK(first.tool_calls[0].name == "file_edit");
  CHECK(contains(first.tool_calls[0].arguments, "[T7/e0.0]"));
  json::array calls;
  for (const ModelToolCall& call : first.tool_calls) {
    calls.push_back({{"id", call.id}, {"function", {{"name", call.name}, {"arguments", call.arguments}}}});
  }
  json::array done{json::object{{"role", "assistant"}, {"tool_calls", std::move(calls)}},
                   json::object{{"role", "tool"}, {"tool_call_id", "call_0_0"}, {"content", "Edited files/log.txt."}},
                   json::object{{"role", "tool"}, {"tool_call_id", "call_0_1"}, {"content", "error: interrupted"}},
                   json::object{{"role", "user"}, {"content", "a word of the gateway in between"}}};
  const ModelAnswer last = answer_by_plan(request_with(std::move(done), said));
  CHECK(last.tool_calls.empty());
  CHECK(last.text == "T7#1/1  ok: T7/e0.0");
}

std::vector<std::string> properties_of(const std::vector<Violation>& violations) {
  std::vector<std::string> properties;
  for (const Violation& violation : violations) properties.push_back(violation.property);
  return properties;
}

bool holds(const std::vector<std::string>& properties, const std::string& property) {
  return std::ranges::find(properties, property) != properties.end();
}

TEST_CASE("the history of a run in peace is right, and no longer when an answer is taken out, doubled or moved") {
  TelegramStage stage;
  Harness harness(stage);
  Life life{.writings = {{.person = 0, .plan = "edit;say 150"}, {.person = 0, .plan = "say 1"}}};
  life.death.is_peaceful = true;
  harness.live(life);
  harness.end_in_peace();
  const History right = harness.history();
  for (const Violation& violation : check(right)) {
    FAIL_CHECK(explain(right, violation));
  }
  std::size_t answers = 0;
  for (std::size_t i = 0; i < right.events.size(); ++i) {
    if (right.events[i].kind != Event::Kind::reply_arrived) continue;
    ++answers;
    CAPTURE(to_string(right.events[i]));
    const auto at = static_cast<std::ptrdiff_t>(i);
    History lost = right, doubled = right, late = right;
    lost.events.erase(lost.events.begin() + at);
    CHECK(holds(properties_of(check(lost)), "answered"));
    doubled.events.insert(doubled.events.begin() + at, right.events[i]);
    CHECK(holds(properties_of(check(doubled)), "once"));
    late.events.erase(late.events.begin() + at);
    late.events.push_back(right.events[i]);
    if (right.events[i].message == 5) CHECK_FALSE(check(late).empty());  // T6 follows in the same conversation
  }
  CHECK(answers >= 4 + 3 + 1);
}

// What is violated when these files go at each death: of a gateway that dies in the middle of everybody's turns, and of
// one that has answered everybody and then hears some of it once more.
std::vector<std::string> violations_when_spoiled(const std::vector<std::string>& files) {
  TelegramStage stage;
  Harness harness(stage, [&](const World& world) {
    for (const std::string& file : files) fs::remove_all(world.dir / ("data/" + file));
  });
  for (int i = 0; i < 4; ++i) {
    Life life;
    for (std::size_t number = 0; number < 4 * kPeople.size(); ++number) {
      life.writings.push_back({.person = number % kPeople.size(), .plan = "say 1"});
    }
    life.death = {.way = Death::Way::event, .events = 30};
    harness.live(life);
    harness.live({.writings = {{.person = 0, .plan = "say 1"}}});
    harness.live({.repeats = 12});
  }
  harness.end_in_peace(1);  // what is lost will not come back
  return properties_of(check(harness.history()));
}

TEST_CASE("a gateway whose inbox is lost at each death is found out") {
  const std::vector<std::string> found = violations_when_spoiled({"gateway.db", "gateway.db-wal"});
  CHECK(holds(found, "answered"));
  CHECK(holds(found, "once"));
}

TEST_CASE("a gateway whose counters are lost at each death is found out") {
  const std::vector<std::string> found = violations_when_spoiled({"limits.db", "limits.db-wal", "limits.db-shm"});
  CHECK(holds(found, "rate"));
  CHECK(holds(found, "budget"));
}

TEST_CASE("a gateway that sends again what may have arrived is found out") {
  TelegramStage stage("resend_unknown = true\n");
  Harness harness(stage);
  harness.live(Schedule(1, {}).kill_at("delivery.part_arrived", 1));
  harness.end_in_peace();
  CHECK(holds(properties_of(check(harness.history())), "once"));
}

}  // namespace
}  // namespace usher::e2e::crash
