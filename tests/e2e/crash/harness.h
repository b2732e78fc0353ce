// One data directory and the lives of usher on it: the real binary between simulators, killed as a Life says, until it
// may end in peace and what is left can be judged. One thread beside the simulators' own.
#pragma once

#include <functional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "e2e/crash/schedule/schedule.h"
#include "e2e/crash/stage.h"

namespace usher::e2e::crash {

class Harness {
 public:
  // The stage outlives it. `after_death` may spoil what is on disk, for tests of the harness itself.
  explicit Harness(Stage& stage, std::function<void(const World&)> after_death = {});

  // Starts usher, does what `life` says, and returns when it has ended.
  void live(const Life& life);
  // Lives without violence until nobody waits any more, at most so many; then reads what is left.
  void end_in_peace(int most_lives = 8);

  int kills() const { return kills_; }
  int lives() const { return static_cast<int>(logs_.size()); }
  const std::set<std::string_view>& labels_reached() const { return reached_; }
  // Whole after end_in_peace().
  History history() const { return stage_.recorder.history(); }
  // The schedule so far, one life a line, and the end of the log of life `number`.
  std::string lives_until(int number) const;
  std::string log_of(int number) const;
  // How many messages ended in which state, how lives ended, and what else there is to say in some lines.
  std::string summary() const;

 private:
  // How a life came to its end.
  struct End {
    int status = 0;
    bool was_killed_here = false, has_hung = false;
  };
  End watch(const Life& life, Process& process);
  void conclude(const Life& life, Process& process, End end);
  void let_simulators_finish();

  Stage& stage_;
  std::function<void(const World&)> after_death_;
  std::vector<std::string> lives_, logs_;  // by number, from 1
  std::set<std::string_view> reached_;
  std::uint64_t repeats_ = 0, refusals_ = 0;
  int kills_ = 0;
};

}  // namespace usher::e2e::crash
