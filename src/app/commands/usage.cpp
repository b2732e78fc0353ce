// `usher usage`: what was spent today and what is left, read beside a running gateway.
#include <fmt/format.h>

#include <algorithm>

#include "app/commands/inspect.h"
#include "app/exit_status.h"
#include "base/clock.h"
#include "base/json.h"
#include "limits/budget.h"
#include "limits/counters.h"
#include "tool/plain_json.h"

namespace usher::app {
namespace {

const config::Role* find_role(const config::Config& config, const limits::UsageRow& row) {
  const auto tenant = config.tenants.find(row.tenant);
  if (tenant == config.tenants.end()) return nullptr;
  const auto role = tenant->second.roles.find(row.role);
  return role == tenant->second.roles.end() ? nullptr : &role->second;
}

std::optional<MicroUsd> limit_of(const config::Config& config, const limits::UsageRow& row) {
  const config::Role* role = find_role(config, row);
  if (!role) return std::nullopt;
  return row.sender.empty() ? role->limits.daily_cost_total : role->limits.daily_cost;
}

MicroUsd left_of(MicroUsd limit, const limits::UsageRow& row) {
  const MicroUsd spent = row.settled + row.reserved;
  return spent < limit ? limit - spent : MicroUsd{0};
}

double dollars(MicroUsd amount) { return static_cast<double>(amount.value) / 1e6; }

void print_json(const config::Config& config, const std::string& day, WallTime resets_at,
                const std::vector<limits::UsageRow>& rows) {
  json::array list;
  for (const limits::UsageRow& row : rows) {
    const std::optional<MicroUsd> limit = limit_of(config, row);
    list.push_back(
        json::object{{"tenant", row.tenant},
                     {"role", row.role},
                     {"sender", row.sender.empty() ? json::value(nullptr) : json::value(row.sender)},
                     {"calls", row.calls},
                     {"settled_usd", dollars(row.settled)},
                     {"reserved_usd", dollars(row.reserved)},
                     {"limit_usd", limit ? json::value(dollars(*limit)) : json::value(nullptr)},
                     {"left_usd", limit ? json::value(dollars(left_of(*limit, row))) : json::value(nullptr)}});
  }
  const json::object out{{"day", day},
                         {"timezone", config.gateway.timezone},
                         {"resets_at", to_iso8601(resets_at)},
                         {"usage", std::move(list)}};
  fmt::print("{}\n", tool::plain_json(out));
}

void print_table(const config::Config& config, const std::string& day, WallTime resets_at,
                 const std::vector<limits::UsageRow>& rows) {
  fmt::print("{} ({}), resets at {}\n", day, config.gateway.timezone, to_iso8601(resets_at));
  fmt::print("{:12} {:14} {:26} {:>7} {:>12} {:>12} {:>12}\n", "tenant", "role", "sender", "calls", "spent", "limit",
             "left");
  for (const limits::UsageRow& row : rows) {
    const std::optional<MicroUsd> limit = limit_of(config, row);
    fmt::print("{:12} {:14} {:26} {:>7} {:>12} {:>12} {:>12}\n", row.tenant, row.role,
               row.sender.empty() ? "(whole role)" : row.sender, row.calls, to_string(row.settled + row.reserved),
               limit ? to_string(*limit) : "-", limit ? to_string(left_of(*limit, row)) : "-");
  }
  if (rows.empty()) fmt::print("nothing was used today\n");
}

// A tenant or role that the configuration does not have; "" when there is none.
std::string mistake_in(const config::Config& config, const UsageFilter& filter) {
  if (!filter.tenant.empty() && !config.tenants.contains(filter.tenant)) {
    return fmt::format("there is no tenant '{}' in {}", filter.tenant, config.file.string());
  }
  const auto has_role = [&](const auto& tenant) {
    return (filter.tenant.empty() || tenant.first == filter.tenant) && tenant.second.roles.contains(filter.role);
  };
  if (filter.role.empty() || std::ranges::any_of(config.tenants, has_role)) return "";
  return fmt::format("there is no role '{}' in {}", filter.role, config.file.string());
}

}  // namespace

int show_usage(const config::Config& config, const UsageFilter& filter, bool as_json) {
  Result<limits::Calendar> calendar = limits::Calendar::open(config.gateway.timezone);
  if (!calendar) {
    fmt::print(stderr, "usher: {}\n", calendar.error().message);
    return kBadConfiguration;
  }
  const WallTime now = SystemClock().wall();
  limits::UsageFilter wanted{.day = calendar->date(now)};
  if (!filter.tenant.empty()) wanted.tenant = filter.tenant;
  if (!filter.role.empty()) wanted.role = filter.role;
  if (!filter.sender.empty()) {
    Result<Sender> sender = parse_sender(filter.sender, "default");
    if (!sender) {
      fmt::print(stderr, "usher: {}\n", sender.error().message);
      return kError;
    }
    wanted.sender = to_string(*sender);
  }
  auto rows = limits::read_usage(config.gateway.data_dir / "limits.db", wanted);
  if (!rows && rows.error().kind != ErrorKind::not_found) {
    fmt::print(stderr, "usher: {}\n", rows.error().message);
    return kError;
  }
  const std::vector<limits::UsageRow> found = rows ? std::move(*rows) : std::vector<limits::UsageRow>();
  // Rows of a role that has since left the configuration are still shown; an empty answer about one would mislead.
  if (found.empty()) {
    const std::string mistake = mistake_in(config, filter);
    if (!mistake.empty()) {
      fmt::print(stderr, "usher: {}\n", mistake);
      return kError;
    }
  }
  (as_json ? print_json : print_table)(config, *wanted.day, calendar->next_day(now), found);
  return kFine;
}

}  // namespace usher::app
