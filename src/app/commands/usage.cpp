// `usher usage`: what was spent today and what is left, read beside a running gateway.
#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <tuple>

#include "app/commands/inspect.h"
#include "app/damage.h"
#include "app/exit_status.h"
#include "base/clock.h"
#include "base/json.h"
#include "gateway/links/links.h"
#include "limits/budget.h"
#include "limits/counters.h"
#include "rbac/role.h"
#include "tool/plain_json.h"

namespace usher::app {
namespace {

struct Found {
  std::vector<limits::UsageRow> rows;
  std::vector<Sender> keepers;  // of the budget of the sender who was asked for, where it is not their own
};

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

void print_json(const config::Config& config, const std::string& day, WallTime resets_at, const Found& found) {
  json::array list, keepers;
  for (const Sender& keeper : found.keepers) {
    keepers.push_back(json::object{{"tenant", keeper.tenant}, {"sender", to_string(keeper)}});
  }
  for (const limits::UsageRow& row : found.rows) {
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
                         {"keepers", std::move(keepers)},
                         {"usage", std::move(list)}};
  fmt::print("{}\n", tool::plain_json(out));
}

void print_table(const config::Config& config, const std::string& day, WallTime resets_at, const Found& found) {
  fmt::print("{} ({}), resets at {}\n", day, config.gateway.timezone, to_iso8601(resets_at));
  for (const Sender& keeper : found.keepers) {
    fmt::print("one person with {} (tenant {}), under whom their use is counted\n", to_string(keeper), keeper.tenant);
  }
  fmt::print("{:12} {:14} {:26} {:>7} {:>12} {:>12} {:>12}\n", "tenant", "role", "sender", "calls", "spent", "limit",
             "left");
  for (const limits::UsageRow& row : found.rows) {
    const std::optional<MicroUsd> limit = limit_of(config, row);
    fmt::print("{:12} {:14} {:26} {:>7} {:>12} {:>12} {:>12}\n", row.tenant, row.role,
               row.sender.empty() ? "(whole role)" : row.sender, row.calls, to_string(row.settled + row.reserved),
               limit ? to_string(*limit) : "-", limit ? to_string(left_of(*limit, row)) : "-");
  }
  if (found.rows.empty()) fmt::print("nothing was used today\n");
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

// Who keeps the budget that this sender's use counts against, in each tenant where that is somebody else: one person's
// accounts have one.
Result<std::vector<Sender>> keepers_of(const std::shared_ptr<const config::Config>& config, const Sender& asked,
                                       const std::string& tenant) {
  const rbac::RoleResolver resolver(config);
  std::vector<Sender> keepers;
  for (const auto& [name, ignored] : config->tenants) {
    if (!tenant.empty() && name != tenant) continue;
    const Sender sender{name, asked.kind, asked.id};
    Result<std::optional<Sender>> joined_to = gateway::read_joined_to(config->gateway.data_dir / "links.db", sender);
    if (!joined_to) return fail(std::move(joined_to.error()));
    Sender keeper = resolver.keeper_of(sender, *joined_to);
    if (keeper != sender) keepers.push_back(std::move(keeper));
  }
  return keepers;
}

Result<void> add_rows(const config::Config& config, const limits::UsageFilter& wanted, Found& found) {
  auto rows = limits::read_usage(config.gateway.data_dir / "limits.db", wanted);
  if (!rows && rows.error().kind == ErrorKind::not_found) return {};
  if (!rows) return fail(std::move(rows.error()));
  std::ranges::move(*rows, std::back_inserter(found.rows));
  return {};
}

// What stands under the sender's own name, from before they were joined, and under their keepers'.
Result<Found> find_usage(const std::shared_ptr<const config::Config>& config, const UsageFilter& filter,
                         const std::string& day) {
  limits::UsageFilter wanted{.day = day};
  if (!filter.tenant.empty()) wanted.tenant = filter.tenant;
  if (!filter.role.empty()) wanted.role = filter.role;
  Found found;
  if (!filter.sender.empty()) {
    Result<Sender> sender = parse_sender(filter.sender, "default");
    if (!sender) return fail(std::move(sender.error()));
    Result<std::vector<Sender>> keepers = keepers_of(config, *sender, filter.tenant);
    if (!keepers) return fail(std::move(keepers.error()));
    wanted.sender = to_string(*sender);
    found.keepers = std::move(*keepers);
  }
  Result<void> added = add_rows(*config, wanted, found);
  for (const Sender& keeper : found.keepers) {
    wanted.tenant = keeper.tenant;
    wanted.sender = to_string(keeper);
    if (added) added = add_rows(*config, wanted, found);
  }
  if (!added) return fail(std::move(added.error()));
  std::ranges::sort(found.rows, {},
                    [](const limits::UsageRow& row) { return std::tie(row.tenant, row.role, row.sender); });
  return found;
}

}  // namespace

int show_usage(const std::shared_ptr<const config::Config>& config, const UsageFilter& filter, bool as_json) {
  Result<limits::Calendar> calendar = limits::Calendar::open(config->gateway.timezone);
  if (!calendar) {
    fmt::print(stderr, "usher: {}\n", calendar.error().message);
    return kBadConfiguration;
  }
  const WallTime now = SystemClock().wall();
  const std::string today = calendar->date(now);
  Result<Found> found = find_usage(config, filter, today);
  if (!found) {
    fmt::print(stderr, "usher: {}\n", with_advice(found.error()).message);
    return kError;
  }
  // Rows of a role that has since left the configuration are still shown; an empty answer about one would mislead.
  const std::string mistake = found->rows.empty() ? mistake_in(*config, filter) : "";
  if (!mistake.empty()) {
    fmt::print(stderr, "usher: {}\n", mistake);
    return kError;
  }
  (as_json ? print_json : print_table)(*config, today, calendar->next_day(now), *found);
  return kFine;
}

}  // namespace usher::app
