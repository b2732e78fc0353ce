#include "limits/counters/usage.h"

#include <utility>

namespace usher::limits {

namespace {

store::Value filter_value(const std::optional<std::string>& wanted) {
  if (!wanted) return store::Null{};
  return std::string_view(*wanted);
}

}  // namespace

Result<std::vector<UsageRow>> select_usage(store::Database& database, const UsageFilter& filter) {
  std::vector<UsageRow> rows;
  Result<void> read = database.query(
      "SELECT day, tenant, role, sender, settled, reserved, calls FROM spending WHERE (?1 IS NULL OR day = ?1)"
      " AND (?2 IS NULL OR tenant = ?2) AND (?3 IS NULL OR role = ?3) AND (?4 IS NULL OR sender = ?4)"
      " ORDER BY day, tenant, role, sender LIMIT 100000",
      {filter_value(filter.day), filter_value(filter.tenant), filter_value(filter.role), filter_value(filter.sender)},
      [&](const store::Row& row) {
        rows.push_back({std::string(row.text(0)), std::string(row.text(1)), std::string(row.text(2)),
                        std::string(row.text(3)), MicroUsd{row.integer(4)}, MicroUsd{row.integer(5)}, row.integer(6)});
      });
  if (!read) return fail(std::move(read.error()));
  return rows;
}

}  // namespace usher::limits
