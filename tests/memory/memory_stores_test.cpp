#include <doctest/doctest.h>

#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/thread_pool.hpp>
#include <list>
#include <map>
#include <random>

#include "memory/memory.h"
#include "store/sqlite.h"
#include "support/manual_clock.h"
#include "support/run_task.h"
#include "support/temp_dir.h"

using namespace usher;
using memory::Entry;
using memory::MemoryStore;
using memory::MemoryStores;

namespace {

using Opened = Result<std::shared_ptr<MemoryStore>>;

struct World {
  testing::TempDir dir;
  testing::ManualClock clock;
  asio::io_context loop{1};
  asio::thread_pool pool{2};
  std::unique_ptr<MemoryStores> stores;

  explicit World(std::size_t max_open = 8) : stores(memory::make_memory_stores(pool.get_executor(), clock, max_open)) {}
  ~World() {
    stores.reset();
    pool.join();
  }
  std::filesystem::path file(int i) const { return dir.path() / "m" / (std::to_string(i) + ".db"); }
  std::shared_ptr<MemoryStore> open(int i) {
    Opened opened = testing::run_task(loop, stores->open(file(i)));
    REQUIRE_MESSAGE(opened, opened.error().message);
    return *opened;
  }
};

bool append(MemoryStore& store, const std::string& turn, std::string text = "hi") {
  const std::vector<Entry> entries = {{"user", std::move(text), ""}};
  return store.append("c", turn, entries).has_value();
}

std::size_t length(MemoryStore& store) { return store.history("c", 1000)->size(); }

}  // namespace

TEST_CASE("an open database is given again without waiting, another only after open") {
  World world;
  CHECK(world.stores->cached(world.file(1)) == nullptr);
  std::shared_ptr<MemoryStore> first = world.open(1);
  CHECK(world.stores->cached(world.file(1)) == first);
  CHECK(world.open(1) == first);
  CHECK(world.stores->cached(world.file(2)) == nullptr);
  CHECK(world.stores->open_count() == 1);
}

TEST_CASE("opening the same file many times at once opens it once") {
  World world;
  std::vector<std::shared_ptr<MemoryStore>> opened;
  for (int i = 0; i < 20; ++i) {
    asio::co_spawn(world.loop, world.stores->open(world.file(1)), [&](std::exception_ptr error, Opened result) {
      REQUIRE_FALSE(error);
      REQUIRE(result);
      opened.push_back(*result);
    });
  }
  world.loop.run();
  REQUIRE(opened.size() == 20);
  for (const auto& store : opened) CHECK(store == opened[0]);
  CHECK(world.stores->open_count() == 1);
}

TEST_CASE("however many wait for a file, the pool is asked once") {
  testing::TempDir dir;
  testing::ManualClock clock;
  asio::io_context loop{1}, pool{1};
  std::unique_ptr<MemoryStores> stores = memory::make_memory_stores(pool.get_executor(), clock);
  int answered = 0;
  const auto ask = [&] {
    asio::co_spawn(loop, stores->open(dir / "a.db"),
                   [&](std::exception_ptr, const Opened& result) { answered += result ? 1 : 0; });
    loop.poll();
  };
  for (int i = 0; i < 5; ++i) ask();
  CHECK(pool.run() == 1);
  ask();  // opened, but the loop has not heard of it before this one asks
  pool.restart();
  CHECK(pool.poll() == 0);
  loop.run();
  CHECK(answered == 6);
}

TEST_CASE("everybody who waits for a file that cannot be opened is told, and a later try is a new one") {
  World world;
  std::filesystem::create_directories(world.dir / "m");
  {
    Result<store::Database> newer = store::Database::open(world.file(1));
    REQUIRE(newer);
    REQUIRE(newer->script("PRAGMA user_version=99"));
  }
  int failures = 0;
  for (int i = 0; i < 3; ++i) {
    asio::co_spawn(world.loop, world.stores->open(world.file(1)), [&](std::exception_ptr, const Opened& result) {
      failures += !result && result.error().kind == ErrorKind::invalid ? 1 : 0;
    });
  }
  world.loop.run();
  CHECK(failures == 3);
  CHECK(world.stores->open_count() == 0);
  std::filesystem::remove(world.file(1));
  CHECK(world.open(1));
}

