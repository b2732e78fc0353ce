#include <spdlog/spdlog.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>

#include "gateway/incoming_json.h"
#include "gateway/journal.h"
#include "store/sqlite.h"
#include "store/writer.h"

namespace usher::gateway {
namespace {

using store::Database;
using store::Row;

constexpr const char* kMigrations[] = {
    // A done message keeps its row for the deduplication of late repeats, without its text.
    "CREATE TABLE message("
    "  id INTEGER PRIMARY KEY AUTOINCREMENT,"
    "  channel TEXT NOT NULL,"
    "  platform_id TEXT NOT NULL,"
    "  state INTEGER NOT NULL DEFAULT 0,"
    "  incoming TEXT NOT NULL,"
    "  reply TEXT NOT NULL DEFAULT '',"
    "  accepted_at INTEGER NOT NULL,"
    "  UNIQUE(channel, platform_id));"
    "CREATE INDEX message_unfinished ON message(id) WHERE state < 2;"
    "CREATE INDEX message_age ON message(accepted_at);",
};

enum State : std::int64_t { kReceived = 0, kReplying = 1, kDone = 2 };

constexpr std::chrono::milliseconds kMarkDelay{10};
// Telegram repeats an unconfirmed update for 24 hours; a day more for clocks that disagree. Later an id may come again
// with another message, since ids restart at random after a quiet week.
constexpr std::chrono::hours kRememberDone{48};
constexpr std::chrono::minutes kForgetEvery{10};

Result<void> write_done(Database& database, const std::vector<MessageId>& ids) {
  for (MessageId id : ids) {
    Result<void> written =
        database.run("UPDATE message SET state = 2, incoming = '', reply = '' WHERE id = ?", {store::Value(id)});
    if (!written) return written;
  }
  return {};
}

class SqliteJournal final : public Journal {
 public:
  SqliteJournal(Database database, asio::any_io_executor loop, const Clock& clock)
      : clock_(clock), mark_timer_(loop), writer_(std::move(database), loop) {}

  ~SqliteJournal() override {
    mark_timer_.cancel();
    if (!marks_->empty()) post_marks();  // the writer finishes its queue before it joins
  }

  Task<Result<std::vector<Accepted>>> accept(std::vector<channel::Incoming> batch) override {
    auto fresh = std::make_shared<std::vector<Accepted>>();
    const std::int64_t now = clock_.wall().time_since_epoch().count();
    const bool forgets = is_time_to_forget();
    Result<void> stored =
        co_await commit([batch = std::move(batch), fresh, now, forgets](Database& database) -> Result<void> {
          if (forgets) {
            const std::int64_t before = now - std::chrono::milliseconds(kRememberDone).count();
            Result<void> forgotten =
                database.run("DELETE FROM message WHERE state = 2 AND accepted_at < ?", {store::Value(before)});
            if (!forgotten) return forgotten;
          }
          return insert(database, batch, now, *fresh);
        });
    if (!stored) co_return fail(std::move(stored.error()));
    co_return std::move(*fresh);
  }

  Task<Result<void>> store_reply(MessageId id, std::string reply) override {
    return commit([id, reply = std::move(reply)](Database& database) -> Result<void> {
      return database.run("UPDATE message SET state = 1, reply = ? WHERE id = ? AND state < 2",
                          {store::Value(std::string_view(reply)), store::Value(id)});
    });
  }

  void mark_done(MessageId id) override {
    marks_->push_back(id);
    if (is_mark_timer_armed_) return;
    is_mark_timer_armed_ = true;
    mark_timer_.expires_after(kMarkDelay);
    // A timer that has gone off cannot be cancelled any more: its handler may come after the journal's end.
    mark_timer_.async_wait([this, alive = std::weak_ptr(alive_)](boost::system::error_code error) {
      if (error || alive.expired()) return;
      is_mark_timer_armed_ = false;
      if (!marks_->empty()) post_marks();
    });
  }

