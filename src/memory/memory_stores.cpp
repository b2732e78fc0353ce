#include <algorithm>
#include <boost/asio/async_result.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/this_coro.hpp>
#include <functional>
#include <future>
#include <list>
#include <unordered_map>
#include <utility>

#include "memory/guarded_memory.h"
#include "store/quarantine.h"

namespace usher::memory {

namespace {

using Opened = Result<std::shared_ptr<MemoryStore>>;
using Waiter = std::move_only_function<void(Opened)>;
using CopyWaiter = std::move_only_function<void(Result<void>)>;

// Of the longest unused so many are looked at, not all of them: most are not in use.
constexpr int max_looked_at = 32;
// So many keep what makes the next turn fast; those asked for before them rest.
constexpr std::size_t max_warm = 128;

// For the pool, while the event loop stands still.
constexpr std::chrono::seconds max_stand_still{2};

struct Open {
  std::string file;
  std::shared_ptr<GuardedMemory> store;
  bool is_warm = true;

  bool is_in_use() const { return store.use_count() > 1; }
};

// A database that the pool has: it opens it, or copies its log or all of it. Who asks for it meanwhile waits.
struct AtPool {
  std::shared_ptr<GuardedMemory> store;  // null: not open yet
  std::filesystem::path copy;            // where to copy it to; "" = nowhere
  bool was_open = false;
  std::vector<Waiter> waiters;  // of the loop alone
  CopyWaiter copy_waiter;
  // Set by the pool, before `is_done`.
  Result<std::shared_ptr<GuardedMemory>> result = nullptr;
  Result<void> copied;
  std::promise<void> done;
  std::future<void> is_done = done.get_future();

  void work(const std::string& file, const Clock& clock) {
    result = store;
    if (store && copy.empty()) store->checkpoint();
    if (!store) result = open(file, clock);
    if (!copy.empty()) copied = result ? (*result)->copy_to(copy) : Result<void>(fail(result.error()));
    store.reset();
    done.set_value();
  }

 private:
  // A copy makes no database.
  Result<std::shared_ptr<GuardedMemory>> open(const std::string& file, const Clock& clock) const {
    std::error_code error;
    if (!copy.empty() && !std::filesystem::exists(file, error)) {
      return fail(ErrorKind::not_found, file + ": no such memory");
    }
    return GuardedMemory::open(file, clock);
  }
};

// Lives as long as an opening is under way. On the loop, but for the work that it posts to the pool.
class Cache : public std::enable_shared_from_this<Cache> {
 public:
  Cache(asio::any_io_executor pool, const Clock& clock, std::size_t max_open)
      : pool_(std::move(pool)), clock_(clock), max_open_(max_open) {}

  std::size_t size() const { return by_file_.size(); }

  std::shared_ptr<MemoryStore> cached(const std::string& file) {
    const auto found = by_file_.find(file);
    if (found == by_file_.end()) return nullptr;
    Open& entry = *found->second;
    if (entry.store->is_damaged()) {
      close(found->second);
      return nullptr;
    }
    if (!entry.is_in_use() && entry.store->wants_checkpoint()) return nullptr;
    warm_.splice(warm_.end(), list_of(entry), found->second);
    entry.is_warm = true;
    std::shared_ptr<MemoryStore> store = entry.store;
    cool_down();
    return store;
  }

  // Not cached: opened on the pool, once for all who wait for it.
  void open(const asio::any_io_executor& loop, const std::string& file, Waiter waiter) {
    const auto at_pool = at_pool_.find(file);
    if (at_pool != at_pool_.end()) {
      at_pool->second->waiters.push_back(std::move(waiter));
      return;
    }
    begin(loop, file, {}).waiters.push_back(std::move(waiter));
  }

