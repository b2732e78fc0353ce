// What the gateway must not lose: every accepted message until it is answered, what its turn has done so far, and its
// reply until it has arrived. Event-loop thread; every wait ends with a commit (synchronous=FULL) or an error, and on
// an error nothing was stored.
//
//   received ──▶ running ──▶ ready ──▶ sending ──▶ sent
//                                        │  ╰────▶ unknown      it left, and nobody knows whether it arrived
//                                        ╰───────▶ undelivered  the platform will never take it
//
// A message is committed here before its platform is told that it arrived; a step of its turn before what follows from
// it; its reply before it is sent; and that a part of it leaves before it leaves. What is merely good to know (running,
// arrived, sent) is marked: written with the next commit, some milliseconds later at most. A crash in between repeats
// no effect: it makes a reply unknown that had arrived.
//
// The SQLite implementation is <data_dir>/gateway.db, written by one thread in group commits.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/async.h"
#include "base/clock.h"
#include "base/result.h"
#include "channel/channel.h"
#include "memory/memory.h"

namespace usher::gateway {

using MessageId = std::int64_t;

enum class MessageState : std::int64_t { received, running, ready, sending, sent, unknown, undelivered };
const char* to_string(MessageState state);
std::optional<MessageState> parse_message_state(std::string_view word);

// What a turn wants its sender's memory to keep.
struct Remembrance {
  std::string memory_db;     // "" = nothing is to be kept
  std::string conversation;  // key
  std::string turn;
  std::vector<memory::Entry> entries;
};

struct Reply {
  std::string text;  // Markdown; "" = nobody is to be answered
  Remembrance remembrance{};
  std::vector<channel::Choice> choices{};
};

// One thing that a turn did. `agent` is "" for the sender's own, else the way to a subagent: "3.0" is the one that call
// 0 of the one that call 3 of the sender's own agent started has started.
struct Step {
  enum class Kind : std::int64_t {
    answer,  // of the model, the number-th of that agent: its JSON
    call,    // the number-th call of that agent begins, and may change something
    result,  // … and this came of it: its JSON
  };
  std::string agent;
  Kind kind = Kind::answer;
  std::int64_t number = 0;
  std::string payload;
};

class EarlyRow;

// A message that was accepted and not yet done.
struct Accepted {
  MessageId id = 0;
  channel::Incoming incoming;
  MessageState state = MessageState::received;
  std::vector<Step> steps{};               // of a turn that was interrupted
  bool is_recovered = false;               // left by an earlier process
  std::shared_ptr<EarlyRow> resolution{};  // the row of who its sender is, begun when it came
  int interruptions = 0;                   // how many processes have died while its turn ran
  Reply reply{};                           // from ready on
  // From ready on: the parts of the reply that have arrived. In `sending` the next one may have arrived as well.
  std::size_t parts_arrived = 0;
  WallTime left_at{};  // of `sending`: when the next part left
};

// Where the reply to that message goes and what names it; its text is still empty. `instance` as of Journal.
channel::Outgoing answer_to(const Accepted& accepted, std::string_view instance);

// One line of `usher conversations`.
struct ConversationRow {
  std::string channel, chat, thread, sender;  // sender: "telegram:123"
  MessageState state = MessageState::sent;    // of the newest message, among those asked for
  std::int64_t messages = 0;                  // that are still known (done ones for two days), in that state if asked
  std::int64_t unfinished = 0;
  std::string last_platform_id;
  WallTime last_accepted{};
  std::string last_reply;  // kept for unknown and undelivered ones; "" else
};

class Journal {
 public:
  virtual ~Journal() = default;

  // Commits the batch; returns those that were not known yet by (channel, platform_id), in order.
  virtual Task<Result<std::vector<Accepted>>> accept(std::vector<channel::Incoming> batch) = 0;
  // Commits steps of a running turn, and those that were noted before.
  virtual Task<Result<void>> add_steps(MessageId id, std::vector<Step> steps) = 0;
  // Not waited for.
  virtual void note_steps(MessageId id, std::vector<Step> steps) = 0;
  // Commits the reply of a finished turn, whose steps are forgotten. `is_leaving`: its first part leaves at once, so it
  // is `sending` from the start and mark_leaving needs no commit of its own.
  virtual Task<Result<void>> store_reply(MessageId id, const Reply& reply, bool is_leaving) = 0;
  // Commits that the part behind `parts_arrived` leaves.
  virtual Task<Result<void>> store_leaving(MessageId id, std::size_t parts_arrived) = 0;

  // Marks: not waited for.
  virtual void mark_running(MessageId id) = 0;
  virtual void mark_ready(MessageId id, std::size_t parts_arrived) = 0;  // what was to leave has not
  virtual void mark_done(MessageId id, MessageState as) = 0;             // sent, unknown or undelivered

  // Everything not done, oldest first: what a restart has to finish. Counts the interruption of those that ran. Call
  // once, before accept.
  virtual Task<Result<std::vector<Accepted>>> unfinished() = 0;
  // The conversations with messages in that state (nullopt: in any), the newest first; looks at the newest 100,000
  // messages, and at all that are not done.
  virtual Task<Result<std::vector<ConversationRow>>> conversations(std::optional<MessageState> state,
                                                                   std::size_t max_rows) = 0;
  // Where a channel has read to, as it said itself; "" = nowhere yet. Written down like a mark, never before the
  // messages that were accepted until now.
  virtual std::string place_of(const std::string& channel) const = 0;
  virtual void mark_place(const std::string& channel, std::string place) = 0;

  // A name that no other journal has: what makes ids of messages unique beyond it. 8 characters of [0-9a-f].
  virtual const std::string& instance() const = 0;
  // Writes out marks that still wait. Call before destruction.
  virtual Task<Result<void>> flush() = 0;
};

// Creates the file (0600). Opening blocks: call it before the loop runs. `clock` must outlive the journal.
Result<std::unique_ptr<Journal>> open_journal(const std::filesystem::path& file, asio::any_io_executor loop,
                                              const Clock& clock);

}  // namespace usher::gateway
