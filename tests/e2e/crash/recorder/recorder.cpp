#include "e2e/crash/recorder/recorder.h"

#include <fmt/format.h>
#include <signal.h>

#include <algorithm>
#include <utility>

namespace usher::e2e::crash {
namespace {

// Busily: the kernel's timers are too coarse to hit a moment between two instructions.
void spin(std::chrono::microseconds duration) {
  const auto end = std::chrono::steady_clock::now() + duration;
  while (std::chrono::steady_clock::now() < end) {
  }
}

}  // namespace

std::string conversation_of(const Person& person) {
  const std::string chat = person.group == 0 ? "" : fmt::format("{}/", person.group);
  return fmt::format("{}/{}{}", person.bot, chat, person.id);
}

std::string Recorder::sender_of(const Person& person) const {
  return fmt::format("{}/{}:{}", person.bot == "main" ? "default" : "acme", kind_, person.id);
}

void Recorder::add(const std::string& bot, Platform& platform) { bots_[bot] = &platform; }

void Recorder::limit(const std::string& sender, std::int64_t calls_per_minute) {
  history_.calls_per_minute[sender] = calls_per_minute;
}

int Recorder::write(const Writing& writing) {
  const std::lock_guard lock(mutex_);
  return write_locked(writing);
}

int Recorder::write_locked(const Writing& writing) {
  const Person& person = kPeople[writing.person];
  Message message{.number = static_cast<int>(history_.messages.size()) + 1, .conversation = conversation_of(person)};
  const bool is_command = writing.plan.starts_with('/');
  const std::string text = is_command ? writing.plan : fmt::format("T{} plan: {}", message.number, writing.plan);
  message.is_in_group = person.group != 0;
  if (is_command) message.command = writing.plan.substr(1);
  message.grows = writing.plan.find("grow") != std::string::npos;
  message.has_picture = writing.form == Writing::Form::picture;
  const Platform::Written written = bots_.at(std::string(person.bot))->write(person, text, writing.form);
  message.update_id = written.update_id;
  message.message_id = written.message_id;
  note({.kind = Event::Kind::written, .message = message.number, .text = writing.plan});
  history_.messages.push_back(std::move(message));
  persons_.push_back(writing.person);
  return history_.messages.back().number;
}

void Recorder::repeat(std::uint64_t choice) {
  constexpr std::uint64_t kNewest = 12;
  const std::lock_guard lock(mutex_);
  const std::uint64_t known = history_.messages.size();
  if (known == 0) return;
  const std::size_t index = known - 1 - choice % std::min(known, kNewest);
  const Message& message = history_.messages[index];
  if (!confirmed_.contains(message.number)) return;  // it comes again by itself
  bots_.at(std::string(kPeople[persons_[index]].bot))->repeat(message.update_id);
  note({.kind = Event::Kind::repeated, .message = message.number});
}

void Recorder::refuse_reply(std::uint64_t choice) {
  for (const auto& [name, platform] : bots_) platform->refuse_reply(choice);
}

void Recorder::lose_reply() {
  for (const auto& [name, platform] : bots_) platform->lose_reply();
}

void Recorder::lose_messages() {
  for (const auto& [name, platform] : bots_) platform->lose_messages();
}

void Recorder::begin(int number, const std::string& what) {
  const std::lock_guard lock(mutex_);
  life_ = number;
  for (const auto& [name, platform] : bots_) platform->begin_life();
  // However much of it was shown: until it is stored the answer has to be written anew.
  for (const Message& message : history_.messages) {
    const std::string& state = states_[message.number];
    if (message.grows && (state.empty() || state == "received" || state == "running")) progress_.erase(message.number);
  }
  note({.kind = Event::Kind::life_began, .text = what});
}

void Recorder::arm(const Life& life, Process& process) {
  const std::lock_guard lock(mutex_);
  trigger_ = Trigger{.life = life, .process = &process};
}

bool Recorder::disarm() {
  const std::lock_guard lock(mutex_);
  const bool has_killed = trigger_->has_killed;
  trigger_.reset();
  return has_killed;
}

bool Recorder::write_rest() {
  const std::lock_guard lock(mutex_);
  const std::vector<Writing> rest = std::exchange(trigger_->life.writings, {});
  for (const Writing& writing : rest) write_locked(writing);
  return !rest.empty();
}

void Recorder::end(const std::string& how, std::string_view label, bool is_violent) {
  const std::lock_guard lock(mutex_);
  note({.kind = Event::Kind::life_ended, .text = how, .label = std::string(label), .is_violent = is_violent});
}

void Recorder::strike() {
  std::unique_lock lock(mutex_);
  if (!trigger_) return;
  const std::size_t seen = ++trigger_->seen;
  std::vector<Writing>& writings = trigger_->life.writings;
  for (const Writing& writing : writings) {
    if (writing.at_event == seen) write_locked(writing);
  }
  std::erase_if(writings, [&](const Writing& writing) { return writing.at_event == seen; });
  const Death& death = trigger_->life.death;
  const bool is_event = death.way == Death::Way::event, is_terminate = death.way == Death::Way::terminate;
  if (is_terminate && seen >= death.events && !trigger_->has_terminated) {
    trigger_->has_terminated = true;
    trigger_->process->signal(SIGTERM);
  }
  const std::size_t deadly = death.events + (is_terminate ? death.more_events : 0);
  if ((!is_event && !is_terminate) || seen < deadly || trigger_->has_killed) return;
  trigger_->has_killed = true;
  lock.unlock();
  spin(death.spin);
  lock.lock();
  if (trigger_) trigger_->process->signal(SIGKILL);
}

void Recorder::note(Event event) {
  event.life = life_;
  event.at = std::chrono::duration_cast<std::chrono::microseconds>(std::chrono::steady_clock::now() - start_);
  history_.events.push_back(std::move(event));
}

void Recorder::note_states(const std::map<std::pair<std::string, std::int64_t>, std::string>& states) {
  const std::lock_guard lock(mutex_);
  for (std::size_t i = 0; i < history_.messages.size(); ++i) {
    const Message& message = history_.messages[i];
    const auto found = states.find({std::string(kPeople[persons_[i]].bot), message.update_id});
    if (found == states.end() || states_[message.number] == found->second) continue;
    states_[message.number] = found->second;
    note({.kind = Event::Kind::stored, .message = message.number, .text = found->second});
    note_accepted(message.number);
  }
}

bool Recorder::is_listening() const {
  const std::lock_guard lock(mutex_);
  return trigger_ && std::ranges::all_of(bots_, [](const auto& bot) { return bot.second->is_listening(); });
}

// A reply whose state is "sending" at the end of a life is unknown from the next one on.
bool Recorder::is_settled() const { return all_are_answered_or({"unknown", "sending", "undelivered"}); }
bool Recorder::is_done() const {
  return all_are_answered_or({"unknown", "undelivered"}) && is_all_confirmed() && is_at_rest();
}

bool Recorder::is_growing() const {
  const std::lock_guard lock(mutex_);
  return std::ranges::any_of(history_.messages,
                             [&](const Message& message) { return message.grows && !is_answered(message); });
}

// A reply whose answer the platform lost just before the end is sent again, or given up, by the next life only.
bool Recorder::is_at_rest() const {
  const std::lock_guard lock(mutex_);
  return std::ranges::all_of(states_, [](const auto& entry) {
    return entry.second == "sent" || entry.second == "unknown" || entry.second == "undelivered";
  });
}

bool Recorder::is_all_confirmed() const {
  const std::lock_guard lock(mutex_);
  for (std::size_t i = 0; i < history_.messages.size(); ++i) {
    const Message& message = history_.messages[i];
    // Where the platform is not told, that a /stop without an answer is accepted shows on disk only.
    const bool is_told = bots_.at(std::string(kPeople[persons_[i]].bot))->is_told();
    const bool is_silent = message.command == "stop" && !is_told && is_answered(message);
    if (!confirmed_.contains(message.number) && !is_silent) return false;
  }
  return true;
}

// A /stop has no answer of its own where the turn that it stopped says so.
bool Recorder::is_answered(const Message& message) const {
  const auto progress = progress_.find(message.number);
  if (progress != progress_.end() && progress->second.is_whole()) return true;
  return message.command == "stop" && std::ranges::any_of(history_.messages, [&](const Message& earlier) {
           const auto found = progress_.find(earlier.number);
           return earlier.number < message.number && earlier.conversation == message.conversation &&
                  found != progress_.end() && found->second.is_stopped;
         });
}

bool Recorder::all_are_answered_or(std::initializer_list<std::string_view> states) const {
  const std::lock_guard lock(mutex_);
  return std::ranges::all_of(history_.messages, [&](const Message& message) {
    if (is_answered(message)) return true;
    const auto state = states_.find(message.number);
    return state != states_.end() && std::ranges::find(states, state->second) != states.end();
  });
}

std::size_t Recorder::events() const {
  const std::lock_guard lock(mutex_);
  return events_;
}

void Recorder::wait(std::chrono::milliseconds longest) const {
  std::unique_lock lock(mutex_);
  const std::size_t seen = events_;
  changed_.wait_for(lock, longest, [&] { return events_ != seen; });
}

History Recorder::history() const {
  const std::lock_guard lock(mutex_);
  return history_;
}

void Recorder::finish(Remains remains) {
  const std::lock_guard lock(mutex_);
  remains.states = states_;
  for (std::size_t i = 0; i < history_.messages.size(); ++i) {
    const Message& message = history_.messages[i];
    const bool is_closed = bots_.at(std::string(kPeople[persons_[i]].bot))->is_closed(message.update_id);
    if (is_closed) history_.closed.insert(message.number);
  }
  history_.remains = std::move(remains);
}

}  // namespace usher::e2e::crash
