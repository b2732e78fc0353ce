#include "audit/durable_ledger.h"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/async_result.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <deque>

#include "audit/note/checkpoint_file.h"
#include "audit/opening.h"
#include "base/failpoint.h"

namespace usher::audit {
namespace {

// Of one commit, so that the first row of a flood is not answered after the last.
constexpr std::size_t kRowsACommit = 1024;
constexpr std::uint64_t kRowsADrop = 1024;  // deleted in one transaction, between which appends go on

using Done = std::move_only_function<void(Result<void>)>;

// One call of append.
struct Append {
  std::vector<Record> records;
  Done done;
};

// On the writer's thread: makes rows of the records and appends them. Everything that it starts from is read in the
// same transaction, so nothing has to be put back when the commit fails, and another process may have appended
// meanwhile.
Result<void> append_rows(LedgerTransaction& transaction, std::vector<Append>& appends, WallTime now) {
  Result<Head> head = transaction.head();
  if (!head) return fail(std::move(head.error()));
  for (Append& append : appends) {
    for (Record& record : append.records) {
      Row row{.number = head->size() + 1, .at = now, .record = bounded(std::move(record))};
      row.hash = hash_of(row, head->last);
      Result<void> inserted = transaction.insert(row);
      if (!inserted) return inserted;
      head->add(row);
    }
  }
  Result<void> set = transaction.set_head(*head);
  if (set) failpoint("ledger.before_commit");
  return set;
}

class SqliteLedger final : public DurableLedger {
 public:
  SqliteLedger(LedgerOptions options, const Clock& clock, std::unique_ptr<LedgerStore> store, const Opened& opened,
               asio::any_io_executor loop, asio::any_io_executor pool)
      : options_(std::move(options)),
        clock_(clock),
        pool_(std::move(pool)),
        wake_(std::move(loop)),
        rows_unsigned_(opened.rows - opened.signed_rows),
        signed_rows_(opened.signed_rows),
        store_(std::move(store)) {}

  Task<Result<void>> append(Record record) override {
    std::vector<Record> records;
    records.push_back(std::move(record));
    return append_all(std::move(records));
  }

  Task<Result<void>> append_all(std::vector<Record> records) override {
    auto initiate = [this](auto handler, std::vector<Record> given) {
      enqueue(std::move(given),
              [handler = std::move(handler)](Result<void> outcome) mutable { std::move(handler)(std::move(outcome)); });
    };
    return asio::async_initiate<const asio::use_awaitable_t<>, void(Result<void>)>(initiate, asio::use_awaitable,
                                                                                   std::move(records));
  }

  Task<Result<void>> checkpoint() override {
    rows_unsigned_ = 0;
    Result<void> written = co_await sign_head();
    if (!written) rows_unsigned_ = std::max<std::uint64_t>(rows_unsigned_, 1);  // tried again
    co_return written;
  }

  Task<void> run() override {
    if (signed_rows_ == 0 && rows_unsigned_ > 0) {
      spdlog::warn("the ledger has {} rows and {} has no checkpoint: whether it was cut cannot be told", rows_unsigned_,
                   options_.checkpoint_file.string());
    }
    while (true) {
      co_await wait_for_cause();
      // Rows may come while others are signed: at the end too everything is.
      if (is_stopping_ && rows_unsigned_ == 0) co_return;
      Result<void> written = co_await checkpoint();
      if (!written) spdlog::error("the ledger has no new checkpoint: {}", written.error().message);
      if (!written && is_stopping_) co_return;
      Result<void> rotated = co_await rotate();
      if (!rotated) {
        spdlog::error("the ledger's old rows stay in {}: {}", options_.file.string(), rotated.error().message);
      }
    }
  }

  void stop() override {
    is_stopping_ = true;
    wake_.cancel();
  }

 private:
  Task<Result<void>> sign_head() {
    auto head = std::make_shared<Head>();
    // What is signed must be on disk: a checkpoint of rows that a crash takes away again would accuse the ledger.
    Result<void> kept = co_await store_->submit([head](LedgerTransaction& transaction) -> Result<void> {
      Result<Head> now = transaction.head();
      if (!now) return fail(std::move(now.error()));
      *head = std::move(*now);
      return transaction.add_anchor(head->frontier);
    });
    if (!kept) co_return kept;
    const Checkpoint checkpoint{options_.origin, head->size(), head->frontier.root()};
    if (checkpoint.size == 0 || checkpoint.size == signed_rows_) co_return Result<void>();
    Result<void> written = co_await run_on(
        pool_, [this, &checkpoint] { return append_checkpoint(options_.checkpoint_file, checkpoint, options_.key); });
    if (!written) co_return written;
    signed_rows_ = checkpoint.size;
    if (options_.witness) co_await options_.witness(options_.key.sign(checkpoint.text()));
    co_return Result<void>();
  }

