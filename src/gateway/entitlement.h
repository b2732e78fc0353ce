// What a role's limits mean for one sender: the keys of the rate windows and the scopes of the budgets that a call must
// pass. Pure.
#pragma once

#include <vector>

#include "limits/budget.h"
#include "limits/rate.h"
#include "rbac/role.h"

namespace usher::gateway {

enum class Metered { model_calls, tool_calls };

// Empty where the role has no such limit.
std::vector<limits::RateKey> rate_keys(const rbac::RoleContext& context, std::string_view sender_digest, Metered what);

// The sender's scope and the role's. Both are always counted, so that usage can be shown; only those with a limit
// refuse.
std::vector<limits::BudgetScope> budget_scopes(const rbac::RoleContext& context);

}  // namespace usher::gateway
