#include "gateway/journal/journal_rows.h"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <iterator>
#include <unordered_map>

#include "base/failpoint.h"
#include "gateway/journal/choices_json.h"
#include "gateway/journal/incoming_json.h"
#include "gateway/journal/remembrance_json.h"

namespace usher::gateway {
namespace {

using store::Database;
using store::Row;
using store::Value;

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
    // States became those of MessageState: 0 received, 1 with a reply, 2 done before.
    "ALTER TABLE message ADD COLUMN sender TEXT NOT NULL DEFAULT '';"
    "ALTER TABLE message ADD COLUMN chat TEXT NOT NULL DEFAULT '';"
    "ALTER TABLE message ADD COLUMN thread TEXT NOT NULL DEFAULT '';"
    "ALTER TABLE message ADD COLUMN remembrance TEXT NOT NULL DEFAULT '';"
    "ALTER TABLE message ADD COLUMN parts_arrived INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE message ADD COLUMN interruptions INTEGER NOT NULL DEFAULT 0;"
    "DROP INDEX message_unfinished;"
    "UPDATE message SET state = state * 2;"
    "CREATE INDEX message_unfinished ON message(id) WHERE state < 4;"
    "CREATE INDEX message_shown ON message(id) WHERE state > 4;"
    "CREATE TABLE step(message INTEGER NOT NULL, agent TEXT NOT NULL, kind INTEGER NOT NULL, number INTEGER NOT NULL,"
    "  payload TEXT NOT NULL, PRIMARY KEY(message, agent, kind, number)) STRICT, WITHOUT ROWID;"
    "CREATE TABLE instance(name TEXT NOT NULL) STRICT;"
    "INSERT INTO instance VALUES (lower(hex(randomblob(4))));",
    "ALTER TABLE message ADD COLUMN choices TEXT NOT NULL DEFAULT '';"
    "ALTER TABLE message ADD COLUMN left_at INTEGER NOT NULL DEFAULT 0;"
    "CREATE TABLE place(channel TEXT NOT NULL PRIMARY KEY, place TEXT NOT NULL) STRICT, WITHOUT ROWID;"};

std::int64_t number_of(MessageState state) { return static_cast<std::int64_t>(state); }
std::int64_t millis(WallTime time) { return time.time_since_epoch().count(); }

Result<void> write_mark(Database& database, const Mark& mark) {
  switch (mark.state) {
    case MessageState::running:
      return database.run("UPDATE message SET state = 1 WHERE id = ? AND state = 0", {Value(mark.id)});
    case MessageState::ready:
      return database.run("UPDATE message SET state = 2, parts_arrived = ? WHERE id = ? AND state = 3",
                          {Value(static_cast<std::int64_t>(mark.parts_arrived)), Value(mark.id)});
    case MessageState::sent:
      return database.run(
          "UPDATE message SET state = 4, incoming = '', reply = '', remembrance = '' WHERE id = ? AND state < 4",
          {Value(mark.id)});
    default:  // shown to the operator, so the reply stays
      return database.run("UPDATE message SET state = ?, incoming = '', remembrance = '' WHERE id = ? AND state < 4",
                          {Value(number_of(mark.state)), Value(mark.id)});
  }
}

// False, with a line in the log, for a row that nobody can read.
bool read_message(const Row& row, const std::filesystem::path& data_dir, Accepted& accepted) {
  accepted.id = row.integer(0);
  accepted.state = static_cast<MessageState>(row.integer(4));
  accepted.interruptions = static_cast<int>(row.integer(5));
  accepted.parts_arrived = static_cast<std::size_t>(row.integer(6));
  accepted.left_at = WallTime(std::chrono::milliseconds(row.integer(8)));
  accepted.reply.text = row.text(2);
  accepted.reply.choices = choices_from_json(row.text(7));
  Result<channel::Incoming> incoming = incoming_from_json(row.text(1));
  if (!incoming) {
    spdlog::error("journal: message {} cannot be read and is left aside: {}", accepted.id, incoming.error().message);
    return false;
  }
  accepted.incoming = std::move(*incoming);
  Result<Remembrance> remembrance = remembrance_from_json(row.text(3), data_dir);
  if (remembrance) {
    accepted.reply.remembrance = std::move(*remembrance);
  } else {
    spdlog::error("journal: message {} is answered but not remembered: {}", accepted.id, remembrance.error().message);
  }
  return true;
}

Result<void> read_steps(Database& database, std::vector<Accepted>& found) {
  std::unordered_map<MessageId, Accepted*> by_id;
  for (Accepted& accepted : found) by_id[accepted.id] = &accepted;
  return database.query("SELECT message, agent, kind, number, payload FROM step ORDER BY message, agent, kind, number",
                        {}, [&](const Row& row) {
                          const auto owner = by_id.find(row.integer(0));
                          if (owner == by_id.end()) return;
                          owner->second->steps.push_back({.agent = std::string(row.text(1)),
                                                          .kind = static_cast<Step::Kind>(row.integer(2)),
                                                          .number = row.integer(3),
                                                          .payload = std::string(row.text(4))});
                        });
}

constexpr std::string_view kStateNames[] = {"received", "running", "ready",      "sending",
                                            "sent",     "unknown", "undelivered"};

}  // namespace

