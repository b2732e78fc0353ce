#include "app/inspect.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "app/data_lock.h"
#include "app/exit_status.h"
#include "base/json.h"
#include "base/text.h"
#include "rbac/role.h"
#include "tool/builtin.h"
#include "tool/gate.h"
#include "tool/plain_json.h"

namespace usher::app {
namespace {

void print_json(const json::value& value) { fmt::print("{}\n", tool::plain_json(value)); }

// "telegram:-100…" → a group's place; "" = a private chat.
Result<rbac::Place> place_of(const Sender& sender, const std::string& chat) {
  if (chat.empty()) return rbac::Place{.kind = sender.kind, .chat = sender.id};
  const std::size_t colon = chat.find(':');
  const bool is_numbered =
      colon != std::string::npos && (chat.starts_with("telegram:") || chat.starts_with("discord:"));
  const std::size_t id = colon + (is_numbered && chat.starts_with("telegram:-") ? 2 : 1);
  if (colon == std::string::npos || id >= chat.size() ||
      (is_numbered && chat.find_first_not_of("0123456789", id) != std::string::npos)) {
    return fail(ErrorKind::invalid, fmt::format("'{}' is no chat: write telegram:-1001234567890", printable(chat)));
  }
  return rbac::Place{.kind = chat.substr(0, colon), .chat = chat.substr(colon + 1), .is_group = true};
}

json::value limit_value(const std::optional<std::int64_t>& limit) {
  return limit ? json::value(*limit) : json::value(nullptr);
}
json::value limit_value(const std::optional<MicroUsd>& limit) {
  return limit ? json::value(static_cast<double>(limit->value) / 1e6) : json::value(nullptr);
}

json::object limits_json(const config::Limits& limits) {
  return {{"rate_limit_per_minute", limit_value(limits.per_minute)},
          {"rate_limit_per_minute_total", limit_value(limits.per_minute_total)},
          {"cost_daily_limit_usd", limit_value(limits.daily_cost)},
          {"cost_daily_limit_usd_total", limit_value(limits.daily_cost_total)}};
}

std::vector<std::string> offered_tools(const rbac::RoleContext& context) {
  std::vector<std::string> tools;
  for (const tool::ToolSpec& spec : tool::builtin_specs()) {
    if (tool::may_offer(context, spec).allowed) tools.push_back(spec.name);
  }
  return tools;
}

rbac::ToolDecision decide(const rbac::RoleContext& context, const std::string& tool) {
  for (const tool::ToolSpec& spec : tool::builtin_specs()) {
    if (spec.name == tool) return tool::may_call(context, spec);
  }
  return {.allowed = false, .detail = fmt::format("there is no tool '{}'", tool)};
}

json::object context_json(const config::Config& config, const rbac::RoleContext& context,
                          const rbac::Workspace& workspace) {
  const auto model = config.models.find(context.model_hint);
  const std::vector<std::string> tools = offered_tools(context);
  json::object out{
      {"tenant", context.sender.tenant},
      {"sender", to_string(context.sender)},
      {"role", context.role},
      {"matched",
       {{"rule", context.matched.rule}, {"file", context.matched.source.file}, {"line", context.matched.source.line}}},
      {"workspace", context.workspace},
      {"memory_db", workspace.memory_db.string()},
      {"autonomy", config::to_string(context.autonomy)},
      {"model", model == config.models.end() ? "" : model->second.model},
      {"tools", json::array(tools.begin(), tools.end())},
      {"limits", limits_json(context.limits)}};
  if (context.ceiling) out["ceiling"] = *context.ceiling;
  return out;
}

// Indented "name: value" lines for people; nested values as JSON.
void print_lines(const json::object& object) {
  for (const auto& [key, value] : object) {
    const std::string text = value.is_string() ? std::string(value.get_string()) : tool::plain_json(value);
    fmt::print("{:10} {}\n", std::string_view(key), text);
  }
}

void print_running(const std::filesystem::path& data_dir, const std::optional<pid_t>& runner) {
  if (runner) {
    fmt::print("a gateway runs on {} (pid {})\n", data_dir.string(), *runner);
  } else {
    fmt::print(stderr, "usher: no gateway runs on {}\n", data_dir.string());
  }
}

struct Located {
  std::shared_ptr<const rbac::RoleContext> context;
  rbac::Workspace workspace;
};

Result<Located> locate(const std::shared_ptr<const config::Config>& config, const Sender& sender,
                       const std::string& chat) {
  Result<rbac::Place> place = place_of(sender, chat);
  if (!place) return fail(std::move(place.error()));
  const rbac::RoleResolver resolver(config);
  auto context = resolver.resolve(sender, *place);
  if (!context) return fail(std::move(context.error()));
  return Located{*context, rbac::WorkspaceSelector(config).select(**context)};
}

}  // namespace

int check(const config::Loaded& loaded, bool as_json, bool must_run) {
  std::vector<config::Problem> problems = loaded.problems;
  if (loaded.config) {
    std::vector<std::string> registered;
    for (const tool::ToolSpec& spec : tool::builtin_specs()) registered.push_back(spec.name);
    for (config::Problem& problem : config::unmatched_tool_globs(*loaded.config, registered)) {
      problems.push_back(std::move(problem));
    }
  }
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
    print_json(out);
  } else {
    for (const config::Problem& problem : problems) fmt::print(stderr, "{}\n", config::to_string(problem));
    if (errors == 0) {
      fmt::print("{} is valid: {} tenant{}, {} telegram bot{}, {} warning{}\n", loaded.config->file.string(),
                 loaded.config->tenants.size(), loaded.config->tenants.size() == 1 ? "" : "s",
                 loaded.config->telegram.size(), loaded.config->telegram.size() == 1 ? "" : "s", warnings,
                 warnings == 1 ? "" : "s");
      if (must_run) print_running(loaded.config->gateway.data_dir, runner);
    } else {
      fmt::print(stderr, "usher: {} error{} in the configuration\n", errors, errors == 1 ? "" : "s");
    }
  }
  if (errors > 0) return kBadConfiguration;
  return must_run && !runner ? kError : kFine;
}

int explain(std::shared_ptr<const config::Config> config, const ExplainRequest& request, bool as_json) {
  Result<Located> located = locate(config, request.sender, request.chat);
  json::object out;
  if (located) {
    out = context_json(*config, *located->context, located->workspace);
    if (!request.tool.empty()) {
      const rbac::ToolDecision decision = decide(*located->context, request.tool);
      out["decision"] = {{"allowed", decision.allowed}, {"detail", decision.detail}};
    }
  } else if (located.error().kind == ErrorKind::denied) {
    out = {{"tenant", request.sender.tenant},
           {"sender", to_string(request.sender)},
           {"role", nullptr},
           {"decision", {{"allowed", false}, {"detail", located.error().message}}}};
  } else {
    fmt::print(stderr, "usher: {}\n", located.error().message);
    return kError;
  }
  if (as_json) {
    print_json(out);
  } else {
    print_lines(out);
  }
  return kFine;
}

int memory_path(std::shared_ptr<const config::Config> config, const Sender& sender, const std::string& chat,
                bool as_json) {
  Result<Located> located = locate(config, sender, chat);
  if (!located) {
    fmt::print(stderr, "usher: {}\n", located.error().message);
    return kError;
  }
  const std::string path = located->workspace.memory_db.string();
  if (as_json) {
    print_json(json::object{{"sender", to_string(sender)}, {"memory_db", path}});
  } else {
    fmt::print("{}\n", path);
  }
  return kFine;
}

}  // namespace usher::app
