// What turns did: effects, model calls, what was kept and counted of them.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <optional>
#include <ranges>
#include <set>
#include <span>

#include "e2e/crash/history/checker.h"

namespace usher::e2e::crash {
namespace {

constexpr std::chrono::microseconds kMinute = std::chrono::minutes(1);
// A call is admitted some time before the simulator sees it.
constexpr std::chrono::microseconds kOnItsWay = std::chrono::seconds(1);

// Of the newest messages of a conversation; a memory forgets what is far behind.
constexpr std::size_t kSurelyKept = 60;

// Where a turn stands when its process dies: the model's newest answer is stored as a step …
constexpr std::array<std::string_view, 3> kStepIsStored{"turn.step_committed", "turn.call_committed", "turn.call_done"};
// … or as the reply.
constexpr std::array<std::string_view, 3> kReplyIsStored{"reply.committed", "reply.remembered",
                                                         "delivery.part_leaving"};

// Which question to the model: of which turn, of which agent in it, after how many answers.
struct Question {
  int message = 0;
  std::string agent;
  int round = 0;
  auto operator<=>(const Question&) const = default;
};

// That an answer which grows is shown proves nothing; that it is stored does.
bool is_answered_by(const History& history, const Event& event) {
  const Message* message = history.find(event.message);
  if (!message || !message->grows) return event.kind == Event::Kind::reply_arrived;
  return event.kind == Event::Kind::stored && event.text != "received" && event.text != "running";
}

bool holds(std::span<const std::string_view> labels, std::string_view label) {
  return std::ranges::find(labels, label) != labels.end();
}

Question question_of(const Event& event) { return {event.message, event.agent, event.round}; }

// Of every message that waits for its answer at the end of a life: the question that the model answered last.
// Nothing can be concluded (nullopt) while one of them may be at the label without having asked the model at all.
std::optional<std::vector<Question>> last_questions(const History& history, std::size_t death, std::string_view label) {
  const bool is_step = holds(kStepIsStored, label);
  std::map<int, std::optional<Question>> waiting;
  std::set<int> answered;
  for (const Event& event : std::span(history.events).first(death)) {
    if (event.kind == Event::Kind::written) waiting[event.message];
    if (event.kind == Event::Kind::model_asked) waiting[event.message] = question_of(event);
    if (event.kind == Event::Kind::reply_arrived) answered.insert(event.message);
  }
  std::vector<Question> last;
  for (const auto& [message, question] : waiting) {
    if (answered.contains(message)) {
      // The rest of its reply may be what is on its way, or the whole of it where it grew.
      const Message* grown = history.find(message);
      if (!is_step && (label == "delivery.part_leaving" || (grown && grown->grows))) return std::nullopt;
      continue;
    }
    if (question) last.push_back(*question);
    if (!question && !is_step) return std::nullopt;
  }
  return last;
}

// One of those turns stood at the label, so its question must not come again.
void check_death_at_label(const History& history, std::size_t death, Violations& found) {
  const Event& ended = history.events[death];
  if (!holds(kStepIsStored, ended.label) && !holds(kReplyIsStored, ended.label)) return;
  const auto last = last_questions(history, death, ended.label);
  if (!last || last->empty()) return;
  const std::span after = std::span(history.events).subspan(death);
  const bool all_come_again = std::ranges::all_of(*last, [&](const Question& question) {
    return std::ranges::any_of(after, [&](const Event& event) {
      return event.kind == Event::Kind::model_asked && question_of(event) == question;
    });
  });
  if (!all_come_again) return;
  found.push_back(
      {"paid twice",
       fmt::format("life {} died at {}, where an answer of the model is stored, and all of the {} questions "
                   "then open are asked again",
                   ended.life, ended.label, last->size()),
       last->front().message, ended.life});
}

}  // namespace

Violations check_stored(const History& history) {
  Violations found;
  std::set<int> confirmed, stored;
  for (const Event& event : history.events) {
    if (event.kind == Event::Kind::confirmed) confirmed.insert(event.message);
    if (event.kind == Event::Kind::stored) stored.insert(event.message);
    if (event.kind != Event::Kind::life_ended) continue;
    std::vector<int> missing;
    std::ranges::set_difference(confirmed, stored, std::back_inserter(missing));
    for (int message : missing) {
      found.push_back(
          {"stored", fmt::format("T{} is confirmed to the platform and not on disk", message), message, event.life});
      confirmed.erase(message);
    }
  }
  return found;
}

Violations check_effects(const History& history) {
  Violations found;
  for (const auto& [token, times] : history.remains.effects) {
    if (times <= 1) continue;
    found.push_back({"effects", fmt::format("{} happened {} times", token, times), message_of_token(token)});
  }
  std::set<std::string> claimed;
  for (const Event& event : history.events) {
    if (event.kind != Event::Kind::reply_arrived) continue;
    for (std::string& token : claims_of(event.text)) claimed.insert(std::move(token));
  }
  for (const std::string& token : claimed) {
    if (history.remains.effects.contains(token)) continue;
    found.push_back(
        {"effects", fmt::format("{} is said to have succeeded and is not there", token), message_of_token(token)});
  }
  return found;
}

Violations check_provable(const History& history) {
  Violations found;
  std::map<int, std::map<std::string, int>> owed;  // rows, by message and action
  for (const Event& event : history.events) {
    // Whoever is stopped at once may never have been given a role.
    const bool is_answer = event.kind == Event::Kind::reply_arrived && !event.text.starts_with(kStopped);
    if (is_answer || event.kind == Event::Kind::model_asked) {
      owed[event.message]["role:resolve:sender"] = 1;
    }
  }
  for (const auto& [token, times] : history.remains.effects) {
    const bool is_fact = token.find("/m") != std::string::npos;
    owed[message_of_token(token)][is_fact ? "memory:write:facts" : "file:write:files"] += times;
  }
  for (const auto& [message, actions] : owed) {
    const auto rows = history.remains.allowed.find(message);
    for (const auto& [action, times] : actions) {
      const bool has_row = rows != history.remains.allowed.end() && rows->second.contains(action);
      const int allowed = has_row ? rows->second.at(action) : 0;
      if (allowed >= times) continue;
      found.push_back(
          {"provable",
           fmt::format("T{}: {} happened {} times, and the ledger allows it {} times", message, action, times, allowed),
           message});
    }
  }
  return found;
}

Violations check_remembered(const History& history) {
  std::set<int> answered;  // by the model; a reply that is unknown was stored, be it that it never left
  for (const Event& event : history.events) {
    if (event.kind == Event::Kind::reply_arrived && !lines_of(event.text).empty()) answered.insert(event.message);
  }
  for (const auto& [number, state] : history.remains.states) {
    const Message* message = history.find(number);
    // In a group it may have been usher's own sentence about a limit.
    if (state == "unknown" && message && !message->is_in_group) answered.insert(number);
  }
  Violations found;
  std::map<std::string, std::size_t> newer;  // messages in the same conversation
  std::set<std::string> cleared;             // perhaps, by a newer /new: check_forgotten knows
  for (const Message& message : history.messages | std::views::reverse) {
    const auto kept = history.remains.remembered.find(message.number);
    const int times = kept == history.remains.remembered.end() ? 0 : kept->second;
    const bool is_kept = !cleared.contains(message.conversation);
    const bool must_be_there =
        is_kept && answered.contains(message.number) && newer[message.conversation]++ < kSurelyKept;
    if (message.command == "new") cleared.insert(message.conversation);
    if (times > 1 || (times == 0 && must_be_there)) {
      found.push_back(
          {"remembered", fmt::format("T{} is in its sender's memory {} times", message.number, times), message.number});
    }
  }
  return found;
}

Violations check_rate(const History& history) {
  Violations found;
  for (const auto& [sender, limit] : history.calls_per_minute) {
    std::vector<const Event*> calls;
    for (const Event& event : history.events) {
      if (event.kind == Event::Kind::model_asked && event.sender == sender) calls.push_back(&event);
    }
    const auto most = static_cast<std::size_t>(limit);
    for (std::size_t i = most; i < calls.size(); ++i) {
      if (calls[i]->at - calls[i - most]->at >= kMinute - kOnItsWay) continue;
      found.push_back(
          {"rate",
           fmt::format("{} reached the model {} times within {} s; {} are allowed in a minute", sender, most + 1,
                       std::chrono::ceil<std::chrono::seconds>(calls[i]->at - calls[i - most]->at).count(), limit),
           calls[i]->message, calls[i]->life});
      break;
    }
  }
  return found;
}

Violations check_paid_once(const History& history) {
  Violations found;
  std::map<std::pair<int, std::string>, int> furthest;  // by turn and agent: the last round that was asked for
  std::map<int, int> answered;                          // since which life nothing may be asked any more
  for (std::size_t i = 0; i < history.events.size(); ++i) {
    const Event& event = history.events[i];
    // Who is stopped may have asked in the same moment.
    const int since = event.text.starts_with(kStopped) ? event.life + 1 : event.life;
    if (is_answered_by(history, event)) answered.try_emplace(event.message, since);
    if (event.kind == Event::Kind::life_ended) check_death_at_label(history, i, found);
    if (event.kind != Event::Kind::model_asked) continue;
    int& round = furthest.try_emplace({event.message, event.agent}, 0).first->second;
    const auto known = answered.find(event.message);
    if (event.round < round || (known != answered.end() && event.life >= known->second)) {
      found.push_back(
          {"paid twice",
           fmt::format("T{} {}: round {} is asked for again after {}", event.message, event.agent, event.round,
                       event.round < round ? fmt::format("round {}", round) : "its answer has arrived"),
           event.message, event.life});
    }
    round = std::max(round, event.round);
  }
  return found;
}

Violations check_budget(const History& history) {
  std::map<std::string, std::int64_t> cost;
  for (const Event& event : history.events) {
    if (event.kind == Event::Kind::model_asked) cost[event.sender] += event.micro_usd;
  }
  Violations found;
  for (const auto& [sender, amount] : cost) {
    const auto charged = history.remains.charged.find(sender);
    const std::int64_t known = charged == history.remains.charged.end() ? 0 : charged->second;
    if (known >= amount) continue;
    found.push_back({"budget", fmt::format("{} used {} µUSD and was charged {}", sender, amount, known)});
  }
  return found;
}

Violations check_soundness(const History& history) {
  Violations found;
  for (const Event& event : history.events) {
    if (event.kind != Event::Kind::life_ended || event.is_violent || event.text == "exit 0") continue;
    found.push_back({"soundness", fmt::format("life {} ended by itself: {}", event.life, event.text), 0, event.life});
  }
  for (const std::string& database : history.remains.damaged) {
    found.push_back({"soundness", "a damaged database: " + database});
  }
  if (!history.remains.ledger.empty()) found.push_back({"soundness", "the ledger: " + history.remains.ledger});
  return found;
}

}  // namespace usher::e2e::crash