const std::span<const char* const> kJournalMigrations = kMigrations;

const char* to_string(MessageState state) { return kStateNames[static_cast<std::size_t>(state)].data(); }

std::optional<MessageState> parse_message_state(std::string_view word) {
  const auto found = std::ranges::find(kStateNames, word);
  if (found == std::end(kStateNames)) return std::nullopt;
  return static_cast<MessageState>(found - std::begin(kStateNames));
}

channel::Outgoing answer_to(const Accepted& accepted, std::string_view instance) {
  const channel::Incoming& incoming = accepted.incoming;
  return {.chat = incoming.chat,
          .thread = incoming.thread,
          .reply_to = incoming.message_id,
          .is_group = incoming.is_group,
          .idempotency = fmt::format("{}-{}", instance, accepted.id)};
}

void Notes::pass_failpoint() const {
  for (const Mark& mark : marks) {
    if (mark.state == MessageState::sent) failpoint("delivery.sent");
  }
}

void Notes::give_back(Notes failed) {
  std::erase_if(failed.marks, [](const Mark& mark) { return mark.state == MessageState::ready; });
  marks.insert(marks.begin(), failed.marks.begin(), failed.marks.end());
  steps.insert(steps.begin(), std::make_move_iterator(failed.steps.begin()),
               std::make_move_iterator(failed.steps.end()));
  places.merge(failed.places);  // a newer one stays
}

Result<void> write_notes(Database& database, const Notes& notes) {
  for (const NotedStep& noted : notes.steps) {
    Result<void> written = insert_step(database, noted.id, noted.step);
    if (!written) return written;
  }
  for (const Mark& mark : notes.marks) {
    Result<void> written = write_mark(database, mark);
    if (!written) return written;
  }
  for (const auto& [channel, place] : notes.places) {
    Result<void> written = database.run("INSERT OR REPLACE INTO place VALUES(?, ?)",
                                        {Value(std::string_view(channel)), Value(std::string_view(place))});
    if (!written) return written;
  }
  return {};
}

Result<void> insert_messages(Database& database, const std::vector<channel::Incoming>& batch, WallTime now,
                             std::vector<Accepted>& fresh) {
  fresh.clear();
  for (const channel::Incoming& incoming : batch) {
    const std::string payload = to_json(incoming);
    const std::string sender =
        incoming.sender_id.empty() ? "" : fmt::format("{}:{}", incoming.kind, incoming.sender_id);
    Result<void> inserted = database.run(
        "INSERT OR IGNORE INTO message(channel, platform_id, incoming, accepted_at, sender, chat, thread)"
        " VALUES(?, ?, ?, ?, ?, ?, ?)",
        {Value(std::string_view(incoming.channel)), Value(std::string_view(incoming.platform_id)),
         Value(std::string_view(payload)), Value(millis(now)), Value(std::string_view(sender)),
         Value(std::string_view(incoming.chat)), Value(std::string_view(incoming.thread))});
    if (!inserted) return inserted;
    if (database.changes() == 0) continue;
    fresh.push_back({.id = database.last_insert_id(), .incoming = incoming});
  }
  return {};
}

Result<void> insert_step(Database& database, MessageId id, const Step& step) {
  return database.run("INSERT OR REPLACE INTO step VALUES(?, ?, ?, ?, ?)",
                      {Value(id), Value(std::string_view(step.agent)), Value(static_cast<std::int64_t>(step.kind)),
                       Value(step.number), Value(std::string_view(step.payload))});
}

Result<void> forget_done(Database& database, WallTime sent_before, WallTime shown_before) {
  Result<void> forgotten =
      database.run("DELETE FROM message WHERE state = 4 AND accepted_at < ?", {Value(millis(sent_before))});
  if (!forgotten) return forgotten;
  return database.run("DELETE FROM message WHERE state > 4 AND accepted_at < ?", {Value(millis(shown_before))});
}

