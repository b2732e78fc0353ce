#include "figures.h"

#include <fmt/format.h>

#include <algorithm>

#include "support/statistics.h"

namespace usher::bench {

namespace {

// Wide enough for every name of a row and for "123456.7 ±100%".
constexpr int name_width = 44, cell_width = 15;

double seconds_since(Clock::time_point start) { return microseconds_between(start, Clock::now()) / 1e6; }

std::string with_spread(const Timing& timing, double unit_ns) {
  double value = timing.ns / unit_ns;
  std::string text = fmt::format("{:.{}f}", value, value < 1 ? 3 : value < 10'000 ? 1 : 0);
  if (timing.rounds > 1) text += fmt::format(" ±{:.0f}%", timing.spread * 100);
  return text;
}

}  // namespace

Timing timing_of(const std::vector<double>& rounds_ns) {
  Timing timing{.ns = median(rounds_ns), .rounds = rounds_ns.size()};
  if (timing.ns > 0) timing.spread = (std::ranges::max(rounds_ns) - std::ranges::min(rounds_ns)) / timing.ns;
  return timing;
}

Timing measure(const Effort& effort, double operations, const std::function<void()>& pass) {
  Clock::time_point start = Clock::now();
  std::vector<double> rounds_ns;
  pass();
  double warm_up = seconds_since(start);
  if (warm_up > effort.seconds_in_all / 2) return {.ns = warm_up * 1e9 / operations};
  while (static_cast<int>(rounds_ns.size()) < effort.rounds && seconds_since(start) < effort.seconds_in_all) {
    Clock::time_point round = Clock::now();
    double passes = 0;
    do {
      pass();
      ++passes;
    } while (seconds_since(round) < effort.seconds);
    rounds_ns.push_back(seconds_since(round) * 1e9 / (passes * operations));
  }
  return timing_of(rounds_ns);
}

std::string in_ns(const Timing& timing) { return with_spread(timing, 1); }
std::string in_ms(const Timing& timing) { return with_spread(timing, 1e6); }
std::string as_ratio(double ratio) { return fmt::format("{:.1f} ×", ratio); }

Table::Table(std::string title, std::vector<std::string> columns)
    : title_(std::move(title)), columns_(std::move(columns)) {}

void Table::add(std::string name, std::vector<std::string> cells) {
  rows_.push_back({std::move(name), std::move(cells)});
}

void Table::print() const {
  auto line = [](const std::string& name, const std::vector<std::string>& cells) {
    fmt::print("{:{}}", name, name_width);
    for (const std::string& cell : cells) fmt::print("{:>{}}", cell, cell_width);
    fmt::print("\n");
  };
  fmt::print("\n");
  line(title_, columns_);
  for (const Row& row : rows_) line(row.name, row.cells);
  std::fflush(stdout);
}

void print_goals(const Report& report) {
  fmt::print("\n{:60}{:>12}{:>12}{:>9}\n", "goals of this version", "measured", "goal", "ratio");
  for (const Goal& goal : report.goals) {
    bool is_met = goal.is_at_least ? goal.measured >= goal.bound : goal.measured <= goal.bound;
    fmt::print("{:60}{:12.2f}{:>12}{:9.2f}{}\n", goal.name, goal.measured,
               fmt::format("{} {}", goal.is_at_least ? "≥" : "≤", goal.bound), goal.measured / goal.bound,
               is_met ? "" : "  missed");
  }
}

void keep(std::size_t value) {
  static volatile std::size_t sink = 0;
  sink = sink + value;
}

}  // namespace usher::bench
