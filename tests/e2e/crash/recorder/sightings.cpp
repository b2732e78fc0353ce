// What the simulators see, as the history keeps it.
#include <algorithm>
#include <utility>

#include "e2e/crash/recorder/recorder.h"
#include "e2e/crash/schedule/script.h"

namespace usher::e2e::crash {

void Recorder::passed() {
  {
    const std::lock_guard lock(mutex_);
    ++events_;
    changed_.notify_all();
  }
  strike();
}

ModelAnswer Recorder::ask_model(const json::object& request) {
  ModelAnswer answer = answer_by_plan(request);
  const Position position = position_of(request);
  {
    const std::lock_guard lock(mutex_);
    Event event{.kind = Event::Kind::model_asked, .message = position.message};
    event.agent = position.agent;
    event.round = position.round;
    const View view = view_of(request);
    event.shown = view.messages;
    event.shows_picture = view.has_picture;
    event.micro_usd = cost_of(answer);
    for (std::size_t i = 0; i < history_.messages.size(); ++i) {
      if (history_.messages[i].number == position.message) event.sender = sender_of(kPeople[persons_[i]]);
    }
    note_accepted(position.message);
    note(std::move(event));
  }
  passed();
  return answer;
}

// Only then does usher learn the number under which a message can be quoted.
void Recorder::numbered(const std::string& bot, std::int64_t update_id, std::int64_t message_id) {
  const std::lock_guard lock(mutex_);
  for (std::size_t i = 0; i < history_.messages.size(); ++i) {
    Message& message = history_.messages[i];
    if (message.update_id == update_id && kPeople[persons_[i]].bot == bot) message.message_id = message_id;
  }
}

void Recorder::confirmed(const std::string& bot, const std::vector<std::int64_t>& update_ids) {
  const std::lock_guard lock(mutex_);
  for (std::size_t i = 0; i < history_.messages.size(); ++i) {
    const Message& message = history_.messages[i];
    // Not delivered yet, so not confirmed either, whatever the platform is told.
    if (kPeople[persons_[i]].bot != bot || message.message_id == 0) continue;
    if (std::ranges::find(update_ids, message.update_id) != update_ids.end()) note_confirmed(message.number);
  }
}

void Recorder::note_confirmed(int message) {
  if (confirmed_.insert(message).second) note({.kind = Event::Kind::confirmed, .message = message});
}

void Recorder::note_accepted(int message) {
  for (std::size_t i = 0; i < history_.messages.size(); ++i) {
    if (history_.messages[i].number != message) continue;
    if (!bots_.at(std::string(kPeople[persons_[i]].bot))->is_told()) note_confirmed(message);
  }
}

void Recorder::arrived(const std::string& bot, const Arrival& arrival) {
  const std::lock_guard lock(mutex_);
  Event event{.kind = Event::Kind::reply_arrived, .text = arrival.text};
  const auto [known, is_new] = arrivals_.try_emplace({bot, arrival.id}, history_.events.size());
  event.message = is_new ? message_answered(bot, arrival) : history_.events[known->second].message;
  note_progress(event.message, event.text);
  if (arrival.is_answer_lost) {
    history_.answers_lost.insert(event.message);
    event.text += " (and the platform's answer is lost)";
  }
  if (!is_new) {  // an edit: the message stands where it stood
    history_.events[known->second].text = event.text;
    return;
  }
  const int message = event.message;
  note(std::move(event));
  note_accepted(message);
}

void Recorder::note_progress(int message, std::string_view text) {
  Progress& progress = progress_[message];
  const std::vector<AnswerLine> lines = lines_of(text);
  if (!lines.empty()) progress.of = static_cast<std::size_t>(lines.front().of);
  for (const AnswerLine& line : lines) progress.lines.insert(line.number);
  progress.is_sentence |= lines.empty();
  progress.is_stopped |= text.starts_with(kStopped);
}

int Recorder::message_answered(const std::string& bot, const Arrival& arrival) const {
  for (std::size_t i = 0; i < history_.messages.size() && arrival.quoted != 0; ++i) {
    const Message& message = history_.messages[i];
    if (message.message_id == arrival.quoted && kPeople[persons_[i]].bot == bot) return message.number;
  }
  const std::vector<AnswerLine> lines = lines_of(arrival.text);
  if (lines.empty()) return 0;
  // Whoever reads it must be the one who asked.
  for (std::size_t i = 0; i < history_.messages.size(); ++i) {
    const Person& person = kPeople[persons_[i]];
    const bool is_here = person.bot == bot && bots_.at(bot)->chat_of(person) == arrival.chat;
    if (history_.messages[i].number == lines.front().message && is_here) return lines.front().message;
  }
  return 0;
}

}  // namespace usher::e2e::crash