Result<void> update_reply(Database& database, MessageId id, const ReplyRow& reply, bool is_leaving, WallTime now) {
  const MessageState state = is_leaving ? MessageState::sending : MessageState::ready;
  return database.run(
      "UPDATE message SET state = ?, reply = ?, remembrance = ?, choices = ?, left_at = ? WHERE id = ? AND state < 2",
      {Value(number_of(state)), Value(std::string_view(reply.text)), Value(std::string_view(reply.remembrance)),
       Value(std::string_view(reply.choices)), Value(millis(now)), Value(id)});
}

Result<void> update_leaving(Database& database, MessageId id, std::size_t parts_arrived, bool is_first, WallTime now) {
  const auto parts = static_cast<std::int64_t>(parts_arrived);
  return database.run(
      "UPDATE message SET left_at = CASE WHEN state = 3 AND parts_arrived = ? AND NOT ? THEN left_at ELSE ? END,"
      " state = 3, parts_arrived = ? WHERE id = ? AND state IN (2, 3)",
      {Value(parts), Value(std::int64_t{is_first}), Value(millis(now)), Value(parts), Value(id)});
}

Result<std::vector<Accepted>> take_unfinished(Database& database, const std::filesystem::path& data_dir) {
  Result<void> done = database.run("UPDATE message SET interruptions = interruptions + 1 WHERE state = 1");
  // Steps that were noted behind the end of their turn.
  if (done) done = database.run("DELETE FROM step WHERE message NOT IN (SELECT id FROM message WHERE state < 2)");
  std::vector<Accepted> found;
  if (done) {
    done = database.query(
        "SELECT id, incoming, reply, remembrance, state, interruptions, parts_arrived, choices, left_at FROM message"
        " WHERE state < 4 ORDER BY id",
        {}, [&](const Row& row) {
          Accepted accepted;
          if (read_message(row, data_dir, accepted)) found.push_back(std::move(accepted));
        });
  }
  if (done) done = read_steps(database, found);
  if (!done) return fail(std::move(done.error()));
  return found;
}

Result<std::vector<ConversationRow>> select_conversations(Database& database, std::optional<MessageState> state,
                                                          std::size_t max_rows) {
  std::vector<ConversationRow> rows;
  const Value wanted = state ? Value(number_of(*state)) : Value(store::Null{});
  // Columns without an aggregate are those of the row with the greatest id.
  Result<void> read = database.query(
      "SELECT channel, chat, thread, sender, state, count(*), sum(state < 4), platform_id, accepted_at, reply, max(id)"
      " FROM message WHERE (id > (SELECT max(id) FROM message) - 100000 OR state < 4 OR state > 4)"
      " AND (?1 IS NULL OR state = ?1)"
      " GROUP BY channel, chat, thread, sender ORDER BY max(id) DESC LIMIT ?2",
      {wanted, Value(static_cast<std::int64_t>(max_rows))}, [&](const Row& row) {
        const auto newest = static_cast<MessageState>(row.integer(4));
        const bool shows_reply = newest == MessageState::unknown || newest == MessageState::undelivered;
        rows.push_back({.channel = std::string(row.text(0)),
                        .chat = std::string(row.text(1)),
                        .thread = std::string(row.text(2)),
                        .sender = std::string(row.text(3)),
                        .state = newest,
                        .messages = row.integer(5),
                        .unfinished = row.integer(6),
                        .last_platform_id = std::string(row.text(7)),
                        .last_accepted = WallTime(std::chrono::milliseconds(row.integer(8))),
                        .last_reply = shows_reply ? std::string(row.text(9)) : ""});
      });
  if (!read) return fail(std::move(read.error()));
  return rows;
}

Result<std::map<std::string, std::string>> select_places(Database& database) {
  std::map<std::string, std::string> places;
  Result<void> read = database.query("SELECT channel, place FROM place", {},
                                     [&](const Row& row) { places[std::string(row.text(0))] = row.text(1); });
  if (!read) return fail(std::move(read.error()));
  return places;
}

Result<std::string> select_instance(Database& database) {
  std::string name;
  Result<void> read =
      database.query("SELECT name FROM instance LIMIT 1", {}, [&](const Row& row) { name = row.text(0); });
  if (!read) return fail(std::move(read.error()));
  return name;
}

}  // namespace usher::gateway
