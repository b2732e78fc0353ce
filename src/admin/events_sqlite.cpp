#include "admin/database_sqlite.h"

namespace usher::admin {
namespace {

using store::Database;
using store::Row;
using store::Value;

Result<void> insert(Database& database, const Event& event, std::int64_t max_events) {
  const auto text = [](const std::string& value) { return Value(std::string_view(value)); };
  Result<void> inserted = database.run(
      "INSERT INTO event(id, principal, tenant, action, resource, sensitivity, metadata, skipped_policy, at, place)"
      " VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9,"
      " (SELECT coalesce(max(place), 0) + 1 FROM event WHERE tenant = ?3))",
      {text(event.id), text(event.principal), text(event.tenant), text(event.action), text(event.resource),
       Value(std::int64_t{event.sensitivity}), text(event.metadata), Value(std::int64_t{event.skipped_policy}),
       Value(std::int64_t{event.at.time_since_epoch().count()})});
  if (!inserted) return inserted;
  // Places are given in order and none is left out: whatever is further back than the bound is beyond it.
  return database.run(
      "DELETE FROM event WHERE tenant = ?1 AND place <= (SELECT max(place) FROM event WHERE tenant = ?1) - ?2",
      {text(event.tenant), Value(max_events)});
}

Event read_event(const Row& row) {
  return {.id = std::string(row.text(0)),
          .principal = std::string(row.text(1)),
          .tenant = std::string(row.text(2)),
          .action = std::string(row.text(3)),
          .resource = std::string(row.text(4)),
          .sensitivity = static_cast<int>(row.integer(5)),
          .metadata = std::string(row.text(6)),
          .skipped_policy = row.integer(7) != 0,
          .at = WallTime(std::chrono::milliseconds(row.integer(8)))};
}

class SqliteEventStore final : public EventStore {
 public:
  SqliteEventStore(std::shared_ptr<ApiDatabase> database, std::size_t max_events)
      : database_(std::move(database)), max_events_(static_cast<std::int64_t>(max_events)) {}

  Task<Result<void>> add(Event event) override {
    return database_->writer.submit([event = std::move(event), max_events = max_events_](Database& database) {
      return insert(database, event, max_events);
    });
  }

  Result<std::optional<Event>> find(std::string_view id) override {
    std::optional<Event> found;
    Result<void> read = database_->reader.query(
        "SELECT id, principal, tenant, action, resource, sensitivity, metadata, skipped_policy, at FROM event"
        " WHERE id = ?",
        {Value(id)}, [&](const Row& row) { found = read_event(row); });
    if (!read) return fail(std::move(read.error()));
    return found;
  }

 private:
  std::shared_ptr<ApiDatabase> database_;
  std::int64_t max_events_;
};

}  // namespace

std::unique_ptr<EventStore> make_event_store(std::shared_ptr<ApiDatabase> database, std::size_t max_events) {
  return std::make_unique<SqliteEventStore>(std::move(database), max_events);
}

}  // namespace usher::admin