  Task<Result<std::vector<Accepted>>> unfinished() override {
    auto found = std::make_shared<std::vector<Accepted>>();
    Result<void> read = co_await writer_.submit([found](Database& database) -> Result<void> {
      return database.query("SELECT id, incoming, reply, state FROM message WHERE state < 2 ORDER BY id", {},
                            [&](const Row& row) { take_row(row, *found); });
    });
    if (!read) co_return fail(std::move(read.error()));
    co_return std::move(*found);
  }

  Task<Result<void>> flush() override {
    return commit([](Database&) -> Result<void> { return {}; });
  }

 private:
  static Result<void> insert(Database& database, const std::vector<channel::Incoming>& batch, std::int64_t now,
                             std::vector<Accepted>& fresh) {
    fresh.clear();
    for (const channel::Incoming& incoming : batch) {
      const std::string payload = to_json(incoming);
      Result<void> inserted = database.run(
          "INSERT OR IGNORE INTO message(channel, platform_id, incoming, accepted_at) VALUES(?, ?, ?, ?)",
          {store::Value(std::string_view(incoming.channel)), store::Value(std::string_view(incoming.platform_id)),
           store::Value(std::string_view(payload)), store::Value(now)});
      if (!inserted) return inserted;
      if (database.changes() == 0) continue;
      fresh.push_back({.id = database.last_insert_id(), .incoming = incoming});
    }
    return {};
  }

  static void take_row(const Row& row, std::vector<Accepted>& found) {
    Result<channel::Incoming> incoming = incoming_from_json(row.text(1));
    if (!incoming) {
      spdlog::error("journal: message {} cannot be read and is left aside: {}", row.integer(0),
                    incoming.error().message);
      return;
    }
    found.push_back({.id = row.integer(0),
                     .incoming = std::move(*incoming),
                     .reply = std::string(row.text(2)),
                     .is_replying = row.integer(3) == kReplying});
  }

  // Marks ride along with whatever is committed next; a commit that fails gives them back.
  Task<Result<void>> commit(store::Writer::Job job) {
    auto marks = std::make_shared<std::vector<MessageId>>(std::exchange(*marks_, {}));
    Result<void> stored = co_await writer_.submit([marks, job = std::move(job)](Database& database) -> Result<void> {
      Result<void> done = write_done(database, *marks);
      if (!done) return done;
      return job(database);
    });
    if (!stored) marks_->insert(marks_->end(), marks->begin(), marks->end());
    co_return stored;
  }

  // Marks that cannot be written (a full disk) ride along with a later commit: else the next start sends those replies
  // again.
  void post_marks() {
    auto marks = std::make_shared<std::vector<MessageId>>(std::exchange(*marks_, {}));
    writer_.post([marks](Database& database) { return write_done(database, *marks); },
                 [marks, all = marks_](Result<void> written) {
                   if (written) return;
                   spdlog::error("journal: marking messages as done: {}", written.error().message);
                   all->insert(all->end(), marks->begin(), marks->end());
                 });
  }

  bool is_time_to_forget() {
    const MonotonicTime now = clock_.monotonic();
    if (now < forget_at_) return false;
    forget_at_ = now + kForgetEvery;
    return true;
  }

  const Clock& clock_;
  asio::steady_timer mark_timer_;
  bool is_mark_timer_armed_ = false;
  const std::shared_ptr<const bool> alive_ = std::make_shared<const bool>(true);
  // Shared with writes under way, which may give their marks back.
  std::shared_ptr<std::vector<MessageId>> marks_ = std::make_shared<std::vector<MessageId>>();
  MonotonicTime forget_at_{0};
  store::Writer writer_;  // last: its thread is joined before anything else goes
};

}  // namespace

Result<std::unique_ptr<Journal>> open_journal(const std::filesystem::path& file, asio::any_io_executor loop,
                                              const Clock& clock) {
  store::OpenOptions options;
  options.durability = store::Durability::full;
  options.sharing = store::Sharing::shared;  // a backup reads it beside us
  options.cache_kib = 1024;
  Result<Database> database = Database::open(file, options);
  if (!database) return fail(std::move(database.error()));
  Result<void> migrated = store::migrate(*database, kMigrations);
  if (!migrated) return fail(std::move(migrated.error()));
  return std::make_unique<SqliteJournal>(std::move(*database), std::move(loop), clock);
}

}  // namespace usher::gateway
