#include "store/writer.h"

#include <fmt/format.h>

#include <boost/asio/async_result.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/prefer.hpp>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <optional>
#include <thread>
#include <utility>
#include <vector>

namespace usher::store {

namespace {

// A group is bounded so that the first job of a flood is not answered after the last.
constexpr std::size_t max_group = 512;
// The WAL is copied back when nothing is to do and it has grown to so many pages, …
constexpr int idle_checkpoint_pages = 256;
constexpr auto idle_before_checkpoint = std::chrono::milliseconds(20);
// … and at this size whatever is to do: the disk is bounded. The next group waits for it meanwhile, the longer the more
// there is. Copying beside the commits gains nothing, as both wait for the same disk (bench/README.md, commits).
constexpr int forced_checkpoint_pages = 2048;

using Done = std::move_only_function<void(Result<void>)>;

struct Pending {
  Writer::Job job;
  Done done;
  Result<void> outcome{};
};

// Counts who waits for an answer and keeps the loop running meanwhile. Touched on the loop only.
struct LoopSide {
  asio::any_io_executor loop;
  std::optional<asio::any_io_executor> work;
  std::size_t waiting = 0;

  void begin_wait() {
    if (waiting++ == 0) work = asio::prefer(loop, asio::execution::outstanding_work.tracked);
  }
  void end_wait() {
    if (--waiting == 0) work.reset();
  }
};

Result<void> run_job(const Writer::Job& job, Database& database) {
  try {
    return job(database);
  } catch (const std::exception& thrown) {
    return fail(ErrorKind::internal, fmt::format("a writer's job threw: {}", thrown.what()));
  }
}

void fail_all(std::vector<Pending>& group, const Error& error) {
  for (Pending& pending : group) {
    if (pending.outcome) pending.outcome = fail(error);
  }
}

// Runs one job inside the group's transaction; what it did is undone when it fails. An error means that the transaction
// itself is lost.
Result<void> run_in_group(Pending& pending, Database& database) {
  Result<void> marked = database.run("SAVEPOINT job");
  if (!marked) return marked;
  pending.outcome = run_job(pending.job, database);
  if (!pending.outcome) {
    if (!database.is_in_transaction()) return pending.outcome;
    Result<void> undone = database.run("ROLLBACK TO job");
    if (!undone) return undone;
  }
  return database.run("RELEASE job");
}

Result<void> run_group(std::vector<Pending>& group, Database& database) {
  Result<Transaction> transaction = Transaction::begin(database);
  if (!transaction) return fail(std::move(transaction.error()));
  if (group.size() == 1) {
    // Nobody else to spare: no savepoint, the rollback undoes it.
    group[0].outcome = run_job(group[0].job, database);
    if (!group[0].outcome) return {};
  } else {
    for (Pending& pending : group) {
      Result<void> ran = run_in_group(pending, database);
      if (!ran) return ran;
    }
  }
  return transaction->commit();
}

}  // namespace

struct Writer::State {
  Database database;
  std::shared_ptr<LoopSide> loop_side;
  std::size_t max_queued;

  std::mutex mutex;
  std::condition_variable wake;
  std::deque<Pending> queue;
  bool is_waiting = false;
  bool is_stopping = false;
  std::thread thread;

  State(Database opened, asio::any_io_executor loop, std::size_t limit)
      : database(std::move(opened)),
        loop_side(std::make_shared<LoopSide>(LoopSide{std::move(loop), {}, 0})),
        max_queued(limit) {}

  // On the loop.
  void enqueue(Job job, Done done) {
    loop_side->begin_wait();
    bool must_wake = false;
    {
      std::unique_lock lock(mutex);
      if (queue.size() >= max_queued) {
        lock.unlock();
        refuse(std::move(done));
        return;
      }
      queue.push_back({std::move(job), std::move(done)});
      must_wake = std::exchange(is_waiting, false);
    }
    if (must_wake) wake.notify_one();
  }

  void refuse(Done done) {
    asio::post(loop_side->loop, [side = loop_side, done = std::move(done)]() mutable {
      side->end_wait();
      if (done) done(fail(ErrorKind::limit, "the database writer's queue is full"));
    });
  }

  // Empty when stopping. Checkpoints while there is nothing to do.
  std::vector<Pending> next_group() {
    std::unique_lock lock(mutex);
    const auto is_ready = [&] { return !queue.empty() || is_stopping; };
    if (!is_ready() && database.wal_pages() >= idle_checkpoint_pages) {
      is_waiting = true;
      if (!wake.wait_for(lock, idle_before_checkpoint, is_ready)) {
        lock.unlock();
        (void)database.checkpoint();  // tried again after the next group
        lock.lock();
      }
    }
    is_waiting = true;
    wake.wait(lock, is_ready);
    is_waiting = false;
    std::vector<Pending> group;
    const std::size_t count = std::min(queue.size(), max_group);
    group.reserve(count);
    for (std::size_t i = 0; i < count; ++i) {
      group.push_back(std::move(queue.front()));
      queue.pop_front();
    }
    return group;
  }

  void work() {
    while (true) {
      std::vector<Pending> group = next_group();
      if (group.empty()) return;
      Result<void> committed = run_group(group, database);
      if (!committed) fail_all(group, committed.error());
      answer(std::move(group));
      if (database.wal_pages() >= forced_checkpoint_pages) (void)database.checkpoint();
    }
  }

  // One hop for the whole group.
  void answer(std::vector<Pending> group) {
    asio::post(loop_side->loop, [side = loop_side, group = std::move(group)]() mutable {
      for (Pending& pending : group) {
        side->end_wait();
        if (pending.done) pending.done(std::move(pending.outcome));
      }
    });
  }
};

Writer::Writer(Database database, asio::any_io_executor loop, std::size_t max_queued)
    : state_(std::make_unique<State>(std::move(database), std::move(loop), max_queued)) {
  state_->thread = std::thread([state = state_.get()] { state->work(); });
}

Writer::~Writer() {
  {
    std::lock_guard lock(state_->mutex);
    state_->is_stopping = true;
  }
  state_->wake.notify_one();
  state_->thread.join();
}

Task<Result<void>> Writer::submit(Job job) {
  auto initiate = [this](auto handler, Job submitted) {
    state_->enqueue(std::move(submitted), [handler = std::move(handler)](Result<void> outcome) mutable {
      std::move(handler)(std::move(outcome));
    });
  };
  return asio::async_initiate<const asio::use_awaitable_t<>, void(Result<void>)>(initiate, asio::use_awaitable,
                                                                                 std::move(job));
}

void Writer::post(Job job, std::function<void(Result<void>)> done) {
  Done forwarded;
  if (done) forwarded = [done = std::move(done)](Result<void> outcome) { done(std::move(outcome)); };
  state_->enqueue(std::move(job), std::move(forwarded));
}

}  // namespace usher::store
