// `usher check`: what is wrong with the configuration, and whether a gateway runs on it.
#include "app/commands/inspect.h"

#include <fmt/format.h>

#include <algorithm>

#include "app/channels/channels.h"
#include "app/data_lock.h"
#include "app/exit_status.h"
#include "base/json.h"
#include "tool/builtin.h"
#include "tool/plain_json.h"

namespace usher::app {
namespace {

std::string counted(std::size_t count, const char* what) {
  return fmt::format("{} {}{}", count, what, count == 1 ? "" : "s");
}

void print_running(const std::filesystem::path& data_dir, const std::optional<pid_t>& runner) {
  if (runner) {
    fmt::print("a gateway runs on {} (pid {})\n", data_dir.string(), *runner);
  } else {
    fmt::print(stderr, "usher: no gateway runs on {}\n", data_dir.string());
  }
}

}  // namespace

std::vector<config::Problem> problems_of(const config::Loaded& loaded) {
  std::vector<config::Problem> problems = loaded.problems;
  if (!loaded.config) return problems;
  if (const std::optional<std::string> missing = missing_channel(*loaded.config)) {
    problems.push_back({.source = {.file = loaded.config->file.string()}, .message = *missing});
  }
  std::vector<std::string> registered;
  for (const tool::ToolSpec& spec : tool::builtin_specs()) registered.push_back(spec.name);
  for (config::Problem& problem : config::unmatched_tool_globs(*loaded.config, registered)) {
    problems.push_back(std::move(problem));
  }
  return problems;
}

int check(const config::Loaded& loaded, bool as_json, bool must_run) {
  const std::vector<config::Problem> problems = problems_of(loaded);
  const auto errors = std::count_if(problems.begin(), problems.end(), [](const auto& p) { return !p.is_warning; });
  const auto warnings = static_cast<std::ptrdiff_t>(problems.size()) - errors;
  std::optional<pid_t> runner;
  if (must_run && loaded.config) runner = DataLock::holder(loaded.config->gateway.data_dir);
  if (as_json) {
    json::array list;
    for (const config::Problem& problem : problems) {
      list.push_back(json::object{{"file", problem.source.file},
                                  {"line", problem.source.line},
                                  {"column", problem.source.column},
                                  {"severity", problem.is_warning ? "warning" : "error"},
                                  {"message", problem.message}});
    }
    json::object out{{"valid", errors == 0}, {"problems", std::move(list)}};
    if (must_run) out["running_pid"] = runner ? json::value(*runner) : json::value(nullptr);
    fmt::print("{}\n", tool::plain_json(out));
  } else {
    for (const config::Problem& problem : problems) fmt::print(stderr, "{}\n", config::to_string(problem));
    if (errors == 0) {
      const config::Config& config = *loaded.config;
      fmt::print("{} is valid: {}, {}, {}, {}\n", config.file.string(), counted(config.tenants.size(), "tenant"),
                 counted(config.telegram.size(), "Telegram bot"), counted(config.discord.size(), "Discord bot"),
                 counted(static_cast<std::size_t>(warnings), "warning"));
      if (must_run) print_running(loaded.config->gateway.data_dir, runner);
    } else {
      fmt::print(stderr, "usher: {} error{} in the configuration\n", errors, errors == 1 ? "" : "s");
    }
  }
  if (errors > 0) return kBadConfiguration;
  return must_run && !runner ? kError : kFine;
}

}  // namespace usher::app
