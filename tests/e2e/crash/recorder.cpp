#include "e2e/crash/recorder.h"

#include <fmt/format.h>
#include <signal.h>

#include <algorithm>
#include <utility>

#include "e2e/crash/schedule/script.h"

namespace usher::e2e::crash {
namespace {

// Busily: the kernel's timers are too coarse to hit a moment between two instructions.
void spin(std::chrono::microseconds duration) {
  const auto end = std::chrono::steady_clock::now() + duration;
  while (std::chrono::steady_clock::now() < end) {
  }
}

json::value result_of(const HttpReply& reply) {
  const Result<json::value> body = parse_json(reply.body);
  const json::value* result = body ? member(&*body, "result") : nullptr;
  return result ? *result : json::value();
}

}  // namespace

std::string conversation_of(const Person& person) {
  const std::string chat = person.group == 0 ? "" : fmt::format("{}/", person.group);
  return fmt::format("{}/{}{}", person.bot, chat, person.id);
}

std::string sender_of(const Person& person) {
  return fmt::format("{}/telegram:{}", person.bot == "main" ? "default" : "acme", person.id);
}

void Recorder::add(const std::string& bot, TelegramSimulator& telegram) { bots_[bot] = &telegram; }

void Recorder::limit(const std::string& sender, std::int64_t calls_per_minute) {
  history_.calls_per_minute[sender] = calls_per_minute;
}

// ---- what the simulators see ----

void Recorder::watch(const std::string& bot, const std::string& method, const json::object& parameters,
                     const HttpReply* reply) {
  {
    const std::lock_guard lock(mutex_);
    if (method == "getupdates" && !reply) {
      if (trigger_) trigger_->polled.insert(bot);
      const json::value holder(parameters);
      if (const auto offset = integer_at(&holder, "offset")) note_confirmed(bot, *offset);
    }
    if (method == "getupdates" && reply) note_updates(bot, *reply);
    if (method == "sendmessage" && reply && reply->status == 200) note_reply(bot, parameters, *reply);
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
    event.micro_usd = cost_of(answer);
    for (std::size_t i = 0; i < history_.messages.size(); ++i) {
      if (history_.messages[i].number == position.message) event.sender = sender_of(kPeople[persons_[i]]);
    }
    note(std::move(event));
    ++events_;
    changed_.notify_all();
  }
  strike();
  return answer;
}

// Only here does usher learn the number under which a message can be quoted.
void Recorder::note_updates(const std::string& bot, const HttpReply& reply) {
  const json::value updates = result_of(reply);
  if (!updates.is_array()) return;
  for (const json::value& update : updates.get_array()) {
    const auto id = integer_at(&update, "update_id");
    for (std::size_t i = 0; i < history_.messages.size(); ++i) {
      Message& message = history_.messages[i];
      if (message.update_id != id || kPeople[persons_[i]].bot != bot) continue;
      message.message_id = integer_at(member(&update, "message"), "message_id").value_or(0);
    }
  }
}

void Recorder::note_confirmed(const std::string& bot, std::int64_t offset) {
  // Not simply all below it: behind an update that came once more an offset is smaller than what it confirms.
  const std::vector<std::int64_t> ids = bots_.at(bot)->confirmed_by(offset);
  for (std::size_t i = 0; i < history_.messages.size(); ++i) {
    const Message& message = history_.messages[i];
    // Not delivered yet, so not confirmed either, whatever the offset.
    if (kPeople[persons_[i]].bot != bot || message.message_id == 0) continue;
    if (std::ranges::find(ids, message.update_id) == ids.end()) continue;
    if (confirmed_.insert(message.number).second) note({.kind = Event::Kind::confirmed, .message = message.number});
  }
}

void Recorder::note_reply(const std::string& bot, const json::object& parameters, const HttpReply& reply) {
  const json::value sent = result_of(reply);
  Event event{.kind = Event::Kind::reply_arrived, .text = std::string(string_at(&sent, "text").value_or(""))};
  event.message = message_answered(bot, parameters, event.text);
  Progress& progress = progress_[event.message];
  const std::vector<AnswerLine> lines = lines_of(event.text);
  if (!lines.empty()) progress.of = static_cast<std::size_t>(lines.front().of);
  if (lines.empty()) progress.lines.insert(1);
  for (const AnswerLine& line : lines) progress.lines.insert(line.number);
  if (reply.reset) {
    history_.answers_lost.insert(event.message);
    event.text += " (and the platform's answer is lost)";
  }
  note(std::move(event));
}

int Recorder::message_answered(const std::string& bot, const json::object& parameters, const std::string& text) const {
  const json::value holder(parameters);
  if (const auto quoted = integer_at(member(&holder, "reply_parameters"), "message_id")) {
    for (std::size_t i = 0; i < history_.messages.size(); ++i) {
      const Message& message = history_.messages[i];
      if (message.message_id == *quoted && kPeople[persons_[i]].bot == bot) return message.number;
    }
  }
  const std::vector<AnswerLine> lines = lines_of(text);
  if (lines.empty()) return 0;
  // Whoever reads it must be the one who asked.
  for (std::size_t i = 0; i < history_.messages.size(); ++i) {
    const Person& person = kPeople[persons_[i]];
    const std::int64_t chat = person.group == 0 ? person.id : person.group;
    const bool is_here = person.bot == bot && integer_at(&holder, "chat_id") == chat;
    if (history_.messages[i].number == lines.front().message && is_here) return lines.front().message;
  }
  return 0;
}

// ---- what the harness does ----

int Recorder::write(const Writing& writing) {
  const std::lock_guard lock(mutex_);
  return write_locked(writing);
}

int Recorder::write_locked(const Writing& writing) {
  const Person& person = kPeople[writing.person];
  TelegramSimulator& telegram = *bots_.at(std::string(person.bot));
  Message message{.number = static_cast<int>(history_.messages.size()) + 1, .conversation = conversation_of(person)};
  const std::string text = fmt::format("T{} plan: {}", message.number, writing.plan);
  message.is_in_group = person.group != 0;
  message.update_id = message.is_in_group ? telegram.group_message(person.id, person.group, text)
                                          : telegram.private_message(person.id, text);
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
  bots_.at(std::string(kPeople[persons_[index]].bot))->replay(message.update_id);
  note({.kind = Event::Kind::repeated, .message = message.number});
}

void Recorder::lose_reply() {
  for (const auto& [name, telegram] : bots_) telegram->lose_answer("sendmessage");
}

void Recorder::lose_poll() {
  for (const auto& [name, telegram] : bots_) telegram->lose_answer("getupdates");
}

void Recorder::begin(int number, const std::string& what) {
  const std::lock_guard lock(mutex_);
  life_ = number;
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
  }
}

bool Recorder::is_polling() const {
  const std::lock_guard lock(mutex_);
  return trigger_ && trigger_->polled.size() == bots_.size();
}

// A reply whose state is "sending" at the end of a life is unknown from the next one on.
bool Recorder::is_settled() const { return all_are_answered_or({"unknown", "sending"}); }
bool Recorder::is_done() const { return all_are_answered_or({"unknown"}) && is_all_confirmed(); }

bool Recorder::is_all_confirmed() const {
  const std::lock_guard lock(mutex_);
  return confirmed_.size() == history_.messages.size();
}

bool Recorder::all_are_answered_or(std::initializer_list<std::string_view> states) const {
  const std::lock_guard lock(mutex_);
  return std::ranges::all_of(history_.messages, [&](const Message& message) {
    const auto progress = progress_.find(message.number);
    if (progress != progress_.end() && progress->second.is_whole()) return true;
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
  history_.remains = std::move(remains);
}

}  // namespace usher::e2e::crash
