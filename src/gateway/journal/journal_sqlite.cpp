#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <boost/asio/steady_timer.hpp>
#include <utility>

#include "base/failpoint.h"
#include "gateway/journal.h"
#include "gateway/journal/choices_json.h"
#include "gateway/journal/journal_rows.h"
#include "gateway/journal/remembrance_json.h"
#include "store/sqlite.h"
#include "store/writer.h"

namespace usher::gateway {
namespace {

using store::Database;
using SteadyTime = std::chrono::steady_clock::time_point;

constexpr std::chrono::milliseconds kNoteDelay{10};
constexpr std::chrono::milliseconds kNoteRetry{2000};
// That a turn runs is only for people to see: no commit of its own while others come along.
constexpr std::chrono::milliseconds kRunningDelay{100};
// Telegram repeats an unconfirmed update for 24 hours; a day more for clocks that disagree. Later an id may come again
// with another message, since ids restart at random after a quiet week.
constexpr std::chrono::hours kRememberSent{48};
constexpr std::chrono::hours kRememberShown{24 * 30};  // unknown and undelivered ones
constexpr std::chrono::minutes kForgetEvery{10};

class SqliteJournal final : public Journal {
 public:
  SqliteJournal(Database database, std::string instance, std::map<std::string, std::string> places,
                asio::any_io_executor loop, const Clock& clock)
      : clock_(clock),
        instance_(std::move(instance)),
        places_(std::move(places)),
        data_dir_(database.file().parent_path()),
        note_timer_(loop),
        writer_(std::move(database), loop) {}

  ~SqliteJournal() override {
    note_timer_.cancel();
    if (!notes_->empty()) post_notes();  // the writer finishes its queue before it joins
  }

  Task<Result<std::vector<Accepted>>> accept(std::vector<channel::Incoming> batch) override {
    auto fresh = std::make_shared<std::vector<Accepted>>();
    const WallTime now = clock_.wall();
    const bool forgets = is_time_to_forget();
    failpoint("inbox.before_commit");
    Result<void> stored =
        co_await commit([batch = std::move(batch), fresh, now, forgets](Database& database) -> Result<void> {
          if (forgets) {
            Result<void> forgotten = forget_done(database, now - kRememberSent, now - kRememberShown);
            if (!forgotten) return forgotten;
          }
          return insert_messages(database, batch, now, *fresh);
        });
    if (!stored) co_return fail(std::move(stored.error()));
    failpoint("inbox.committed");
    co_return std::move(*fresh);
  }

  Task<Result<void>> add_steps(MessageId id, std::vector<Step> steps) override {
    return commit([id, steps = std::move(steps)](Database& database) -> Result<void> {
      for (const Step& step : steps) {
        Result<void> inserted = insert_step(database, id, step);
        if (!inserted) return inserted;
      }
      return {};
    });
  }

  void note_steps(MessageId id, std::vector<Step> steps) override {
    for (Step& step : steps) notes_->steps.push_back({id, std::move(step)});
    write_notes_within(kNoteDelay);
  }

  Task<Result<void>> store_reply(MessageId id, const Reply& reply, bool is_leaving) override {
    std::erase_if(notes_->marks, [id](const Mark& mark) { return mark.id == id; });
    return commit([id, is_leaving, now = clock_.wall(),
                   row = ReplyRow{reply.text, to_json(reply.remembrance, data_dir_), to_json(reply.choices)}](
                      Database& database) -> Result<void> {
      Result<void> stored = update_reply(database, id, row, is_leaving, now);
      if (!stored) return stored;
      return database.run("DELETE FROM step WHERE message = ?", {store::Value(id)});
    });
  }

  Task<Result<void>> store_leaving(MessageId id, std::size_t parts_arrived) override {
    // A mark that it came back, which was not written yet: then it has not left before.
    const auto forgotten = std::erase_if(
        notes_->marks, [id](const Mark& mark) { return mark.id == id && mark.state == MessageState::ready; });
    std::erase_if(notes_->marks, [id](const Mark& mark) { return mark.id == id; });
    return commit([id, parts_arrived, is_first = forgotten > 0, now = clock_.wall()](Database& database) {
      return update_leaving(database, id, parts_arrived, is_first, now);
    });
  }

  void mark_running(MessageId id) override {
    notes_->marks.push_back({id, MessageState::running});
    write_notes_within(kRunningDelay);
  }
  void mark_ready(MessageId id, std::size_t parts_arrived) override {
    notes_->marks.push_back({id, MessageState::ready, parts_arrived});
    write_notes_within(kNoteDelay);
  }
  void mark_done(MessageId id, MessageState as) override {
    notes_->marks.push_back({id, as});
    write_notes_within(kNoteDelay);
  }