  bool is_in_use(const std::string& file) const {
    const auto found = by_file_.find(file);
    return at_pool_.contains(file) || (found != by_file_.end() && found->second->is_in_use());
  }
  // Only while it is not in use.
  void copy(const asio::any_io_executor& loop, const std::string& file, std::filesystem::path to, CopyWaiter waiter) {
    begin(loop, file, std::move(to)).copy_waiter = std::move(waiter);
  }

  Result<void> copy_now(const std::string& file, const std::filesystem::path& to) {
    const auto found = by_file_.find(file);
    if (found != by_file_.end()) return found->second->store->copy_to(to);
    const auto at_pool = at_pool_.find(file);
    Result<std::shared_ptr<GuardedMemory>> store = nullptr;
    if (at_pool == at_pool_.end()) {
      store = GuardedMemory::open(file, clock_);
    } else if (at_pool->second->is_done.wait_for(max_stand_still) == std::future_status::ready) {
      store = at_pool->second->result;
    } else {
      store = fail(ErrorKind::busy, file + ": cannot be copied now, the thread pool has too much to do");
    }
    if (!store) return fail(std::move(store.error()));
    return (*store)->copy_to(to);
  }

 private:
  // Gives the database to the pool, taken out of the cache when it is open.
  AtPool& begin(const asio::any_io_executor& loop, const std::string& file, std::filesystem::path copy) {
    auto work = std::make_shared<AtPool>();
    work->store = taken(file);
    work->was_open = work->store != nullptr;
    work->copy = std::move(copy);
    at_pool_[file] = work;
    asio::post(pool_, [self = shared_from_this(), loop, file, work]() mutable {
      work->work(file, self->clock_);
      // The cache goes back to the loop with the result: the last reference to it must not fall here.
      asio::post(loop,
                 [self = std::move(self), loop, file, work = std::move(work)] { self->finish(loop, file, *work); });
    });
    return *work;
  }

  // One that is open, taken out of the cache, or null.
  std::shared_ptr<GuardedMemory> taken(const std::string& file) {
    const auto found = by_file_.find(file);
    if (found == by_file_.end()) return nullptr;
    std::shared_ptr<GuardedMemory> store = std::move(found->second->store);
    list_of(*found->second).erase(found->second);
    by_file_.erase(found);
    return store;
  }

  void finish(const asio::any_io_executor& loop, const std::string& file, AtPool& work) {
    at_pool_.erase(file);
    // What cannot be copied, because it is not there, can be made for who wants it.
    if (!work.result && !work.copy.empty() && !work.waiters.empty()) {
      begin(loop, file, {}).waiters = std::exchange(work.waiters, {});
    }
    // What nobody wants but the copy does not stay open.
    const bool is_wanted = work.was_open || !work.waiters.empty();
    if (work.result && is_wanted) {
      warm_.push_back({file, *work.result});
      by_file_[file] = std::prev(warm_.end());
      evict(cold_);
      evict(warm_);
      cool_down();
    } else if (work.result) {
      asio::post(pool_, [store = std::move(*work.result)] {});
    }
    for (Waiter& waiter : work.waiters) {
      waiter(work.result ? Opened(*work.result) : Opened(fail(work.result.error())));
    }
    if (work.copy_waiter) work.copy_waiter(std::move(work.copied));
  }

  void evict(std::list<Open>& entries) {
    auto at = entries.begin();
    for (int looked_at = 0; by_file_.size() > max_open_ && looked_at < max_looked_at && at != entries.end();
         ++looked_at) {
      const auto entry = at++;
      if (!entry->is_in_use()) close(entry);
    }
  }

  void cool_down() {
    for (int looked_at = 0; warm_.size() > max_warm && looked_at < max_looked_at; ++looked_at) {
      const auto entry = warm_.begin();
      entry->is_warm = entry->is_in_use();
      if (!entry->is_warm) entry->store->rest();
      list_of(*entry).splice(list_of(*entry).end(), warm_, entry);
    }
  }

