#include "gateway/entitlement.h"

#include <fmt/format.h>

namespace usher::gateway {

std::vector<limits::RateKey> rate_keys(const rbac::RoleContext& context, std::string_view sender_digest, Metered what) {
  const std::string_view unit = what == Metered::model_calls ? "model" : "tool";
  const std::string& tenant = context.sender.tenant;
  std::vector<limits::RateKey> keys;
  if (context.limits.per_minute) {
    keys.push_back({.key = limits::rate_key(unit, tenant, context.role, sender_digest),
                    .limit = *context.limits.per_minute,
                    .name = fmt::format("rate_limit_per_minute ({} calls) of role {}", unit, context.role)});
  }
  if (context.limits.per_minute_total) {
    keys.push_back({.key = limits::rate_key(unit, tenant, context.role, ""),
                    .limit = *context.limits.per_minute_total,
                    .name = fmt::format("rate_limit_per_minute_total ({} calls) of role {}", unit, context.role)});
  }
  return keys;
}

std::vector<limits::BudgetScope> budget_scopes(const rbac::RoleContext& context) {
  const std::string& tenant = context.sender.tenant;
  return {
      {.tenant = tenant,
       .role = context.role,
       .sender = to_string(context.keeper),
       .limit = context.limits.daily_cost,
       .name = fmt::format("cost_daily_limit_usd of role {}", context.role)},
      {.tenant = tenant,
       .role = context.role,
       .sender = "",
       .limit = context.limits.daily_cost_total,
       .name = fmt::format("cost_daily_limit_usd_total of role {}", context.role)},
  };
}

}  // namespace usher::gateway