  Task<Result<std::vector<Accepted>>> unfinished() override {
    auto found = std::make_shared<std::vector<Accepted>>();
    Result<void> read = co_await writer_.submit([found, data_dir = data_dir_](Database& database) -> Result<void> {
      Result<std::vector<Accepted>> taken = take_unfinished(database, data_dir);
      if (!taken) return fail(std::move(taken.error()));
      *found = std::move(*taken);
      return {};
    });
    if (!read) co_return fail(std::move(read.error()));
    co_return std::move(*found);
  }

  Task<Result<std::vector<ConversationRow>>> conversations(std::optional<MessageState> state,
                                                           std::size_t max_rows) override {
    auto found = std::make_shared<std::vector<ConversationRow>>();
    Result<void> read = co_await commit([found, state, max_rows](Database& database) -> Result<void> {
      Result<std::vector<ConversationRow>> selected = select_conversations(database, state, max_rows);
      if (!selected) return fail(std::move(selected.error()));
      *found = std::move(*selected);
      return {};
    });
    if (!read) co_return fail(std::move(read.error()));
    co_return std::move(*found);
  }

  std::string place_of(const std::string& channel) const override {
    const auto found = places_.find(channel);
    return found == places_.end() ? "" : found->second;
  }
  void mark_place(const std::string& channel, std::string place) override {
    places_[channel] = place;
    notes_->places[channel] = std::move(place);
    write_notes_within(kNoteDelay);
  }

  const std::string& instance() const override { return instance_; }

  Task<Result<void>> flush() override {
    return commit([](Database&) -> Result<void> { return {}; });
  }

 private:
  // Notes ride along with whatever is committed next; a commit that fails gives them back.
  Task<Result<void>> commit(store::Writer::Job job) {
    auto notes = std::make_shared<Notes>(std::exchange(*notes_, {}));
    Result<void> stored = co_await writer_.submit([notes, job = std::move(job)](Database& database) -> Result<void> {
      Result<void> written = write_notes(database, *notes);
      if (!written) return written;
      return job(database);
    });
    if (stored) {
      notes->pass_failpoint();
    } else if (!notes->empty()) {
      notes_->give_back(std::move(*notes));
      write_notes_within(kNoteRetry);
    }
    co_return stored;
  }

  // Those that cannot be written (a full disk) ride along with a later commit.
  void post_notes() {
    auto notes = std::make_shared<Notes>(std::exchange(*notes_, {}));
    writer_.post([notes](Database& database) { return write_notes(database, *notes); },
                 [this, alive = std::weak_ptr(alive_), notes, all = notes_](Result<void> written) {
                   if (written) return notes->pass_failpoint();
                   spdlog::error("journal: what was done cannot be noted yet: {}", written.error().message);
                   all->give_back(std::move(*notes));
                   if (!alive.expired()) write_notes_within(kNoteRetry);
                 });
  }

  void write_notes_within(std::chrono::milliseconds delay) {
    const SteadyTime due = std::chrono::steady_clock::now() + delay;
    if (is_timer_armed_ && due_ <= due) return;
    is_timer_armed_ = true;
    due_ = due;
    note_timer_.expires_at(due);
    // A timer that has gone off cannot be cancelled any more: its handler may come after the journal's end.
    note_timer_.async_wait([this, alive = std::weak_ptr(alive_)](boost::system::error_code error) {
      if (error || alive.expired()) return;
      is_timer_armed_ = false;
      if (!notes_->empty()) post_notes();
    });
  }

  bool is_time_to_forget() {
    const MonotonicTime now = clock_.monotonic();
    if (now < forget_at_) return false;
    forget_at_ = now + kForgetEvery;
    return true;
  }

  const Clock& clock_;
  const std::string instance_;
  std::map<std::string, std::string> places_;  // by channel
  const std::filesystem::path data_dir_;
  asio::steady_timer note_timer_;
  bool is_timer_armed_ = false;
  SteadyTime due_;
  const std::shared_ptr<const bool> alive_ = std::make_shared<const bool>(true);
  // Shared with writes under way, which may give theirs back.
  std::shared_ptr<Notes> notes_ = std::make_shared<Notes>();
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
  options.autocheckpoint_pages = 0;  // the writer copies the log back between commits
  Result<Database> database = Database::open(file, options);
  if (!database) return fail(std::move(database.error()));
  Result<void> migrated = store::migrate(*database, kJournalMigrations);
  if (!migrated) return fail(std::move(migrated.error()));
  Result<std::string> instance = select_instance(*database);
  if (!instance) return fail(std::move(instance.error()));
  Result<std::map<std::string, std::string>> places = select_places(*database);
  if (!places) return fail(std::move(places.error()));
  return std::make_unique<SqliteJournal>(std::move(*database), std::move(*instance), std::move(*places),
                                         std::move(loop), clock);
}

}  // namespace usher::gateway
