// What is measured, a table each. Every section prints its table, adds its goals and what was answered wrongly.
#pragma once

#include <cstdint>
#include <optional>

#include "casbin.h"
#include "figures.h"

namespace usher::bench {

struct Setting {
  std::uint64_t seed = 20'260'101;
  bool is_quick = false;
  std::optional<CasbinPeer> casbin;  // without it that part is left out

  Effort effort() const { return is_quick ? Effort{3, 0.002, 0.1} : Effort{7, 0.05, 2.0}; }
};

// Nanoseconds a decision beside the linear matcher, fnmatch(3) and casbin; all must agree on every request.
void measure_decisions(const Setting& setting, Report& report);
// Making a policy ready to decide.
void measure_compiling(const Setting& setting, Report& report);
// Patterns whose deterministic automaton explodes: making the matcher and asking it, short texts and long ones.
void measure_hostile(const Setting& setting, Report& report);
// Whether a child is within its parent: one that is and one that is not, strict and effective.
void measure_narrowing(const Setting& setting, Report& report);

}  // namespace usher::bench
