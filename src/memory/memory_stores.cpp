#include <algorithm>
#include <boost/asio/async_result.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/this_coro.hpp>
#include <functional>
#include <list>
#include <unordered_map>
#include <utility>

#include "base/log.h"
#include "memory/memory_sqlite.h"
#include "store/quarantine.h"

namespace usher::memory {

namespace {

using Opened = Result<std::shared_ptr<MemoryStore>>;
using Waiter = std::move_only_function<void(Opened)>;

// Evicting looks at so many of the longest unused, not at all of them: most are not in use.
constexpr int max_looked_at = 32;

void set_aside(const std::filesystem::path& file, const Clock& clock, const Error& damage) {
  Result<std::filesystem::path> aside = store::quarantine(file, clock.wall());
  if (aside) {
    spdlog::error(
        "a memory is damaged: {}. It is now {} and a fresh one takes its place; sqlite3 with .recover reads what is "
        "left",
        damage.message, aside->string());
  } else {
    spdlog::error("a memory is damaged and stays in its place: {}; {}", damage.message, aside.error().message);
  }
}

// A store that is set aside as soon as it is found damaged: whoever meets the damage is told, the next open makes a
// fresh one.
class GuardedMemory final : public MemoryStore {
 public:
  static Result<std::shared_ptr<GuardedMemory>> open(const std::filesystem::path& file, const Clock& clock) {
    Result<std::shared_ptr<SqliteMemory>> opened = SqliteMemory::open(file, clock);
    if (opened) return std::make_shared<GuardedMemory>(std::move(*opened), file, clock);
    if (opened.error().kind == ErrorKind::corrupt) set_aside(file, clock, opened.error());
    return fail(std::move(opened.error()));
  }
  GuardedMemory(std::shared_ptr<SqliteMemory> store, std::filesystem::path file, const Clock& clock)
      : store_(std::move(store)), file_(std::move(file)), clock_(clock) {}

  Result<std::vector<Entry>> history(std::string_view conversation, std::size_t max_entries) override {
    return guard([&] { return store_->history(conversation, max_entries); });
  }
  Result<void> append(std::string_view conversation, std::string_view turn, std::span<const Entry> entries) override {
    return guard([&] { return store_->append(conversation, turn, entries); });
  }
  Result<void> clear_history(std::string_view conversation) override {
    return guard([&] { return store_->clear_history(conversation); });
  }
  Result<std::int64_t> remember(std::string_view owner, Audience told_in, std::string_view text) override {
    return guard([&] { return store_->remember(owner, told_in, text); });
  }
  Result<std::vector<Fact>> recall(Audience asked_in, std::string_view query, std::size_t max_facts) override {
    return guard([&] { return store_->recall(asked_in, query, max_facts); });
  }
  Result<bool> forget(Audience asked_in, std::int64_t id) override {
    return guard([&] { return store_->forget(asked_in, id); });
  }

  bool is_damaged() const { return is_damaged_; }
  bool wants_checkpoint() const { return store_->wants_checkpoint(); }
  void checkpoint() { store_->checkpoint(); }
  void checkpoint_before_close() {
    if (!is_damaged_) store_->checkpoint_before_close();
  }

 private:
  template <class F>
  std::invoke_result_t<F> guard(F operation) {
    if (is_damaged_) return fail(ErrorKind::corrupt, file_.string() + ": found damaged before");
    std::invoke_result_t<F> result = operation();
    if (!result && result.error().kind == ErrorKind::corrupt) {
      is_damaged_ = true;
      set_aside(file_, clock_, result.error());
    }
    return result;
  }

  std::shared_ptr<SqliteMemory> store_;
  std::filesystem::path file_;
  const Clock& clock_;
  bool is_damaged_ = false;
};

struct Open {
  std::string file;
  std::shared_ptr<GuardedMemory> store;

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
    Open& entry = *found->second;
    if (entry.store->is_damaged()) {
      close(found->second);
      return nullptr;
    }
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
      Result<std::shared_ptr<GuardedMemory>> result = std::move(store);
      if (*result) {
        (*result)->checkpoint();
      } else {
        result = GuardedMemory::open(file, self->clock_);
      }
      // The cache goes back to the loop with the result: the last reference to it must not fall here.
      asio::post(loop, [self = std::move(self), file, result = std::move(result)]() mutable {
        self->finish(file, std::move(result));
      });
    });
  }

 private:
  // One that is open but wants its log copied, taken out of the cache for that; or null.
  std::shared_ptr<GuardedMemory> taken(const std::string& file) {
    const auto found = by_file_.find(file);
    if (found == by_file_.end()) return nullptr;
    std::shared_ptr<GuardedMemory> store = std::move(found->second->store);
    entries_.erase(found->second);
    by_file_.erase(found);
    return store;
  }

  void finish(const std::string& file, Result<std::shared_ptr<GuardedMemory>> result) {
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
      if (!entry->is_in_use()) close(entry);
    }
  }

  // On the pool, or later by the last who uses it.
  void close(std::list<Open>::iterator entry) {
    by_file_.erase(entry->file);
    asio::post(pool_, [store = std::move(entry->store)] { store->checkpoint_before_close(); });
    entries_.erase(entry);
  }

  asio::any_io_executor pool_;
  const Clock& clock_;
  std::size_t max_open_;
  std::list<Open> entries_;  // the one asked for last is the last
  std::unordered_map<std::string, std::list<Open>::iterator> by_file_;
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
