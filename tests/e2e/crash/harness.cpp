#include "e2e/crash/harness.h"

#include <doctest/doctest.h>
#include <fmt/format.h>
#include <signal.h>

#include <boost/asio/post.hpp>
#include <future>
#include <map>

#include "e2e/crash/remains/commands.h"
#include "e2e/crash/remains/disk.h"
#include "e2e/crash/schedule/script.h"

namespace usher::e2e::crash {
namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

constexpr int kKilled = 128 + SIGKILL;
constexpr int kTerminated = 128 + SIGTERM;  // a SIGTERM that came before usher listens to it
constexpr std::size_t kLogTail = 3000;
// Nothing happens any more, though somebody waits: whatever they wait for, the schedule goes on. Judged is the end.
constexpr milliseconds kQuiet{400}, kLongQuiet{4'000};

}  // namespace

Harness::Harness(Stage& stage, std::function<void(const World&)> after_death)
    : stage_(stage), after_death_(std::move(after_death)) {
  // In peace, so that the platforms know usher from now on.
  Life nothing;
  nothing.death.is_peaceful = true;
  live(nothing);
  // In the next life everybody who may gets the file that edits append to.
  Life first;
  for (std::size_t i = 0; i < kPeople.size(); ++i) {
    if (kPeople[i].may_do_everything) first.writings.push_back({.person = i, .plan = "begin;say 1"});
  }
  first.death.is_peaceful = true;
  live(first);
}

void Harness::live(const Life& life) {
  lives_.push_back(to_string(life));
  stage_.recorder.begin(static_cast<int>(lives_.size()), lives_.back());
  for (std::size_t i = 0; i < life.repeats; ++i) stage_.recorder.repeat(++repeats_ * 7);
  Life rest = life;
  for (const Writing& writing : life.writings) {
    if (writing.at_event == 0) stage_.recorder.write(writing);
  }
  std::erase_if(rest.writings, [](const Writing& writing) { return writing.at_event == 0; });
  for (std::size_t i = 0; i < life.refusals; ++i) stage_.recorder.refuse_reply(++refusals_);
  if (life.loses_reply) stage_.recorder.lose_reply();
  if (life.loses_messages) stage_.recorder.lose_messages();
  ProcessOptions options = stage_.world().process_options({"run"});
  if (life.death.way == Death::Way::label) {
    options.environment["USHER_FAILPOINT"] = fmt::format("{}:{}", life.death.label, life.death.times);
  }
  Process process(options);
  stage_.recorder.arm(rest, process);
  const End end = watch(life, process);
  conclude(life, process, end);
}

Harness::End Harness::watch(const Life& life, Process& process) {
  const Death& death = life.death;
  const auto end_of_spin = Clock::now() + death.spin;
  const auto latest = Clock::now() + patience;
  const bool is_patient = death.way == Death::Way::label || death.is_peaceful;
  std::size_t seen = stage_.recorder.events();
  Clock::time_point last = Clock::now();
  End end;
  bool is_over = false;
  while (!is_over && !end.has_hung && !process.wait(milliseconds(0))) {
    const Clock::time_point now = Clock::now();
    if (death.way == Death::Way::startup) {
      is_over = now >= end_of_spin;
      continue;
    }
    if (std::exchange(seen, stage_.recorder.events()) != seen) last = now;
    const bool is_satisfied =
        stage_.recorder.is_settled() && (!death.is_peaceful || stage_.recorder.is_all_confirmed());
    const milliseconds quiet = is_patient || stage_.recorder.is_growing() ? kLongQuiet : kQuiet;
    if (stage_.recorder.is_listening()) is_over = (is_satisfied || now - last > quiet) && !stage_.recorder.write_rest();
    end.has_hung = now > latest;
    if (!is_over) stage_.recorder.wait(milliseconds(2));
  }
  if (is_over && (death.way == Death::Way::label || death.is_peaceful)) {
    // What happens at the shutdown has labels too.
    process.signal(SIGTERM);
    end.has_hung = !process.wait(patience);
  }
  if (!process.wait(milliseconds(0))) {
    if (death.way == Death::Way::settled) std::this_thread::sleep_for(death.spin);
    end.was_killed_here = true;
    process.signal(SIGKILL);
  }
  const std::optional<int> status = process.wait(patience);
  REQUIRE_MESSAGE(status.has_value(), "usher survives kill -9");
  end.status = *status;
  return end;
}

void Harness::conclude(const Life& life, Process& process, End end) {
  let_simulators_finish();
  end.was_killed_here |= stage_.recorder.disarm();
  stage_.recorder.note_states(states_beneath(stage_.world().dir / "data"));
  const bool was_killed = (end.status == kKilled || end.status == kTerminated) && !end.has_hung;
  std::string how = end.has_hung ? "it hangs" : was_killed ? "killed" : fmt::format("exit {}", end.status);
  std::string_view label;
  if (was_killed && !end.was_killed_here) {
    label = life.death.label;
    reached_.insert(label);
    how = fmt::format("died at {}", label);
  }
  stage_.recorder.end(how, label, was_killed);
  if (was_killed) ++kills_;
  const std::string errors = process.errors();
  logs_.push_back(errors.substr(errors.size() - std::min(errors.size(), kLogTail)));
  if (after_death_) after_death_(stage_.world());
}

// What a killed process had sent is still on its way; it belongs to the life that is over.
void Harness::let_simulators_finish() {
  for (int round = 0; round < 4; ++round) {
    std::promise<void> passed;
    asio::post(stage_.world().thread.executor(), [&] { passed.set_value(); });
    passed.get_future().wait();
  }
}

void Harness::end_in_peace(int most_lives) {
  for (int i = 0; i < most_lives; ++i) {
    Life peace;
    peace.death.is_peaceful = true;
    live(peace);
    if (stage_.recorder.is_done()) break;
  }
  Remains remains = remains_beneath(stage_.world().dir / "data");
  ask_commands(stage_.world(), stage_.recorder.history(), remains);
  stage_.recorder.finish(std::move(remains));
}

std::string Harness::lives_until(int number) const {
  std::string text;
  for (int i = 1; i <= std::min(number, lives()); ++i) {
    text += fmt::format("  life {}: {}\n", i, lives_[static_cast<std::size_t>(i) - 1]);
  }
  return text;
}

std::string Harness::log_of(int number) const {
  return number < 1 || number > lives() ? "" : logs_[static_cast<std::size_t>(number) - 1];
}

std::string Harness::summary() const {
  const History all = history();
  std::map<std::string, int> states, ends;
  for (const auto& [message, state] : all.remains.states) ++states[state];
  std::size_t asked = 0, parts = 0;
  for (const Event& event : all.events) {
    asked += event.kind == Event::Kind::model_asked;
    parts += event.kind == Event::Kind::reply_arrived;
    if (event.kind == Event::Kind::life_ended) ++ends[event.text];
  }
  std::string text = fmt::format("{} lives, {} kills, {} messages, {} model calls, {} parts of answers, {} effects\n ",
                                 lives(), kills(), all.messages.size(), asked, parts, all.remains.effects.size());
  for (const auto& [state, count] : states) text += fmt::format(" {} {},", count, state);
  text += "\n ";
  for (const auto& [end, count] : ends) text += fmt::format(" {}: {},", end, count);
  return text;
}

}  // namespace usher::e2e::crash
