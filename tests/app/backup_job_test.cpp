// A backup beside a loop that writes all the time: one moment of the whole.
#include <doctest/doctest.h>
#include <fmt/format.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/thread_pool.hpp>
#include <filesystem>
#include <fstream>
#include <set>

#include "app/backup/backup.h"
#include "memory/memory.h"
#include "store/writer.h"
#include "support/manual_clock.h"
#include "support/temp_dir.h"

namespace usher::app {
namespace {

using namespace testing;
namespace fs = std::filesystem;
using State = admin::BackupProgress::State;

constexpr int kSenders = 12;

// What a gateway does, in short: a turn is remembered, then it is sent and stored as sent; its ledger row is first.
struct Gateway {
  Gateway() {
    REQUIRE(ledger_database.script("CREATE TABLE row(turn TEXT)"));
    REQUIRE(sent_database.script("CREATE TABLE sent(turn TEXT)"));
    ledger.emplace(std::move(ledger_database), loop.get_executor());
    sent.emplace(std::move(sent_database), loop.get_executor());
  }
  ~Gateway() {
    pool.join();
    loop.restart();
    loop.poll();
  }

  static store::Database opened(const fs::path& file) {
    fs::create_directories(file.parent_path());
    return std::move(*store::Database::open(file, {.sharing = store::Sharing::shared}));
  }
  fs::path memory_of(int sender) const { return data() / "default/memory/shop" / fmt::format("{}.db", sender); }
  fs::path data() const { return dir / "data"; }

  static Task<Result<void>> insert(store::Writer& writer, const char* sql, std::string turn) {
    return writer.submit([sql, turn = std::move(turn)](store::Database& database) {
      return database.run(sql, {store::Value(std::string_view(turn))});
    });
  }

  static Task<void> serve(Gateway& gateway, int sender) {
    for (int number = 0; !gateway.is_over; ++number) {
      const std::string turn = fmt::format("{}:{}", sender, number);
      Result<void> row = co_await insert(*gateway.ledger, "INSERT INTO row VALUES(?)", turn);
      CHECK(row);
      Result<std::shared_ptr<memory::MemoryStore>> memory = co_await gateway.memories->open(gateway.memory_of(sender));
      REQUIRE(memory);
      CHECK((*memory)->append("chat", turn, std::vector<memory::Entry>{{"user", turn, ""}}));
      memory->reset();
      Result<void> stored = co_await insert(*gateway.sent, "INSERT INTO sent VALUES(?)", turn);
      CHECK(stored);
    }
  }

  // Serves until the backup has ended and everybody has finished their turn.
  admin::BackupProgress back_up_while_serving() {
    for (int sender = 0; sender < kSenders; ++sender) asio::co_spawn(loop, serve(*this, sender), [](auto) {});
    loop.run_for(std::chrono::milliseconds(200));
    REQUIRE(backups->start(dir / "backup"));
    while (backups->progress()->state == State::running) loop.run_one();
    is_over = true;
    loop.run();
    return *backups->progress();
  }

  TempDir dir;
  ManualClock clock;
  asio::io_context loop{1};
  asio::thread_pool pool{2};
  // Few, so that most are opened and closed all the time.
  std::unique_ptr<memory::MemoryStores> memories = memory::make_memory_stores(pool.get_executor(), clock, 4);
  std::unique_ptr<admin::Backups> backups =
      make_backups(data(), loop.get_executor(), pool.get_executor(), *memories, clock);
  store::Database ledger_database = opened(data() / "ledger.db"), sent_database = opened(data() / "gateway.db");
  std::optional<store::Writer> ledger, sent;
  bool is_over = false;
};

std::set<std::string> texts_in(const fs::path& file, const char* sql) {
  std::set<std::string> texts;
  Result<store::Database> database = store::Database::open(file);
  REQUIRE(database);
  REQUIRE(database->query(sql, {}, [&](const store::Row& row) { texts.emplace(row.text(0)); }));
  return texts;
}

TEST_CASE("a backup beside a loop that writes all the time is one moment: rows, then memories, then what was sent") {
  Gateway gateway;
  const admin::BackupProgress progress = gateway.back_up_while_serving();
  REQUIRE_MESSAGE(progress.state == State::done, progress.why);
  CHECK(progress.files == kSenders + 2);
  CHECK_FALSE(fs::exists(gateway.dir / "backup/usher.lock"));

  const fs::path copy = gateway.dir / "backup";
  const std::set<std::string> sent = texts_in(copy / "gateway.db", "SELECT turn FROM sent");
  const std::set<std::string> rows = texts_in(copy / "ledger.db", "SELECT turn FROM row");
  std::set<std::string> remembered;
  for (int sender = 0; sender < kSenders; ++sender) {
    remembered.merge(texts_in(copy / fmt::format("default/memory/shop/{}.db", sender), "SELECT turn FROM history"));
  }
  CHECK(sent.size() >= kSenders);
  for (const std::string& turn : sent) CHECK_MESSAGE(remembered.contains(turn), turn);
  for (const std::string& turn : remembered) CHECK_MESSAGE(rows.contains(turn), turn);
}

TEST_CASE("one backup at a time, and never into what is there") {
  Gateway gateway;
  REQUIRE(gateway.backups->start(gateway.dir / "backup/"));
  const Result<void> second = gateway.backups->start(gateway.dir / "other");
  REQUIRE_FALSE(second);
  CHECK(second.error().kind == ErrorKind::busy);
  CHECK_FALSE(fs::exists(gateway.dir / "other"));
  while (gateway.backups->progress()->state == State::running) gateway.loop.run_one();
  CHECK(gateway.backups->progress()->state == State::done);
  CHECK_FALSE(gateway.backups->start(gateway.dir / "backup"));
  CHECK_FALSE(gateway.backups->start("relative"));
  CHECK_FALSE(gateway.backups->start(gateway.data() / "inside"));
}

TEST_CASE("a backup that fails says why and has no manifest") {
  Gateway gateway;
  std::ofstream(gateway.data() / "limits.db") << std::string(5000, 'x');
  REQUIRE(gateway.backups->start(gateway.dir / "backup"));
  while (gateway.backups->progress()->state == State::running) gateway.loop.run_one();
  CHECK(gateway.backups->progress()->state == State::failed);
  CHECK(gateway.backups->progress()->why.find("limits.db") != std::string::npos);
  CHECK_FALSE(fs::exists(gateway.dir / "backup/backup.json"));
}

}  // namespace
}  // namespace usher::app
