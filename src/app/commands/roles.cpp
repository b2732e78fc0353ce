// `usher roles`: every tenant's roles and, tool by tool, whether each may call it and why not.
#include <fmt/format.h>

#include <algorithm>

#include "app/commands/inspect.h"
#include "app/exit_status.h"
#include "base/json.h"
#include "rbac/role.h"
#include "tool/builtin.h"
#include "tool/gate.h"
#include "tool/plain_json.h"

namespace usher::app {
namespace {

constexpr std::size_t kWidth = 100;  // of what is printed for people

// A role and what it means for whoever holds it.
struct Column {
  const config::Role* role;
  std::shared_ptr<const rbac::RoleContext> context;
};

enum class Answer { yes, no, ask };  // ask: a call needs an approval

const char* to_string(Answer answer) {
  switch (answer) {
    case Answer::yes:
      return "yes";
    case Answer::no:
      return "no";
    case Answer::ask:
      return "ask";
  }
  return "no";
}

struct Cell {
  Answer answer = Answer::no;
  std::string detail;
};

Cell cell_of(const rbac::RoleContext& context, const tool::ToolSpec& spec) {
  rbac::ToolDecision offered = tool::may_offer(context, spec);
  if (!offered.allowed) return {Answer::no, std::move(offered.detail)};
  rbac::ToolDecision called = tool::may_call(context, spec);
  return {called.allowed ? Answer::yes : Answer::ask, std::move(called.detail)};
}

std::vector<Column> columns_of(const config::Tenant& tenant) {
  std::vector<Column> columns;
  for (const auto& [name, role] : tenant.roles) columns.push_back({&role, rbac::context_of(role)});
  return columns;
}

json::object role_json(const Column& column) {
  json::object tools;
  for (const tool::ToolSpec& spec : tool::builtin_specs()) {
    const Cell cell = cell_of(*column.context, spec);
    const bool is_allowed = cell.answer == Answer::yes;
    tools[spec.name] = {{"offered", cell.answer != Answer::no},
                        {"allowed", is_allowed},
                        {"answer", to_string(cell.answer)},
                        {"detail", cell.detail},
                        {"reason", is_allowed ? json::value(nullptr) : json::value(cell.detail)}};
  }
  const config::Role& role = *column.role;
  return {{"role", role.name},
          {"autonomy", config::to_string(role.autonomy)},
          {"workspace", role.workspace},
          {"model_hint", role.model_hint},
          {"memory_isolation", role.memory_isolation},
          {"rag_access", json::array(role.rag_access.begin(), role.rag_access.end())},
          {"policy", role.policy ? json::parse(policy::to_json(*role.policy)) : json::value(nullptr)},
          {"tools", std::move(tools)}};
}

json::object tenant_json(const config::Tenant& tenant) {
  json::array roles;
  for (const Column& column : columns_of(tenant)) roles.push_back(role_json(column));
  return {{"tenant", tenant.name},
          {"default_role", tenant.default_role ? json::value(*tenant.default_role) : json::value(nullptr)},
          {"roles", std::move(roles)}};
}

// Broken between words; what follows the first line is indented.
void print_wrapped(std::string_view text) {
  std::size_t used = 2;
  fmt::print("  ");
  for (bool is_first = true; !text.empty(); is_first = false) {
    const std::string_view word = text.substr(0, text.find(' '));
    text.remove_prefix(std::min(text.size(), word.size() + 1));
    const bool breaks = !is_first && used + 1 + word.size() > kWidth;
    fmt::print("{}{}", is_first ? "" : breaks ? "\n      " : " ", word);
    used = (breaks ? 6 : used + (is_first ? 0 : 1)) + word.size();
  }
  fmt::print("\n");
}

void print_line(std::string_view line) { fmt::print("{}\n", line.substr(0, line.find_last_not_of(' ') + 1)); }

std::size_t width_of(const Column& column) { return std::max<std::size_t>(column.role->name.size(), 3) + 2; }

// Tools down, roles across: as many roles as fit, the others in a table below.
void print_tables(std::span<const Column> columns) {
  std::size_t name_width = 0;
  for (const tool::ToolSpec& spec : tool::builtin_specs()) name_width = std::max(name_width, spec.name.size() + 2);
  while (!columns.empty()) {
    std::size_t width = 2 + name_width + width_of(columns.front()), count = 1;
    while (count < columns.size() && width + width_of(columns[count]) <= kWidth) width += width_of(columns[count++]);
    std::string line = fmt::format("  {:{}}", "tool", name_width);
    for (const Column& column : columns.first(count)) line += fmt::format("{:{}}", column.role->name, width_of(column));
    print_line("\n" + line);
    for (const tool::ToolSpec& spec : tool::builtin_specs()) {
      line = fmt::format("  {:{}}", spec.name, name_width);
      for (const Column& column : columns.first(count)) {
        line += fmt::format("{:{}}", to_string(cell_of(*column.context, spec).answer), width_of(column));
      }
      print_line(line);
    }
    columns = columns.subspan(count);
  }
}

void print_reasons(std::span<const Column> columns) {
  bool has_ask = false;
  fmt::print("\n");
  for (const Column& column : columns) {
    for (const tool::ToolSpec& spec : tool::builtin_specs()) {
      const Cell cell = cell_of(*column.context, spec);
      if (cell.answer == Answer::no) print_wrapped("no: " + cell.detail);
      has_ask = has_ask || cell.answer == Answer::ask;
    }
  }
  if (has_ask) print_wrapped("ask: each call needs an approval, and approvals are not available in this version");
}

void print_tenant(const config::Tenant& tenant) {
  const std::vector<Column> columns = columns_of(tenant);
  fmt::print("tenant {}{}\n", tenant.name, tenant.default_role ? "" : ": unknown senders are turned away");
  for (const Column& column : columns) {
    const config::Role& role = *column.role;
    fmt::print("  {}{}: {}, workspace {}, model {}{}\n", role.name,
               tenant.default_role == role.name ? " (default)" : "", config::to_string(role.autonomy), role.workspace,
               role.model_hint, role.policy ? ", with a policy" : "");
  }
  print_tables(columns);
  print_reasons(columns);
}

}  // namespace

int show_roles(std::shared_ptr<const config::Config> config, bool as_json) {
  if (as_json) {
    json::array tenants;
    for (const auto& [name, tenant] : config->tenants) tenants.push_back(tenant_json(tenant));
    fmt::print("{}\n", tool::plain_json(json::object{{"tenants", std::move(tenants)}}));
    return kFine;
  }
  const char* separator = "";
  for (const auto& [name, tenant] : config->tenants) {
    fmt::print("{}", std::exchange(separator, "\n"));
    print_tenant(tenant);
  }
  return kFine;
}

}  // namespace usher::app
