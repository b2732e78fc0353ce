#include "e2e/crash/schedule/schedule.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "base/failpoint.h"

namespace usher::e2e::crash {
namespace {

constexpr std::int64_t kGroup = -500;
constexpr std::uint64_t kMostMicroseconds = 3000;
// By then what merely was to be marked is marked.
constexpr std::uint64_t kMarkedMicroseconds = 40'000;
// About when an usher that nobody kills begins to poll.
constexpr std::uint64_t kStartMicroseconds = 25'000;

}  // namespace

const std::vector<Person> kPeople{
    {"main", 100, 0, true}, {"main", 101, 0, true}, {"second", 100, 0, true}, {"main", 103, kGroup, true},
    {"main", 300, kGroup},  {"main", 301, kGroup},  {"main", 302, kGroup},    {"second", 200},
};

namespace {

// Who may do everything and can be told to stop: in the group, where the answer quotes what it answers.
constexpr std::size_t kStoppable = 3;

std::string to_string(const Death& death) {
  switch (death.way) {
    case Death::Way::label:
      return fmt::format("kill at {}:{}", death.label, death.times);
    case Death::Way::event:
      return fmt::format("kill after event {} + {} µs", death.events, death.spin.count());
    case Death::Way::startup:
      return fmt::format("kill {} µs after the start", death.spin.count());
    case Death::Way::terminate:
      return fmt::format("SIGTERM after event {}, kill after {} more + {} µs", death.events, death.more_events,
                         death.spin.count());
    case Death::Way::settled:
      break;
  }
  return death.is_peaceful ? "in peace" : fmt::format("kill {} µs after the last answer", death.spin.count());
}

std::string to_string(const Writing& writing) {
  static constexpr const char* kForms[] = {"", " with a picture", " as a slash command", " by a button"};
  const Person& person = kPeople[writing.person];
  std::string text =
      fmt::format("{}/{}{} writes '{}'{}", person.bot, person.id, person.group == 0 ? "" : " in the group",
                  writing.plan, kForms[static_cast<std::size_t>(writing.form)]);
  if (writing.at_event > 0) text += fmt::format(" at event {}", writing.at_event);
  return text;
}

}  // namespace

std::string to_string(const Life& life) {
  std::string text = to_string(life.death);
  if (life.refusals > 0) text += fmt::format(", {} calls are answered with 429", life.refusals);
  if (life.loses_reply) text += ", a reply's answer is lost";
  if (life.loses_messages) text += ", what brings messages is lost";
  if (life.repeats > 0) text += fmt::format(", {} updates come once more", life.repeats);
  for (const Writing& writing : life.writings) text += "; " + to_string(writing);
  return text;
}

Schedule::Schedule(std::uint64_t seed, std::vector<std::string_view> labels, bool grows)
    : random_(seed), labels_(std::move(labels)), grows_(grows) {
  for (std::size_t i = labels_.size(); i > 1; --i) std::swap(labels_[i - 1], labels_[below(i)]);
}

std::uint64_t Schedule::below(std::uint64_t bound) { return random_() % bound; }

Life Schedule::next() {
  const std::size_t index = index_++;
  if (index % 3 == 2) {
    Life calm{.writings = {writing()}};
    if (happens_once_in(4)) calm.writings = interruption();
    calm.death.is_peaceful = happens_once_in(3);
    calm.death.spin = std::chrono::microseconds(below(happens_once_in(2) ? kMostMicroseconds : kMarkedMicroseconds));
    return calm;
  }
  // Twice through the labels that are ours, before anything else.
  const std::size_t turn = index / 3 * 2 + index % 3;
  if (turn < labels_.size()) return kill_at(labels_[turn], 1);
  if (turn < 2 * labels_.size()) return kill_at(labels_[turn - labels_.size()], 1 + static_cast<int>(below(3)));
  if (happens_once_in(3)) {
    return kill_at(kFailpoints[below(std::size(kFailpoints))], 1 + static_cast<int>(below(6)));
  }
  Life life{.writings = happens_once_in(4) ? interruption() : some_writings()};
  life.refusals = happens_once_in(8) ? 1 + below(2) : 0;
  life.repeats = happens_once_in(3) ? 1 + below(3) : 0;
  life.loses_reply = happens_once_in(12);
  life.loses_messages = happens_once_in(12);
  life.death = random_death();
  return life;
}

Life Schedule::kill_at(std::string_view label, int times) {
  Life life{.writings = {thorough_writing()}};
  life.death = {.way = Death::Way::label, .label = label, .times = times};
  return life;
}

Death Schedule::random_death() {
  Death death;
  death.spin = std::chrono::microseconds(below(kMostMicroseconds));
  const std::uint64_t way = below(10);
  if (way < 6) {
    death.way = Death::Way::event;
    death.events = 1 + below(40);
  } else if (way < 8) {
    death.way = Death::Way::startup;
    death.spin = std::chrono::microseconds(below(kStartMicroseconds));
  } else {
    death.way = Death::Way::terminate;
    death.events = 1 + below(30);
    death.more_events = below(4);
  }
  return death;
}

std::vector<Writing> Schedule::some_writings() {
  std::vector<Writing> writings;
  const bool is_burst = happens_once_in(3);  // the same person goes on writing
  for (std::uint64_t count = below(5); count > 0; --count) {
    writings.push_back(is_burst && !writings.empty() ? writing_of(writings.front().person) : writing());
  }
  return writings;
}

// A turn of some length, and while it runs or waits the same person says something else, or two things.
std::vector<Writing> Schedule::interruption() {
  Writing first{.person = kStoppable, .plan = "read;" + plan_of_everything()};
  if (happens_once_in(2)) first.at_event = 1 + below(6);
  std::vector<Writing> writings{std::move(first)};
  for (std::uint64_t count = 1 + below(2); count > 0; --count) {
    Writing next = command(kStoppable);
    next.at_event = 1 + below(16);
    writings.push_back(std::move(next));
  }
  if (happens_once_in(3)) writings.push_back(writing_of(kStoppable));
  return writings;
}

Writing Schedule::writing() { return writing_of(below(kPeople.size())); }

Writing Schedule::writing_of(std::size_t person) {
  Writing writing{.person = person, .plan = "say 1"};
  const Person& who = kPeople[person];
  if (who.may_do_everything) writing.plan = plan_of_everything();
  if (who.group != 0 && happens_once_in(3)) {
    writing = command(person);
  } else if (who.group == 0 && happens_once_in(5)) {
    writing.form = Writing::Form::picture;
  } else if (who.group == 0 && who.may_do_everything && happens_once_in(3)) {
    writing.form = Writing::Form::slash;
  }
  if (happens_once_in(2)) writing.at_event = 1 + below(12);
  return writing;
}

// Only in the group: elsewhere an answer without a token could be to anything.
Writing Schedule::command(std::size_t person) {
  static constexpr const char* kCommands[] = {"/stop", "/stop", "/stop", "/new", "/new", "/help", "/whoami"};
  static constexpr Writing::Form kForms[] = {Writing::Form::words, Writing::Form::slash, Writing::Form::button};
  return {.person = person, .plan = kCommands[below(std::size(kCommands))], .form = kForms[below(std::size(kForms))]};
}

Writing Schedule::thorough_writing() {
  const char* end = grows_ && happens_once_in(12) ? "grow 36" : "say 120";
  Writing writing{.plan = fmt::format("read;edit+store;delegate;{}", end)};
  do writing.person = below(kPeople.size());
  while (!kPeople[writing.person].may_do_everything);
  return writing;
}

// Up to three rounds of calls, then an answer: mostly of one part, sometimes of several.
std::string Schedule::plan_of_everything() {
  static constexpr const char* kRounds[] = {"read",      "edit",       "store",           "write",
                                            "edit+read", "store+edit", "edit+edit+write", "delegate"};
  std::string plan;
  for (std::uint64_t rounds = below(4); rounds > 0; --rounds) {
    plan += kRounds[below(std::size(kRounds))];
    plan += ';';
  }
  if (grows_ && happens_once_in(6)) return plan + (happens_once_in(5) ? "grow 36" : "grow 14");
  return plan + (happens_once_in(6) ? "say 150" : "say 1");
}

}  // namespace usher::e2e::crash
