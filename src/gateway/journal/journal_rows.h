// The tables of gateway.db and what is done to them, each within the caller's transaction. Any thread that owns the
// database. Private to src/gateway/journal.
#pragma once

#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/clock.h"
#include "gateway/journal.h"
#include "store/sqlite.h"

namespace usher::gateway {

extern const std::span<const char* const> kJournalMigrations;

// What is written along with the next commit.
struct Mark {
  MessageId id = 0;
  MessageState state = MessageState::running;
  std::size_t parts_arrived = 0;  // of ready
};
struct NotedStep {
  MessageId id = 0;
  Step step;
};
struct Notes {
  std::vector<Mark> marks;
  std::vector<NotedStep> steps;
  std::map<std::string, std::string> places{};  // by channel, the newest

  bool empty() const { return marks.empty() && steps.empty() && places.empty(); }
  // They are stored: the one of delivery.sent when it is said of a reply.
  void pass_failpoint() const;
  // Those of a write that failed come before later ones. A mark that something has not left is given up: to forget it
  // makes a reply unknown, to write it late would send a reply twice.
  void give_back(Notes failed);
};

Result<void> write_notes(store::Database& database, const Notes& notes);
Result<void> insert_messages(store::Database& database, const std::vector<channel::Incoming>& batch, WallTime now,
                             std::vector<Accepted>& fresh);
Result<void> insert_step(store::Database& database, MessageId id, const Step& step);
// Done messages of before that moment; a message that is not done is never forgotten.
Result<void> forget_done(store::Database& database, WallTime sent_before, WallTime shown_before);
// What is stored of a reply.
struct ReplyRow {
  std::string text, remembrance, choices;
};
Result<void> update_reply(store::Database& database, MessageId id, const ReplyRow& reply, bool is_leaving,
                          WallTime now);
// Unless `is_first`, a part that may have left before keeps the moment at which it first did.
Result<void> update_leaving(store::Database& database, MessageId id, std::size_t parts_arrived, bool is_first,
                            WallTime now);
// Everything not done, with its steps; counts the interruption of what ran.
Result<std::vector<Accepted>> take_unfinished(store::Database& database, const std::filesystem::path& data_dir);
Result<std::vector<ConversationRow>> select_conversations(store::Database& database, std::optional<MessageState> state,
                                                          std::size_t max_rows);
Result<std::string> select_instance(store::Database& database);
Result<std::map<std::string, std::string>> select_places(store::Database& database);

}  // namespace usher::gateway
