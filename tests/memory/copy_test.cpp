// Copies of memories for backups, beside those who use them.
#include <doctest/doctest.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/thread_pool.hpp>
#include <filesystem>

#include "memory/memory.h"
#include "support/manual_clock.h"
#include "support/run_task.h"
#include "support/temp_dir.h"

namespace usher::memory {
namespace {

using namespace testing;

struct Stores {
  ~Stores() {
    pool.join();
    loop.restart();
    loop.poll();
  }
  std::shared_ptr<MemoryStore> open(const std::string& name) {
    Result<std::shared_ptr<MemoryStore>> opened = run_task(loop, stores->open(dir / name));
    REQUIRE(opened);
    return *opened;
  }
  void write(const std::string& name, const std::string& turn) { append(*open(name), turn); }
  static void append(MemoryStore& store, const std::string& turn) {
    REQUIRE(store.append("chat", turn, std::vector<Entry>{{"user", turn, ""}}));
  }
  Result<bool> copy(const std::string& name, const std::string& to) {
    return run_task(loop, stores->copy(dir / name, dir / to));
  }
  std::size_t entries_in(const std::string& name) {
    Result<std::shared_ptr<MemoryStore>> copied = open_memory_store(dir / name, clock);
    REQUIRE(copied);
    return (*copied)->history("chat", 100).value().size();
  }

  TempDir dir;
  ManualClock clock;
  asio::io_context loop{1};
  asio::thread_pool pool{2};
  std::unique_ptr<MemoryStores> stores = make_memory_stores(pool.get_executor(), clock, 2);
};

TEST_CASE("a memory is copied whether it is open or not, and goes on as it was") {
  Stores s;
  s.write("a.db", "one");
  CHECK(s.copy("a.db", "open.db") == true);
  CHECK(s.stores->open_count() == 1);
  for (const char* other : {"b.db", "c.db", "d.db"}) s.write(other, "x");  // a.db is closed for them
  CHECK(s.stores->cached(s.dir / "a.db") == nullptr);
  CHECK(s.copy("a.db", "closed.db") == true);
  CHECK(s.stores->cached(s.dir / "a.db") == nullptr);  // a backup turns nobody out
  CHECK(s.entries_in("open.db") == 1);
  CHECK(s.entries_in("closed.db") == 1);
  s.write("a.db", "two");
  CHECK(s.open("a.db")->history("chat", 100).value().size() == 2);
}

TEST_CASE("a memory that a turn holds is left for the moment in which nobody writes") {
  Stores s;
  const std::shared_ptr<MemoryStore> held = s.open("a.db");
  Stores::append(*held, "one");
  CHECK(s.copy("a.db", "early.db") == false);
  CHECK_FALSE(std::filesystem::exists(s.dir / "early.db"));
  REQUIRE(s.stores->copy_now(s.dir / "a.db", s.dir / "now.db"));
  Stores::append(*held, "two");
  CHECK(s.entries_in("now.db") == 1);
}

TEST_CASE("a memory can be copied at once while the pool has it") {
  Stores s;
  s.write("a.db", "one");
  for (const char* other : {"b.db", "c.db", "d.db"}) s.write(other, "x");
  std::optional<Result<std::shared_ptr<MemoryStore>>> opened;
  asio::co_spawn(s.loop, s.stores->open(s.dir / "a.db"),
                 [&](std::exception_ptr, Result<std::shared_ptr<MemoryStore>> result) { opened = std::move(result); });
  s.loop.restart();
  s.loop.poll_one();  // the opening is under way; its end waits for the loop, which stands still
  REQUIRE(s.stores->copy_now(s.dir / "a.db", s.dir / "now.db"));
  CHECK(s.entries_in("now.db") == 1);
  s.loop.restart();
  while (!opened) s.loop.run_one();
  CHECK(opened->has_value());
}

TEST_CASE("copying makes no memory, and somebody new who writes in that moment gets one") {
  Stores s;
  const Result<bool> none = s.copy("nobody.db", "copy.db");
  REQUIRE_FALSE(none);
  CHECK(none.error().kind == ErrorKind::not_found);
  CHECK_FALSE(std::filesystem::exists(s.dir / "nobody.db"));
  std::optional<Result<bool>> copied;
  asio::co_spawn(s.loop, s.stores->copy(s.dir / "new.db", s.dir / "copy.db"),
                 [&](std::exception_ptr, Result<bool> result) { copied = std::move(result); });
  s.loop.restart();
  s.loop.poll_one();
  s.write("new.db", "hello");
  while (!copied) s.loop.run_one();
  CHECK_FALSE(copied->has_value());
  CHECK(s.open("new.db")->history("chat", 10).value().size() == 1);
}

}  // namespace
}  // namespace usher::memory
