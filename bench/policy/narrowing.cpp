#include "policy/narrowing.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "sections.h"

namespace usher::bench {

namespace {

using policy::Narrowing;
using policy::NarrowingResult;
using policy::PolicyDocument;

struct Size {
  std::size_t patterns;
  double goal_ms;
};
constexpr std::array<Size, 3> sizes = {{{20, 1}, {100, 5}, {300, 50}}};

struct Case {
  const char* name;
  Narrowing mode;
  bool is_within;
};
constexpr std::array<Case, 4> cases = {{{"strict, within", Narrowing::strict, true},
                                        {"strict, one violation", Narrowing::strict, false},
                                        {"effective, within", Narrowing::effective, true},
                                        {"effective, one violation", Narrowing::effective, false}}};

// With one action that neither the parent allows nor anybody denies.
PolicyDocument violating(PolicyDocument child) {
  child.allowed_actions.push_back("outside:look:*");
  return child;
}

void check(const Case& asked, std::size_t patterns, const NarrowingResult& result, Report& report) {
  if (!result.undecided && result.within == asked.is_within) return;
  report.failures.push_back(fmt::format("narrowing, {} patterns, {}: answered {}", patterns, asked.name,
                                        result.undecided ? "undecided"
                                        : result.within  ? "within"
                                                         : policy::describe(result)));
}

}  // namespace

void measure_narrowing(const Setting& setting, Report& report) {
  Effort effort = setting.is_quick ? Effort{1, 0, 0.1} : Effort{7, 0.02, 1.0};
  std::array<std::vector<std::string>, cases.size()> rows;
  std::vector<std::string> titles;
  for (const Size& size : sizes) {
    Generator generator(setting.seed + size.patterns);
    PolicyDocument parent = generator.policy(size.patterns), child = generator.narrowed(parent);
    double slowest_ms = 0;
    for (std::size_t i = 0; i < cases.size(); ++i) {
      PolicyDocument asked = cases[i].is_within ? child : violating(child);
      check(cases[i], size.patterns, policy::check_narrowing(parent, asked, cases[i].mode), report);
      Timing timing =
          measure(effort, 1, [&] { keep(policy::check_narrowing(parent, asked, cases[i].mode).violations.size()); });
      rows[i].push_back(in_ms(timing));
      slowest_ms = std::max(slowest_ms, timing.ns / 1e6);
    }
    titles.push_back(std::to_string(size.patterns));
    report.goals.push_back(
        {fmt::format("narrowing, {} patterns, slowest of the four, ms", size.patterns), slowest_ms, size.goal_ms});
  }
  Table table("ms to check a narrowing; patterns in each dimension:", titles);
  for (std::size_t i = 0; i < cases.size(); ++i) table.add(cases[i].name, rows[i]);
  table.print();
}

}  // namespace usher::bench