  // On the pool, or later by the last who uses it.
  void close(std::list<Open>::iterator entry) {
    by_file_.erase(entry->file);
    asio::post(pool_, [store = std::move(entry->store)] { store->checkpoint_before_close(); });
    list_of(*entry).erase(entry);
  }

  std::list<Open>& list_of(const Open& entry) { return entry.is_warm ? warm_ : cold_; }

  asio::any_io_executor pool_;
  const Clock& clock_;
  std::size_t max_open_;
  std::list<Open> warm_, cold_;  // in each the one asked for last is the last; nobody uses a cold one
  std::unordered_map<std::string, std::list<Open>::iterator> by_file_;
  std::unordered_map<std::string, std::shared_ptr<AtPool>> at_pool_;
};

class SqliteMemories final : public MemoryStores {
 public:
  SqliteMemories(asio::any_io_executor pool, const Clock& clock, std::size_t max_open)
      : cache_(std::make_shared<Cache>(std::move(pool), clock, max_open)) {}

  Task<Opened> open(std::string file) override {
    std::shared_ptr<MemoryStore> ready = cached(file);
    if (ready) co_return Opened(std::move(ready));
    const asio::any_io_executor loop = co_await asio::this_coro::executor;
    const auto initiate = [&](auto handler) {
      cache_->open(loop, file,
                   [handler = std::move(handler)](Opened result) mutable { std::move(handler)(std::move(result)); });
    };
    Opened opened =
        co_await asio::async_initiate<const asio::use_awaitable_t<>, void(Opened)>(initiate, asio::use_awaitable);
    co_return opened;
  }

  std::shared_ptr<MemoryStore> cached(const std::string& file) override { return cache_->cached(file); }

  std::size_t open_count() const override { return cache_->size(); }

  Task<Result<bool>> copy(std::string file, std::filesystem::path to) override {
    if (cache_->is_in_use(file)) co_return false;
    const asio::any_io_executor loop = co_await asio::this_coro::executor;
    const auto initiate = [&](auto handler) {
      cache_->copy(loop, file, to, [handler = std::move(handler)](Result<void> result) mutable {
        std::move(handler)(std::move(result));
      });
    };
    Result<void> copied =
        co_await asio::async_initiate<const asio::use_awaitable_t<>, void(Result<void>)>(initiate, asio::use_awaitable);
    if (!copied) co_return fail(std::move(copied.error()));
    co_return true;
  }

  Result<void> copy_now(const std::string& file, const std::filesystem::path& to) override {
    return cache_->copy_now(file, to);
  }

 private:
  std::shared_ptr<Cache> cache_;
};

}  // namespace

std::unique_ptr<MemoryStores> make_memory_stores(asio::any_io_executor pool, const Clock& clock, std::size_t max_open) {
  return std::make_unique<SqliteMemories>(std::move(pool), clock, max_open);
}

Result<std::shared_ptr<MemoryStore>> open_memory_store(const std::filesystem::path& file, const Clock& clock) {
  Result<std::shared_ptr<GuardedMemory>> opened = GuardedMemory::open(file, clock);
  if (!opened) return fail(std::move(opened.error()));
  return std::shared_ptr<MemoryStore>(std::move(*opened));
}

std::vector<std::filesystem::path> quarantined_memories(const std::filesystem::path& data_dir) {
  namespace fs = std::filesystem;
  std::vector<fs::path> found;
  std::error_code error;
  // <data_dir>/<tenant>/memory/<workspace>/<file>; what tools write stands elsewhere.
  fs::recursive_directory_iterator at(data_dir, error);
  for (; !error && at != fs::recursive_directory_iterator(); at.increment(error)) {
    const std::string name = at->path().filename().string();
    if (at.depth() == 1 && name != "memory") at.disable_recursion_pending();
    const bool is_quarantined = name.contains(store::quarantine_mark) && !name.ends_with("-wal");
    if (at.depth() > 1 && is_quarantined) found.push_back(at->path());
  }
  std::ranges::sort(found);
  return found;
}

}  // namespace usher::memory
