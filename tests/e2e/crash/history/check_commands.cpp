// What commands do: who is stopped, what is forgotten, and what the model still sees.
#include <fmt/format.h>

#include <algorithm>
#include <ranges>

#include "e2e/crash/history/checker.h"

namespace usher::e2e::crash {
namespace {

// What usher said itself in answer to each message, if it did.
std::map<int, std::string> sentences_of(const History& history) {
  std::map<int, std::string> sentences;
  for (const Event& event : history.events) {
    const bool is_sentence = event.kind == Event::Kind::reply_arrived && lines_of(event.text).empty();
    if (is_sentence) sentences[event.message] = event.text;
  }
  return sentences;
}

bool is_unclear(const History& history, const Message& message) {
  const auto state = history.remains.states.find(message.number);
  return state != history.remains.states.end() && (state->second == "unknown" || state->second == "undelivered");
}

// Whether usher may say that to a message, whatever else went on.
bool may_say(const Message& message, std::string_view sentence) {
  if (sentence.starts_with(kStopped)) return true;
  if (message.command == "stop") return sentence.starts_with(kNothingToStop);
  if (message.command == "new") return sentence.starts_with(kNewConversation);
  return !sentence.starts_with(kNothingToStop) && !sentence.starts_with(kNewConversation);
}

// One conversation's messages in order: each "Stopped." has a /stop behind it, and each /stop without an answer a turn
// before it that was stopped.
void check_stops(const History& history, const std::vector<const Message*>& messages, Violations& found) {
  const std::map<int, std::string> sentences = sentences_of(history);
  const auto is_stopped = [&](const Message& message) {
    const auto sentence = sentences.find(message.number);
    return sentence != sentences.end() && sentence->second.starts_with(kStopped);
  };
  const auto last_stop = std::ranges::find(messages | std::views::reverse, "stop", &Message::command);
  const int last = last_stop == messages.rend() ? 0 : (*last_stop)->number;
  int stopped = 0, silent = 0;
  for (const Message* message : messages) {
    const bool is_stop = message->command == "stop";
    if (is_stopped(*message) && message->number >= last && !(is_stop && stopped > 0)) {
      found.push_back(
          {"commands", fmt::format("T{} is stopped, and nobody asked for it", message->number), message->number});
    }
    if (is_stop && !sentences.contains(message->number) && !is_unclear(history, *message) && ++silent > stopped) {
      found.push_back({"commands",
                       fmt::format("T{} is a /stop without an answer, and nothing was stopped", message->number),
                       message->number});
    }
    if (is_stopped(*message) || is_unclear(history, *message)) ++stopped;
  }
}

// The newest /new that is known to have been obeyed: before each message, and in each conversation.
struct Beginnings {
  std::map<int, int> before;
  std::map<std::string, int> newest;
};

Beginnings beginnings_of(const History& history) {
  const std::map<int, std::string> sentences = sentences_of(history);
  Beginnings all;
  for (const Message& message : history.messages) {
    int& begin = all.newest[message.conversation];
    all.before[message.number] = begin;
    const auto sentence = sentences.find(message.number);
    const bool is_obeyed = sentence != sentences.end() && sentence->second.starts_with(kNewConversation);
    if (message.command == "new" && is_obeyed) begin = message.number;
  }
  return all;
}

}  // namespace

Violations check_commands(const History& history) {
  Violations found;
  std::map<std::string, std::vector<const Message*>> conversations;
  for (const Message& message : history.messages) conversations[message.conversation].push_back(&message);
  for (const auto& [name, messages] : conversations) check_stops(history, messages, found);
  for (const auto& [number, sentence] : sentences_of(history)) {
    const Message* message = history.find(number);
    if (!message || may_say(*message, sentence)) continue;
    found.push_back({"commands", fmt::format("T{} is answered: {}", number, sentence), number});
  }
  return found;
}

Violations check_forgotten(const History& history) {
  Violations found;
  const Beginnings begins = beginnings_of(history);
  for (const Event& event : history.events) {
    const auto begin = begins.before.find(event.message);
    if (event.kind != Event::Kind::model_asked || !event.agent.empty() || begin == begins.before.end()) continue;
    for (int shown : event.shown) {
      if (shown >= begin->second) continue;
      found.push_back({"forgotten",
                       fmt::format("the model is shown T{} with T{}, and T{} began a new conversation", shown,
                                   event.message, begin->second),
                       event.message, event.life});
    }
  }
  for (const auto& [number, times] : history.remains.remembered) {
    const Message* message = history.find(number);
    const int begin = message ? begins.newest.at(message->conversation) : 0;
    if (times == 0 || number >= begin) continue;
    found.push_back({"forgotten",
                     fmt::format("T{} is in its sender's memory, and T{} began a new conversation", number, begin),
                     number});
  }
  return found;
}

Violations check_seen(const History& history) {
  Violations found;
  for (const Event& event : history.events) {
    const Message* message = history.find(event.message);
    if (event.kind != Event::Kind::model_asked || !event.agent.empty() || !message) continue;
    if (message->has_picture != event.shows_picture) {
      found.push_back({"seen",
                       fmt::format("T{} came with{} a picture, and the model is shown {}", event.message,
                                   message->has_picture ? "" : "out", event.shows_picture ? "one" : "none"),
                       event.message, event.life});
    }
    for (int shown : event.shown) {
      const Message* other = history.find(shown);
      if (other && other->conversation == message->conversation && shown < event.message) continue;
      found.push_back({"seen",
                       fmt::format("the model is shown T{} with T{}, of another conversation", shown, event.message),
                       event.message, event.life});
    }
  }
  return found;
}

}  // namespace usher::e2e::crash
