// A history that is right, for tests to break.
#pragma once

#include <doctest/doctest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "e2e/crash/history/checker.h"

namespace usher::e2e::crash {

using Kind = Event::Kind;
using Names = std::vector<std::string>;

// Two conversations over two lives. T1 (with two effects) and T2 are ann's, T3 is from a group; the first life dies
// while T1 runs.
class Told {
 public:
  // Says so to the operator too.
  void set_unknown(int message) {
    history.remains.states[message] = "unknown";
    ++history.remains.shown_as_unknown[history.find(message)->conversation];
  }

  Told() {
    history.messages = {{1, "main/200", 1000}, {2, "main/200", 1001}, {3, "main/-500/300", 1002, 77, true}};
    history.calls_per_minute["default/telegram:300"] = 1;
    begin(1);
    for (int message : {1, 2, 3}) add(Kind::written, message);
    for (int message : {1, 2, 3}) add(Kind::confirmed, message);
    ask(1, 0);
    for (int message : {1, 2, 3}) add(Kind::stored, message, "running");
    end("killed", true);
    begin(2);
    ask(1, 1);
    ask(3, 0, "default/telegram:300");
    reply(3, "T3#1/1");
    reply(1, "T1#1/3\nT1#2/3");
    reply(1, "T1#3/3 ok: T1/e0.0 T1/m0.1");
    ask(2, 0);
    reply(2, "T2#1/1");
    end("exit 0", false);
    history.remains.states = {{1, "sent"}, {2, "sent"}, {3, "sent"}};
    history.remains.effects = {{"T1/e0.0", 1}, {"T1/m0.1", 1}};
    for (int message : {1, 2, 3}) history.remains.allowed[message]["role:resolve:sender"] = 1;
    history.remains.allowed[1]["file:write:files"] = 1;
    history.remains.allowed[1]["memory:write:facts"] = 2;  // one was cut off
    history.remains.remembered = {{1, 1}, {2, 1}, {3, 1}};
    history.remains.charged = {{"default/telegram:200", 390}, {"default/telegram:300", 130}};
  }

  void add(Kind kind, int message, const std::string& text = "") {
    Event event{.kind = kind, .life = life, .at = now += std::chrono::milliseconds(10), .message = message};
    event.text = text;
    history.events.push_back(std::move(event));
  }
  void begin(int number) {
    life = number;
    add(Kind::life_began, 0);
  }
  void end(const std::string& how, bool is_violent, const std::string& label = "") {
    add(Kind::life_ended, 0, how);
    history.events.back().is_violent = is_violent;
    history.events.back().label = label;
  }
  void ask(int message, int round, const std::string& sender = "default/telegram:200") {
    add(Kind::model_asked, message);
    history.events.back().round = round;
    history.events.back().sender = sender;
    history.events.back().micro_usd = 130;
  }
  void reply(int message, const std::string& text) { add(Kind::reply_arrived, message, text); }
  // The reply with this text.
  std::vector<Event>::iterator find(const std::string& text) {
    const auto found = std::ranges::find(history.events, text, &Event::text);
    REQUIRE(found != history.events.end());
    return found;
  }
  void forget(Kind kind, int message) {
    std::erase_if(history.events, [&](const Event& event) { return event.kind == kind && event.message == message; });
  }

  // The properties that are violated, each once.
  std::vector<std::string> verdict() const {
    std::vector<std::string> properties;
    for (const Violation& violation : check(history)) properties.push_back(violation.property);
    properties.erase(std::unique(properties.begin(), properties.end()), properties.end());
    return properties;
  }

  // A message more, in a life of its own, with what usher answers: "" = nothing.
  Message& say(const std::string& conversation, const std::string& command, const std::string& answer) {
    const int number = static_cast<int>(history.messages.size()) + 1;
    history.messages.push_back({number, conversation, 1000 + number, 0, true, command});
    begin(life + 1);
    for (Kind kind : {Kind::written, Kind::confirmed}) add(kind, number);
    if (command.empty()) ask(number, 0);
    if (!answer.empty()) reply(number, answer);
    add(Kind::stored, number, "sent");
    end("exit 0", false);
    history.remains.states[number] = "sent";
    history.remains.allowed[number]["role:resolve:sender"] = 1;
    if (command.empty()) history.remains.charged["default/telegram:200"] += 130;
    const bool is_remembered = !lines_of(answer).empty();
    if (is_remembered) history.remains.remembered[number] = 1;
    return history.messages.back();
  }

  History history;
  int life = 0;
  std::chrono::microseconds now{0};
};

}  // namespace usher::e2e::crash
