// Everything that usher lives between: its world, the platforms of its bots, and the recorder that watches them. The
// recorder outlives the simulators.
#pragma once

#include "e2e/crash/recorder/recorder.h"
#include "e2e/world.h"

namespace usher::e2e::crash {

// The calls a minute of those who may not do everything.
inline constexpr int kBuyerCallsAMinute = 4;

class Stage {
 public:
  // `kind` as in "telegram:100".
  explicit Stage(std::string kind);
  virtual ~Stage() = default;
  Stage(const Stage&) = delete;
  Stage& operator=(const Stage&) = delete;

  virtual World& world() = 0;
  Recorder recorder;
};

// The whole config.toml around the tables of bots, "main" in tenant default and "second" in acme: what kPeople may do.
std::string config_around(const World& world, const std::string& bots, const std::string& kind);

}  // namespace usher::e2e::crash
