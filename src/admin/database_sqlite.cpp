#include "admin/database_sqlite.h"

namespace usher::admin {
namespace {

constexpr const char* kMigrations[] = {
    // Of a secret only its digest, found by a prefix: what the index tells by its timing is not enough to forge one.
    // `root` is the agent that an operator made, at the top of a family.
    "CREATE TABLE token("
    "  id INTEGER PRIMARY KEY AUTOINCREMENT,"
    "  jti TEXT NOT NULL UNIQUE,"
    "  digest TEXT NOT NULL,"
    "  kind TEXT NOT NULL,"
    "  name TEXT NOT NULL,"
    "  tenant TEXT NOT NULL,"
    "  scopes TEXT NOT NULL,"
    "  parent TEXT NOT NULL,"
    "  root TEXT NOT NULL,"
    "  depth INTEGER NOT NULL,"
    "  role TEXT NOT NULL,"
    "  policy TEXT NOT NULL,"
    "  created_at INTEGER NOT NULL,"
    "  expires_at INTEGER NOT NULL,"
    "  revoked_at INTEGER);"
    "CREATE INDEX token_digest ON token(substr(digest, 1, 8));"
    "CREATE INDEX token_parent ON token(parent) WHERE parent <> '';"
    "CREATE INDEX token_root ON token(root);"
    "CREATE TABLE event("
    "  number INTEGER PRIMARY KEY AUTOINCREMENT,"
    "  id TEXT NOT NULL UNIQUE,"
    "  principal TEXT NOT NULL,"
    "  tenant TEXT NOT NULL,"
    "  action TEXT NOT NULL,"
    "  resource TEXT NOT NULL,"
    "  sensitivity INTEGER NOT NULL,"
    "  metadata TEXT NOT NULL,"
    "  skipped_policy INTEGER NOT NULL,"
    "  at INTEGER NOT NULL);",
    // `place` counts the events of a tenant, so that each tenant has a bound of its own.
    "ALTER TABLE event ADD COLUMN place INTEGER NOT NULL DEFAULT 0;"
    "UPDATE event SET place = each.place FROM"
    " (SELECT number, row_number() OVER (PARTITION BY tenant ORDER BY number) AS place FROM event) AS each"
    " WHERE each.number = event.number;"
    "CREATE UNIQUE INDEX event_place ON event(tenant, place);",
};

// A reader of a WAL waits only while another process recovers or closes it; the event loop waits along.
constexpr std::chrono::milliseconds kReaderPatience{250};

}  // namespace

Result<ApiStores> open_api_stores(const std::filesystem::path& file, asio::any_io_executor loop,
                                  std::size_t max_events) {
  store::OpenOptions options{
      .durability = store::Durability::full, .sharing = store::Sharing::shared, .cache_kib = 1024};
  Result<store::Database> writer = store::Database::open(file, options);
  if (!writer) return fail(std::move(writer.error()));
  Result<void> migrated = store::migrate(*writer, kMigrations);
  if (!migrated) return fail(std::move(migrated.error()));
  options.is_read_only = true;
  options.busy_timeout = kReaderPatience;
  Result<store::Database> reader = store::Database::open(file, options);
  if (!reader) return fail(std::move(reader.error()));
  auto database = std::make_shared<ApiDatabase>(std::move(*reader), std::move(*writer), std::move(loop));
  return ApiStores{.tokens = make_token_store(database), .events = make_event_store(database, max_events)};
}

}  // namespace usher::admin
