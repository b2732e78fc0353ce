// What the harness does to usher, life by life: who writes what and when, what the network loses, and how the life
// ends. A pure function of (seed, index), so that a seed replays; what usher makes of it depends on the scheduler of
// the machine. No thread safety.
#pragma once

#include <chrono>
#include <cstdint>
#include <random>
#include <string>
#include <string_view>
#include <vector>

namespace usher::e2e::crash {

// Who writes, and where. The harness's world has these and no others.
struct Person {
  std::string_view bot;
  std::int64_t id = 0;
  std::int64_t group = 0;  // 0 = in private
  bool may_do_everything = false;
};
extern const std::vector<Person> kPeople;

struct Writing {
  enum class Form { words, picture, slash, button };
  std::size_t person = 0;    // in kPeople
  std::string plan;          // script.h; or a command: "/new"
  std::size_t at_event = 0;  // 0 = before usher starts, else when the simulators have seen so many events
  Form form = Form::words;   // where a platform has no such thing, it is words
};

struct Death {
  enum class Way {
    label,      // at a failpoint
    event,      // so many events into the life
    startup,    // some microseconds after it was started
    terminate,  // SIGTERM so many events into the life, and so many events later SIGKILL
    settled     // when everybody has an answer, or nothing happens any more
  };
  Way way = Way::settled;
  std::string_view label;
  int times = 1;  // the label is passed
  std::size_t events = 0, more_events = 0;
  std::chrono::microseconds spin{0};  // waited on top, busily
  bool is_peaceful = false;           // of `settled`: SIGTERM and no kill
};

struct Life {
  std::vector<Writing> writings;
  std::size_t repeats = 0;      // confirmed updates that the platform delivers once more
  std::size_t refusals = 0;     // calls that the platform answers with 429
  bool loses_reply = false;     // a reply arrives and its answer is lost
  bool loses_messages = false;  // … or what brings messages breaks off
  Death death;
};

std::string to_string(const Life& life);

class Schedule {
 public:
  // `labels` are those at which this schedule must kill; `grows`: some answers are written so slowly that people see
  // them grow.
  Schedule(std::uint64_t seed, std::vector<std::string_view> labels, bool grows = false);

  // What comes next. Every third life ends settled, so that what waits cannot pile up.
  Life next();
  // A life with one message that passes every label of a turn, killed at this one.
  Life kill_at(std::string_view label, int times);

 private:
  std::uint64_t below(std::uint64_t bound);
  bool happens_once_in(std::uint64_t times) { return below(times) == 0; }
  Writing writing();
  Writing writing_of(std::size_t person);
  Writing thorough_writing();
  std::vector<Writing> interruption();
  Writing command(std::size_t person);
  std::string plan_of_everything();
  std::vector<Writing> some_writings();
  Death random_death();

  std::mt19937_64 random_;
  std::vector<std::string_view> labels_;
  const bool grows_;
  std::size_t index_ = 0;
};

}  // namespace usher::e2e::crash