  void enqueue(std::vector<Record> records, Done done) {
    const std::size_t count = records.size();
    if (count == 0 || waiting_ + count > options_.max_waiting) {
      Result<void> outcome;
      if (count > 0) outcome = fail(ErrorKind::limit, "too many rows of the ledger wait for the disk");
      asio::post(wake_.get_executor(), [done = std::move(done), outcome]() mutable { done(std::move(outcome)); });
      return;
    }
    waiting_ += count;
    appends_.push_back({std::move(records), std::move(done)});
    commit_soon();
  }

  // One commit at a time, begun once everybody who can run now has: so those whom the last one answered are in the next
  // one together with those who came meanwhile, and however many appends are in flight, each waits for two at most.
  void commit_soon() {
    if (is_committing_ || appends_.empty()) return;
    is_committing_ = true;
    asio::post(wake_.get_executor(), [this] { commit(); });
  }

  void commit() {
    auto group = std::make_shared<std::vector<Append>>();
    std::size_t rows = 0;
    while (!appends_.empty() && rows < kRowsACommit) {
      rows += appends_.front().records.size();
      group->push_back(std::move(appends_.front()));
      appends_.pop_front();
    }
    store_->post([group, &clock = clock_](
                     LedgerTransaction& transaction) { return append_rows(transaction, *group, clock.wall()); },
                 [this, group, rows](const Result<void>& outcome) {
                   if (outcome) failpoint("ledger.committed");
                   waiting_ -= rows;
                   if (outcome) count_unsigned(rows);
                   for (Append& append : *group) append.done(outcome);
                   is_committing_ = false;
                   commit_soon();
                 });
  }

  void count_unsigned(std::uint64_t rows) {
    rows_unsigned_ += rows;
    if (rows_unsigned_ >= options_.checkpoint_rows) wake_.cancel();
  }

  // Until enough rows are unsigned, the time is over and some are, or the end.
  Task<void> wait_for_cause() {
    while (!is_stopping_ && rows_unsigned_ < options_.checkpoint_rows) {
      wake_.expires_after(options_.checkpoint_every);
      const auto [cancelled] = co_await wake_.async_wait(asio::as_tuple(asio::use_awaitable));
      if (!cancelled && rows_unsigned_ > 0) co_return;
    }
  }

  // Only rows that are signed go to a segment, and only as many as make a whole one. They are deleted here once they
  // are safe there; whoever reads looks there first.
  Task<Result<void>> rotate() {
    Result<std::uint64_t> closed = co_await run_on(pool_, [this] { return close_segments(); });
    if (!closed) co_return fail(std::move(closed.error()));
    const std::uint64_t last = *closed;
    while (dropped_through_ != last && !is_stopping_) {
      auto dropped = std::make_shared<std::uint64_t>(0);
      Result<void> committed = co_await store_->submit([last, dropped](LedgerTransaction& transaction) -> Result<void> {
        Result<std::uint64_t> count = transaction.drop_rows(last, kRowsADrop);
        if (!count) return fail(std::move(count.error()));
        *dropped = *count;
        return {};
      });
      if (!committed) co_return committed;
      if (*dropped == 0) dropped_through_ = last;
    }
    co_return Result<void>();
  }

  // On the pool. The last row that is in a segment; 0 for none.
  Result<std::uint64_t> close_segments() {
    const std::vector<Segment> segments = find_segments(options_.file);
    std::uint64_t last = segments.empty() ? 0 : segments.back().last;
    while (signed_rows_ >= last + options_.rotate_rows) {
      Result<void> written = write_segment(options_.file, last + 1, last + options_.rotate_rows);
      if (!written) return fail(std::move(written.error()));
      last += options_.rotate_rows;
    }
    return last;
  }

  const LedgerOptions options_;
  const Clock& clock_;
  asio::any_io_executor pool_;
  asio::steady_timer wake_;
  std::deque<Append> appends_;  // that no commit has taken yet
  bool is_committing_ = false;
  std::size_t waiting_ = 0;      // rows that are not on disk
  std::uint64_t rows_unsigned_;  // written since the last checkpoint, as far as this process knows
  std::uint64_t signed_rows_;    // of the newest checkpoint that it knows
  std::uint64_t dropped_through_ = 0;
  bool is_stopping_ = false;
  std::unique_ptr<LedgerStore> store_;  // last: its thread is joined before anything else goes
};

}  // namespace

Result<std::unique_ptr<DurableLedger>> open_ledger(LedgerOptions options, const Clock& clock,
                                                   asio::any_io_executor loop, asio::any_io_executor pool) {
  Result<Opened> checked = check_before_opening(options);
  if (!checked) return fail(std::move(checked.error()));
  Result<std::unique_ptr<LedgerStore>> store = open_ledger_store(options.file, loop);
  if (!store) return fail(std::move(store.error()));
  return std::make_unique<SqliteLedger>(std::move(options), clock, std::move(*store), *checked, std::move(loop),
                                        std::move(pool));
}

}  // namespace usher::audit
