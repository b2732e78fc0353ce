// The query behind `usher usage`.
#pragma once

#include <vector>

#include "base/result.h"
#include "limits/counters.h"
#include "store/sqlite.h"

namespace usher::limits {

// Ordered by day, tenant, role, sender; at most 100,000 rows. On the thread that uses the database.
Result<std::vector<UsageRow>> select_usage(store::Database& database, const UsageFilter& filter);

}  // namespace usher::limits
