#include <boost/asio/async_result.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/this_coro.hpp>
#include <functional>
#include <list>
#include <unordered_map>
#include <utility>

#include "memory/memory_sqlite.h"

namespace usher::memory {

namespace {

using Opened = Result<std::shared_ptr<MemoryStore>>;
using Waiter = std::move_only_function<void(Opened)>;

// Evicting looks at so many of the longest unused, not at all of them: most are not in use.
constexpr int max_looked_at = 32;

struct Entry {
  std::string file;
  std::shared_ptr<SqliteMemory> store;

  bool is_in_use() const { return store.use_count() > 1; }
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
    Entry& entry = *found->second;
    if (!entry.is_in_use() && entry.store->wants_checkpoint()) return nullptr;
    entries_.splice(entries_.end(), entries_, found->second);
    return entry.store;
  }

  // Not cached: opened on the pool, once for all who wait for it.
  void open(const asio::any_io_executor& loop, const std::string& file, Waiter waiter) {
    std::vector<Waiter>& waiters = waiting_[file];
    waiters.push_back(std::move(waiter));
    if (waiters.size() > 1) return;
    asio::post(pool_, [self = shared_from_this(), loop, file, store = taken(file)]() mutable {
      Result<std::shared_ptr<SqliteMemory>> result = std::move(store);
      if (*result) {
        (*result)->checkpoint();
      } else {
        result = SqliteMemory::open(file, self->clock_);
      }
      // The cache goes back to the loop with the result: the last reference to it must not fall here.
      asio::post(loop, [self = std::move(self), file, result = std::move(result)]() mutable {
        self->finish(file, std::move(result));
      });
    });
  }

 private:
  // One that is open but wants its log copied, taken out of the cache for that; or null.
  std::shared_ptr<SqliteMemory> taken(const std::string& file) {
    const auto found = by_file_.find(file);
    if (found == by_file_.end()) return nullptr;
    std::shared_ptr<SqliteMemory> store = std::move(found->second->store);
    entries_.erase(found->second);
    by_file_.erase(found);
    return store;
  }

  void finish(const std::string& file, Result<std::shared_ptr<SqliteMemory>> result) {
    std::vector<Waiter> waiters = std::move(waiting_[file]);
    waiting_.erase(file);
    if (result) {
      entries_.push_back({file, *result});
      by_file_[file] = std::prev(entries_.end());
      evict();
    }
    for (Waiter& waiter : waiters) {
      waiter(result ? Opened(*result) : Opened(fail(result.error())));
    }
  }

  void evict() {
    auto at = entries_.begin();
    for (int looked_at = 0; by_file_.size() > max_open_ && looked_at < max_looked_at && at != entries_.end();
         ++looked_at) {
      const auto entry = at++;
      if (entry->is_in_use()) continue;
      by_file_.erase(entry->file);
      asio::post(pool_, [store = std::move(entry->store)] { store->checkpoint_before_close(); });
      entries_.erase(entry);
    }
  }

  asio::any_io_executor pool_;
  const Clock& clock_;
  std::size_t max_open_;
  std::list<Entry> entries_;  // the one asked for last is the last
  std::unordered_map<std::string, std::list<Entry>::iterator> by_file_;
  std::unordered_map<std::string, std::vector<Waiter>> waiting_;
};

class SqliteMemories final : public MemoryStores {
 public:
  SqliteMemories(asio::any_io_executor pool, const Clock& clock, std::size_t max_open)
      : cache_(std::make_shared<Cache>(std::move(pool), clock, max_open)) {}

  Task<Opened> open(std::filesystem::path file) override {
    std::shared_ptr<MemoryStore> ready = cached(file);
    if (ready) co_return Opened(std::move(ready));
    const asio::any_io_executor loop = co_await asio::this_coro::executor;
    const auto initiate = [&](auto handler) {
      cache_->open(loop, file.native(),
                   [handler = std::move(handler)](Opened result) mutable { std::move(handler)(std::move(result)); });
    };
    Opened opened =
        co_await asio::async_initiate<const asio::use_awaitable_t<>, void(Opened)>(initiate, asio::use_awaitable);
    co_return opened;
  }

  std::shared_ptr<MemoryStore> cached(const std::filesystem::path& file) override {
    return cache_->cached(file.native());
  }

  std::size_t open_count() const override { return cache_->size(); }

 private:
  std::shared_ptr<Cache> cache_;
};

}  // namespace

std::unique_ptr<MemoryStores> make_memory_stores(asio::any_io_executor pool, const Clock& clock, std::size_t max_open) {
  return std::make_unique<SqliteMemories>(std::move(pool), clock, max_open);
}

}  // namespace usher::memory
