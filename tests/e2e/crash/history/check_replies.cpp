// What people read: whole, once, in order.
#include <fmt/format.h>

#include <algorithm>
#include <ranges>
#include <set>

#include "e2e/crash/history/checker.h"

namespace usher::e2e::crash {
namespace {

// What arrived of one message's answer.
struct Arrived {
  std::set<int> lines;
  int of = 0;         // lines that the answer has, as it says itself
  int sentences = 0;  // of usher's own, without a token: a limit, an outage
  bool is_whole() const { return sentences > 0 || (of > 0 && static_cast<int>(lines.size()) == of); }
};

std::map<int, Arrived> arrived_in(const History& history) {
  std::map<int, Arrived> arrived;
  for (const Event& event : history.events) {
    if (event.kind != Event::Kind::reply_arrived) continue;
    const std::vector<AnswerLine> lines = lines_of(event.text);
    if (lines.empty()) ++arrived[event.message].sentences;
    for (const AnswerLine& line : lines) {
      arrived[line.message].lines.insert(line.number);
      arrived[line.message].of = line.of;
    }
  }
  return arrived;
}

std::string state_of(const History& history, int message) {
  const auto found = history.remains.states.find(message);
  return found == history.remains.states.end() ? "not on disk" : found->second;
}

}  // namespace

Violations check_answered(const History& history) {
  Violations found;
  std::set<int> confirmed;
  for (const Event& event : history.events) {
    if (event.kind == Event::Kind::confirmed) confirmed.insert(event.message);
  }
  std::map<int, Arrived> arrived = arrived_in(history);
  for (const Message& message : history.messages) {
    const std::string state = state_of(history, message.number);
    if (!confirmed.contains(message.number)) {
      found.push_back({"answered", fmt::format("T{} was never accepted", message.number), message.number});
    } else if (state == "undelivered" && history.closed.contains(message.number)) {
      continue;
    } else if (message.command == "stop" && state == "sent" && !arrived.contains(message.number)) {
      continue;  // check_commands knows whether that may be
    } else if (state != "unknown" && !arrived[message.number].is_whole()) {
      found.push_back(
          {"answered",
           fmt::format("T{} was accepted; {} of {} lines of its answer arrived and it is {}", message.number,
                       arrived[message.number].lines.size(), arrived[message.number].of, state),
           message.number});
    }
  }
  return found;
}

Violations check_once(const History& history) {
  Violations found;
  std::set<std::pair<int, int>> seen;
  std::set<int> answered_in_a_sentence;
  for (const Event& event : history.events) {
    if (event.kind != Event::Kind::reply_arrived) continue;
    const auto report = [&](int message, const std::string& what) {
      found.push_back({"once", what, message, event.life});
    };
    const std::vector<AnswerLine> lines = lines_of(event.text);
    const Message* message = history.find(event.message);
    if (!message || (lines.empty() && !message->is_in_group)) {
      report(event.message, "an answer that belongs to no message: " + event.text);
      continue;
    }
    if (lines.empty() && !answered_in_a_sentence.insert(event.message).second) {
      report(event.message, fmt::format("T{} is answered twice: {}", event.message, event.text));
    }
    for (const AnswerLine& line : lines) {
      if (line.message != event.message) {
        report(event.message, fmt::format("T{} is answered with what was meant for T{}", event.message, line.message));
      } else if (!seen.insert({line.message, line.number}).second) {
        report(line.message, fmt::format("line {} of the answer to T{} arrives twice", line.number, line.message));
        break;
      }
    }
    const auto line_of_it = seen.lower_bound({event.message, 0});
    const bool has_lines = line_of_it != seen.end() && line_of_it->first == event.message;
    if (answered_in_a_sentence.contains(event.message) && has_lines) {
      report(event.message, fmt::format("T{} is answered by the model and by usher itself", event.message));
    }
  }
  return found;
}

Violations check_parts(const History& history) {
  Violations found;
  std::map<int, int> last;
  std::set<std::pair<int, int>> seen;
  for (const Event& event : history.events) {
    if (event.kind != Event::Kind::reply_arrived) continue;
    for (const AnswerLine& line : lines_of(event.text)) {
      if (!seen.insert({line.message, line.number}).second) continue;  // check_once says so
      int& before = last[line.message];
      const bool is_next = line.number == before + 1;
      const bool may_have_gap = state_of(history, line.message) == "unknown" && line.number > before;
      if (!is_next && !may_have_gap) {
        found.push_back(
            {"parts",
             fmt::format("line {} of the answer to T{} arrives behind line {}", line.number, line.message, before),
             line.message, event.life});
      }
      before = line.number;
    }
  }
  return found;
}

Violations check_order(const History& history) {
  Violations found;
  std::map<int, std::size_t> place;
  for (std::size_t i = 0; i < history.messages.size(); ++i) place[history.messages[i].number] = i;
  std::map<std::string, int> newest;   // message answered last, by conversation
  std::set<std::pair<int, int>> seen;  // what arrives again is check_once's
  std::set<int> reported;
  for (const Event& event : history.events) {
    const Message* message = history.find(event.message);
    if (event.kind != Event::Kind::reply_arrived || !message) continue;
    const std::vector<AnswerLine> lines = lines_of(event.text);
    if (!seen.insert({message->number, lines.empty() ? 0 : lines.front().number}).second) continue;
    int& answered = newest[message->conversation];
    const bool is_late = answered != 0 && place[message->number] < place[answered];
    // A /stop overtakes what waits.
    if (!is_late && message->command != "stop") answered = message->number;
    if (!is_late || !reported.insert(message->number).second) continue;
    found.push_back(
        {"order", fmt::format("T{} is answered behind T{}", message->number, answered), message->number, event.life});
  }
  return found;
}

Violations check_unknown(const History& history) {
  std::set<int> leaving, may_be_unknown(history.answers_lost);
  for (const Event& event : history.events) {
    if (event.kind == Event::Kind::stored && event.text == "sending") leaving.insert(event.message);
    if (event.kind == Event::Kind::stored && event.text != "sending") leaving.erase(event.message);
    if (event.kind == Event::Kind::life_ended && event.is_violent)
      may_be_unknown.insert(leaving.begin(), leaving.end());
  }
  Violations found;
  for (const auto& [message, state] : history.remains.states) {
    if (state != "unknown" || may_be_unknown.contains(message)) continue;
    found.push_back(
        {"unknown", fmt::format("the reply to T{} is unknown, and nothing broke while it left", message), message});
  }
  return found;
}

Violations check_shown(const History& history) {
  std::map<std::string, std::int64_t> unknown;
  for (const auto& [number, state] : history.remains.states) {
    const Message* message = history.find(number);
    if (message && state == "unknown") ++unknown[message->conversation];
  }
  if (unknown == history.remains.shown_as_unknown) return {};
  std::string what = "replies that are unknown, and as they are shown:";
  for (const auto& [conversation, count] : unknown) what += fmt::format(" {} {},", conversation, count);
  what += " but";
  for (const auto& [conversation, count] : history.remains.shown_as_unknown) {
    what += fmt::format(" {} {},", conversation, count);
  }
  return {{"shown", what}};
}

}  // namespace usher::e2e::crash
