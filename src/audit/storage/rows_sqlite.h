// How the ledger's rows lie in SQLite: what its database and its segments have in common.
#pragma once

#include <functional>
#include <span>

#include "audit/storage/store.h"
#include "store/sqlite.h"

namespace usher::audit {

extern const std::span<const char* const> kLedgerMigrations;

Result<void> insert_row(store::Database& database, const Row& row);
// In order, those with first ≤ number ≤ last; false from on_row ends it, and then answers false.
Result<bool> read_rows(store::Database& database, std::uint64_t first, std::uint64_t last,
                       const LedgerReader::OnRow& on_row);
Result<Head> read_head(store::Database& database);

}  // namespace usher::audit
