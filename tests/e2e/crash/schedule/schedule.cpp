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
    {"main", 100, 0, true}, {"main", 101, 0, true}, {"second", 100, 0, true}, {"main", 300, kGroup},
    {"main", 301, kGroup},  {"main", 302, kGroup},  {"second", 200},
};

std::string to_string(const Life& life) {
  const Death& death = life.death;
  std::string text;
  switch (death.way) {
    case Death::Way::label:
      text = fmt::format("kill at {}:{}", death.label, death.times);
      break;
    case Death::Way::event:
      text = fmt::format("kill after event {} + {} µs", death.events, death.spin.count());
      break;
    case Death::Way::startup:
      text = fmt::format("kill {} µs after the start", death.spin.count());
      break;
    case Death::Way::terminate:
      text = fmt::format("SIGTERM after event {}, kill after {} more + {} µs", death.events, death.more_events,
                         death.spin.count());
      break;
    case Death::Way::settled:
      text = death.is_peaceful ? "in peace" : fmt::format("kill {} µs after the last answer", death.spin.count());
      break;
  }
  if (life.loses_reply) text += ", a reply's answer is lost";
  if (life.loses_messages) text += ", what brings messages is lost";
  if (life.repeats > 0) text += fmt::format(", {} updates come once more", life.repeats);
  for (const Writing& writing : life.writings) {
    const Person& person = kPeople[writing.person];
    text += fmt::format("; {}/{}{} writes '{}'", person.bot, person.id, person.group == 0 ? "" : " in the group",
                        writing.plan);
    if (writing.at_event > 0) text += fmt::format(" at event {}", writing.at_event);
  }
  return text;
}

Schedule::Schedule(std::uint64_t seed, std::vector<std::string_view> labels)
    : random_(seed), labels_(std::move(labels)) {
  for (std::size_t i = labels_.size(); i > 1; --i) std::swap(labels_[i - 1], labels_[below(i)]);
}

std::uint64_t Schedule::below(std::uint64_t bound) { return random_() % bound; }

Life Schedule::next() {
  const std::size_t index = index_++;
  if (index % 3 == 2) {
    Life calm{.writings = {writing()}};
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
  Life life;
  const std::uint64_t count = below(5);
  for (std::uint64_t i = 0; i < count; ++i) life.writings.push_back(writing());
  // A burst: the same person goes on writing.
  if (!life.writings.empty() && happens_once_in(3)) {
    for (Writing& one : life.writings) one.person = life.writings.front().person;
    for (Writing& one : life.writings) one.plan = kPeople[one.person].may_do_everything ? one.plan : "say 1";
  }
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

Writing Schedule::writing() {
  Writing writing{.person = below(kPeople.size()), .plan = "say 1"};
  if (kPeople[writing.person].may_do_everything) writing.plan = plan_of_everything();
  if (happens_once_in(2)) writing.at_event = 1 + below(12);
  return writing;
}

Writing Schedule::thorough_writing() {
  Writing writing{.plan = "read;edit+store;delegate;say 120"};
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
  return plan + (happens_once_in(6) ? "say 150" : "say 1");
}

}  // namespace usher::e2e::crash