TEST_CASE("the longest unused databases are closed, those in use never, and nothing is lost") {
  World world(3);
  std::shared_ptr<MemoryStore> pinned = world.open(0);
  for (int i = 0; i < 20; ++i) REQUIRE(append(*world.open(i), "t1"));
  CHECK(world.stores->open_count() == 3);
  CHECK(world.stores->cached(world.file(0)) == pinned);
  CHECK(world.stores->cached(world.file(19)) != nullptr);
  CHECK(world.stores->cached(world.file(1)) == nullptr);
  for (int i = 0; i < 20; ++i) CHECK(length(*world.open(i)) == 1);
}

TEST_CASE("more databases than the bound stay open while all are in use, and go when they are not") {
  World world(2);
  std::vector<std::shared_ptr<MemoryStore>> used;
  for (int i = 0; i < 5; ++i) used.push_back(world.open(i));
  CHECK(world.stores->open_count() == 5);
  used.clear();
  world.open(9);
  CHECK(world.stores->open_count() == 2);
}

TEST_CASE("among hundreds of open databases exactly those asked for last stay, and each holds what it was given") {
  constexpr std::size_t most = 200;
  World world(most);
  std::mt19937 random(7);
  std::list<int> order;  // the one asked for last is the last
  std::map<int, std::size_t> lengths;
  std::shared_ptr<MemoryStore> pinned = world.open(1000);
  for (int step = 0; step < 1500; ++step) {
    // Few are asked for often, many now and then.
    const int i = static_cast<int>(random() % (random() % 3 == 0 ? 400 : 60));
    const bool is_open = std::ranges::find(order, i) != order.end();
    std::shared_ptr<MemoryStore> store = world.stores->cached(world.file(i));
    REQUIRE((store != nullptr) == is_open);
    if (!store) store = world.open(i);
    order.remove(i);
    order.push_back(i);
    if (order.size() > most - 1) order.pop_front();  // one is pinned
    REQUIRE(length(*store) == lengths[i]);
    REQUIRE(append(*store, std::to_string(step)));
    ++lengths[i];
  }
  CHECK(order.size() == most - 1);
  CHECK(world.stores->open_count() == most);
  CHECK(world.stores->cached(world.file(1000)) == pinned);
}

TEST_CASE("stores in use are not closed, however many they are") {
  World world(150);
  std::vector<std::shared_ptr<MemoryStore>> used;
  for (int i = 0; i < 300; ++i) used.push_back(world.open(i));
  CHECK(world.stores->open_count() == 300);
  for (int i = 0; i < 300; ++i) {
    REQUIRE(append(*used[static_cast<std::size_t>(i)], "t"));
    CHECK(world.stores->cached(world.file(i)) == used[static_cast<std::size_t>(i)]);
  }
  used.clear();
  for (int i = 300; i < 320; ++i) world.open(i);
  CHECK(world.stores->open_count() == 150);
  for (int i = 0; i < 300; ++i) CHECK(length(*world.open(i)) == 1);
}

TEST_CASE("a database closed and opened again at once is opened, not refused as busy") {
  World world(1);
  for (int round = 0; round < 30; ++round) {
    REQUIRE(append(*world.open(round % 2), std::to_string(round)));
  }
  CHECK(length(*world.open(0)) == 15);
}

TEST_CASE("a long log is copied back on the pool: the store is away meanwhile and comes back the same") {
  World world;
  std::shared_ptr<MemoryStore> store = world.open(1);
  for (int i = 0; i < 400; ++i) REQUIRE(append(*store, std::to_string(i), std::string(8000, 'x')));
  CHECK(world.stores->cached(world.file(1)) == store);  // in use: not taken away
  const auto size_before = std::filesystem::file_size(world.file(1));
  MemoryStore* address = store.get();
  store.reset();
  CHECK(world.stores->cached(world.file(1)) == nullptr);
  store = world.open(1);
  CHECK(store.get() == address);
  CHECK(std::filesystem::file_size(world.file(1)) > size_before + 400 * 8000);
  store.reset();
  CHECK(world.stores->cached(world.file(1)).get() == address);
}

TEST_CASE("the log of a database that is always in use is bounded all the same") {
  World world;
  std::shared_ptr<MemoryStore> store = world.open(1);
  for (int i = 0; i < 900; ++i) REQUIRE(append(*store, std::to_string(i), std::string(60'000, 'x')));
  CHECK(std::filesystem::file_size(world.file(1).string() + "-wal") < 8400 * 4120ull);
}

TEST_CASE("a store outlives the cache that opened it") {
  testing::TempDir dir;
  testing::ManualClock clock;
  std::shared_ptr<MemoryStore> store;
  {
    World world;
    store = world.open(1);
    world.stores.reset();
    CHECK(append(*store, "t"));
    CHECK(length(*store) == 1);
  }
}
