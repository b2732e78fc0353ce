// policy_bench [--seed N] [--quick] [--no-casbin] [--peer FILE]
//
// What deciding, compiling and narrowing policies costs, beside the C library's fnmatch(3) and casbin on the same
// patterns and requests. README.md says what each figure means. Exit status 1 when somebody answered wrongly.
// Node is the program that USHER_NODE names, else `node`.
#include <fmt/format.h>
#include <stdlib.h>

#include <cstring>
#include <filesystem>
#include <stdexcept>

#include "sections.h"
#include "support/statistics.h"

namespace usher::bench {
namespace {

constexpr const char* usage = "usage: policy_bench [--seed N] [--quick] [--no-casbin] [--peer FILE]";

Setting parse(int count, char** arguments) {
  Setting setting;
  std::string peer = "bench/policy/casbin_peer.mjs";
  bool with_casbin = true;
  for (int i = 1; i < count; ++i) {
    auto is = [&](const char* name) { return std::strcmp(arguments[i], name) == 0; };
    bool has_value = i + 1 < count;
    if (is("--quick")) {
      setting.is_quick = true;
    } else if (is("--no-casbin")) {
      with_casbin = false;
    } else if (is("--seed") && has_value) {
      setting.seed = std::stoull(arguments[++i]);
    } else if (is("--peer") && has_value) {
      peer = arguments[++i];
    } else {
      throw std::invalid_argument(usage);
    }
  }
  if (!with_casbin) return setting;
  if (!std::filesystem::exists(std::filesystem::path(peer).parent_path() / "node_modules/casbin"))
    throw std::runtime_error("casbin is not installed beside " + peer + ": npm ci there, ./dev bench, or --no-casbin");
  const char* node = ::getenv("USHER_NODE");
  setting.casbin.emplace(node ? node : "node", peer);
  return setting;
}

int run(int count, char** arguments) {
  Setting setting = parse(count, arguments);
  Clock::time_point start = Clock::now();
  fmt::print("--seed {}; medians of up to {} rounds, ± (slowest − fastest) / median{}\n", setting.seed,
             setting.effort().rounds, setting.is_quick ? "; --quick, the figures mean little" : "");
  Report report;
  measure_decisions(setting, report);
  measure_compiling(setting, report);
  measure_hostile(setting, report);
  measure_narrowing(setting, report);
  print_goals(report);
  fmt::print("\n{:.0f} s", microseconds_between(start, Clock::now()) / 1e6);
  fmt::print("{}\n", setting.casbin ? "" : "; casbin was left out");
  for (std::size_t i = 0; i < report.failures.size() && i < 10; ++i) fmt::print("WRONG: {}\n", report.failures[i]);
  if (report.failures.empty())
    fmt::print("everybody agreed on every answer\n");
  else
    fmt::print("{} wrong answers\n", report.failures.size());
  return report.failures.empty() ? 0 : 1;
}

}  // namespace
}  // namespace usher::bench

int main(int count, char** arguments) {
  try {
    return usher::bench::run(count, arguments);
  } catch (const std::exception& error) {
    fmt::print(stderr, "policy_bench: {}\n", error.what());
    return 2;
  }
}
