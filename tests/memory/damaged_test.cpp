// Damaged memories are set aside, whenever the damage is met; nobody else's is touched. And memories on a failing disk.
#include <doctest/doctest.h>
#include <sys/stat.h>

#include <boost/asio/thread_pool.hpp>
#include <fstream>
#include <iterator>

#include "memory/memory.h"
#include "support/disk/faulty_disk.h"
#include "support/manual_clock.h"
#include "support/run_task.h"
#include "support/temp_dir.h"

using namespace usher;
using memory::Audience;
using memory::Entry;
using memory::MemoryStore;
using testing::DiskFault;
using testing::DiskOperation;

namespace {

namespace fs = std::filesystem;

constexpr std::size_t page_bytes = 4096;

struct World {
  testing::TempDir dir;
  testing::ManualClock clock;
  asio::io_context loop{1};
  asio::thread_pool pool{1};
  std::unique_ptr<memory::MemoryStores> stores = memory::make_memory_stores(pool.get_executor(), clock, 8);

  ~World() { close(); }
  fs::path file(const std::string& sender) const { return dir / "default/memory/shared" / (sender + ".db"); }

  Result<std::shared_ptr<MemoryStore>> open(const std::string& sender) {
    return testing::run_task(loop, stores->open(file(sender)));
  }
  void close() {
    stores.reset();
    pool.join();
  }
  std::vector<fs::path> set_aside() const { return memory::quarantined_memories(dir.path()); }
};

std::string bytes_of(const fs::path& file) {
  std::ifstream in(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
}

void write(const fs::path& file, const std::string& bytes) {
  std::ofstream(file, std::ios::binary | std::ios::trunc) << bytes;
}

// Everything that a turn does, and what a person may ask for: whatever is damaged is met by some of it.
Result<void> use(MemoryStore& store, const std::string& turn) {
  Result<std::vector<Entry>> history = store.history("c", 50);
  if (!history) return fail(std::move(history.error()));
  const std::vector<Entry> entries = {{"user", std::string(300, 'q'), ""}, {"assistant", std::string(300, 'a'), ""}};
  Result<void> appended = store.append("c", turn, entries);
  if (!appended) return appended;
  Result<std::int64_t> remembered = store.remember("ann", Audience::private_chat, "I like red lamps " + turn);
  if (!remembered) return fail(std::move(remembered.error()));
  Result<std::vector<memory::Fact>> recalled = store.recall(Audience::private_chat, "lamp", 50);
  if (!recalled) return fail(std::move(recalled.error()));
  Result<bool> forgotten = store.forget(Audience::private_chat, *remembered - 1);
  if (!forgotten) return fail(std::move(forgotten.error()));
  return store.clear_history("c");
}

// The bytes of a memory of some pages, its log copied back.
std::string sound_memory() {
  World world;
  {
    std::shared_ptr<MemoryStore> store = *world.open("sound");
    for (int i = 0; i < 400; ++i) {
      const std::vector<Entry> entries = {{"user", std::string(2000, 'q'), ""}};
      REQUIRE(store->append("c" + std::to_string(i % 7), std::to_string(i), entries));
      if (i < 40) REQUIRE(store->remember("ann", Audience::group, "lamp number " + std::to_string(i)));
    }
    for (int i = 0; i < 2500; ++i)
      REQUIRE(store->append("c", std::to_string(i), std::vector<Entry>{{"user", "x", ""}}));
  }
  world.open("other");
  REQUIRE(world.stores->cached(world.file("sound")) == nullptr);  // wants its log copied back, and gets it by:
  REQUIRE(world.open("sound"));
  world.close();
  return bytes_of(world.file("sound"));
}

}  // namespace

TEST_CASE("damage anywhere in a memory is met as damage, and the next open gives a fresh one: never anything else") {
  const std::string sound = sound_memory();
  const std::size_t pages = sound.size() / page_bytes;
  REQUIRE(pages > 100);
  int met_in_opening = 0, met_in_use = 0;
  for (std::size_t page = 0; page < pages; page += page < 20 ? 1 : 17) {
    for (const std::size_t skipped : {std::size_t{0}, std::size_t{100}, page_bytes / 2}) {
      CAPTURE(page);
      CAPTURE(skipped);
      World world;
      fs::create_directories(world.file("ann").parent_path());
      std::string damaged = sound;
      for (std::size_t i = page * page_bytes + skipped; i < (page + 1) * page_bytes; ++i) damaged[i] = '\xa5';
      write(world.file("ann"), damaged);

      Result<std::shared_ptr<MemoryStore>> opened = world.open("ann");
      const Result<void> used = opened ? use(**opened, "t") : fail(opened.error());
      if (used) continue;  // this page was not needed
      CHECK_MESSAGE(used.error().kind == ErrorKind::corrupt, used.error().message);
      ++(opened ? met_in_use : met_in_opening);
      REQUIRE(world.set_aside().size() == 1);
      opened = world.open("ann");
      REQUIRE_MESSAGE(opened, opened.error().message);
      CHECK((*opened)->history("c", 50)->empty());
      CHECK(use(**opened, "t"));
    }
  }
  CHECK(met_in_opening > 0);
  CHECK(met_in_use > 0);
}

TEST_CASE("a damaged memory is set aside whole with its log and private; other people's are not touched") {
  World world;
  REQUIRE(use(**world.open("bob"), "t1"));
  fs::create_directories(world.file("ann").parent_path());
  const std::string nonsense(3 * page_bytes, 'x');
  write(world.file("ann"), nonsense);
  write(world.file("ann").string() + "-wal", "a log");
  REQUIRE(::chmod(world.file("ann").c_str(), 0644) == 0);

  Result<std::shared_ptr<MemoryStore>> refused = world.open("ann");
  REQUIRE_FALSE(refused);
  CHECK(refused.error().kind == ErrorKind::corrupt);
  CHECK(refused.error().message.contains("ann.db"));
  const std::vector<fs::path> aside = world.set_aside();
  REQUIRE(aside.size() == 1);
  CHECK(aside[0].filename().string().starts_with("ann.db.corrupt-"));
  CHECK(bytes_of(aside[0]) == nonsense);
  CHECK(bytes_of(aside[0].string() + "-wal") == "a log");
  CHECK((fs::status(aside[0]).permissions() & fs::perms::all) == (fs::perms::owner_read | fs::perms::owner_write));

  CHECK(use(**world.open("ann"), "t1"));
  CHECK((*world.open("bob"))->recall(Audience::private_chat, "", 10)->size() == 1);
  CHECK(world.stores->open_count() == 2);
}

TEST_CASE("everybody who holds a store that was found damaged is refused, and who opens it anew is not") {
  World world;
  const std::string sound = sound_memory();
  fs::create_directories(world.file("shared").parent_path());
  write(world.file("shared"), sound.substr(0, page_bytes) + std::string(sound.size() - page_bytes, '\xa5'));
  std::shared_ptr<MemoryStore> one = *world.open("shared");
  std::shared_ptr<MemoryStore> two = world.stores->cached(world.file("shared"));
  REQUIRE(one == two);
  CHECK(one->history("c", 50).error().kind == ErrorKind::corrupt);
  CHECK(two->recall(Audience::group, "", 5).error().kind == ErrorKind::corrupt);
  CHECK(two->append("c", "t", std::vector<Entry>{{"user", "lost?", ""}}).error().kind == ErrorKind::corrupt);
  CHECK(world.stores->cached(world.file("shared")) == nullptr);
  std::shared_ptr<MemoryStore> fresh = *world.open("shared");
  CHECK(use(*fresh, "t"));
  CHECK(two->history("c", 50).error().kind == ErrorKind::corrupt);
  CHECK(world.set_aside().size() == 1);
}

TEST_CASE("what tools wrote and what lies elsewhere is not taken for a damaged memory") {
  World world;
  for (const char* name : {"default/files/shared/x.db.corrupt-1", "default/index/y.db.corrupt-1", "z.db.corrupt-1",
                           "acme/memory/lobby/m.db.corrupt-1", "acme/memory/lobby/m.db.corrupt-1-wal"}) {
    fs::create_directories((world.dir / name).parent_path());
    write(world.dir / name, "");
  }
  CHECK(world.set_aside() == std::vector<fs::path>{world.dir / "acme/memory/lobby/m.db.corrupt-1"});
  CHECK(memory::quarantined_memories(world.dir / "absent").empty());
}

TEST_CASE("a memory that the disk does not let be opened is not set aside, and is whole when the disk is") {
  World world;
  testing::FaultyDisk disk;
  REQUIRE(use(**world.open("ann"), "t1"));
  world.stores = memory::make_memory_stores(world.pool.get_executor(), world.clock, 8);
  disk.fail({{"ann.db", DiskOperation::open, 1, true, DiskFault::broken}});
  Result<std::shared_ptr<MemoryStore>> refused = world.open("ann");
  REQUIRE_FALSE(refused);
  CHECK(refused.error().kind == ErrorKind::io);
  CHECK(use(**world.open("bob"), "t1"));
  disk.mend();
  std::shared_ptr<MemoryStore> store = *world.open("ann");
  CHECK(store->recall(Audience::private_chat, "", 10)->size() == 1);
  CHECK(world.set_aside().empty());
}

TEST_CASE("while one memory's disk is full it takes nothing in by halves, others do, and later it goes on") {
  World world;
  testing::FaultyDisk disk;
  std::shared_ptr<MemoryStore> ann = *world.open("ann"), bob = *world.open("bob");
  const auto append = [](MemoryStore& store, const std::string& turn) {
    return store.append("c", turn, std::vector<Entry>{{"user", "q " + turn, ""}, {"assistant", "a " + turn, ""}});
  };
  const auto length = [](MemoryStore& store) { return store.history("c", 100)->size(); };
  REQUIRE(append(*ann, "1"));
  for (std::size_t nth = 1; nth < 8; ++nth) {
    for (const DiskFault fault : {DiskFault::full, DiskFault::broken, DiskFault::half_write}) {
      disk.fail({{"ann.db", DiskOperation::write, nth, true, fault}});
      const std::size_t before = length(*ann);
      const std::string turn = std::to_string(nth * 10 + static_cast<std::size_t>(fault));
      Result<void> appended = append(*ann, turn);
      CHECK(length(*ann) == before + (appended ? 2 : 0));
      if (!appended) CHECK(appended.error().kind == ErrorKind::io);
      CHECK(append(*bob, turn));
      disk.mend();
      CHECK(append(*ann, turn));
      CHECK(length(*ann) == before + 2);
    }
  }
  CHECK(world.set_aside().empty());
}
