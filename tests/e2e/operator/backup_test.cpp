// Backups of a gateway that people are writing to, and what is restored from them.
#include <doctest/doctest.h>
#include <signal.h>
#include <sys/stat.h>

#include <atomic>
#include <filesystem>
#include <fstream>
#include <set>
#include <thread>

#include "base/json.h"
#include "e2e/world.h"
#include "store/copy.h"
#include "store/sqlite.h"

namespace usher::e2e {
namespace {

namespace fs = std::filesystem;

constexpr int kPeople = 40;

ModelAnswer echo_of(const json::object& request) {
  ModelAnswer answer;
  answer.text = "echo: " + last_text(request, "user");
  return answer;
}

struct Shop {
  Shop() : world(echo_of) { world.configure(world.common_config() + World::shop_roles()); }
  ~Shop() { stop_chatting(); }

  fs::path data() const { return world.dir / "data"; }
  fs::path backup() const { return world.dir / "backup"; }
  ProcessResult make_backup() { return world.command({"backup", backup().string(), "--json"}); }
  ProcessResult restore(std::vector<std::string> more = {}) {
    std::vector<std::string> arguments{"restore", backup().string()};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return world.command(arguments);
  }

  // Everybody writes and goes on as soon as they are answered.
  void chat() {
    is_chatting = true;
    crowd = std::thread([this] {
      for (int round = 0; is_chatting; ++round) {
        for (int i = 0; i < kPeople; ++i) world.telegram.private_message(1000 + i, "round " + std::to_string(round));
        const std::size_t answered = static_cast<std::size_t>(round) * kPeople / 2;
        (void)world.telegram.wait_until([&] { return !is_chatting || world.telegram.sent().size() >= answered; },
                                        patience);
      }
    });
  }
  void wait_for_answers(std::size_t count) {
    world.wait_until([&] { return world.telegram.sent().size() >= count; }, "answers");
  }
  void stop_chatting() {
    is_chatting = false;
    if (crowd.joinable()) crowd.join();
  }

  World world;
  std::atomic<bool> is_chatting = false;
  std::thread crowd;
};

std::vector<fs::path> databases_in(const fs::path& folder) {
  std::vector<fs::path> found;
  for (const fs::directory_entry& entry : fs::recursive_directory_iterator(folder)) {
    if (entry.path().extension() == ".db" && entry.path().native().find("/index/") == std::string::npos) {
      found.push_back(entry.path());
    }
  }
  return found;
}

std::set<std::string> texts_in(const fs::path& file, const char* sql) {
  Result<store::Database> database = store::Database::open(file);
  REQUIRE_MESSAGE(database, file.string());
  std::set<std::string> texts;
  Result<void> read = database->query(sql, {}, [&](const store::Row& row) { texts.emplace(row.text(0)); });
  REQUIRE_MESSAGE(read, (read ? "" : read.error().message));
  return texts;
}

// The turns that some memory beneath `data` remembers.
std::set<std::string> remembered_turns(const fs::path& data) {
  std::set<std::string> turns;
  for (const fs::path& file : databases_in(data)) {
    if (file.native().find("/memory/") != std::string::npos) {
      turns.merge(texts_in(file, "SELECT turn FROM history WHERE turn IS NOT NULL"));
    }
  }
  return turns;
}

void check_private(const fs::path& folder) {
  struct stat info{};
  REQUIRE(::stat(folder.c_str(), &info) == 0);
  CHECK((info.st_mode & 0777) == 0700);
  for (const fs::directory_entry& entry : fs::recursive_directory_iterator(folder)) {
    CAPTURE(entry.path().string());
    REQUIRE(::stat(entry.path().c_str(), &info) == 0);
    CHECK((info.st_mode & 0777) == (entry.is_directory() ? 0700 : 0600));
  }
}

TEST_CASE("a backup made while people write is one moment of the whole, and what is restored from it serves them") {
  Shop shop;
  shop.world.run();
  shop.chat();
  shop.wait_for_answers(kPeople * 3);
  const json::object made = json_of(shop.make_backup());
  shop.stop_chatting();
  CHECK(made.at("state") == "done");
  CHECK(made.at("held_us").as_int64() > 0);
  CHECK(made.at("held_us").as_int64() < 2'000'000);
  MESSAGE("everything stood still for ", made.at("held_us").as_int64(), " us");
  check_private(shop.backup());
  CHECK(shop.world.stop() == 0);

  const ProcessResult restored = shop.restore({"--force"});
  REQUIRE_MESSAGE(restored.status == 0, restored.errors);
  std::size_t memories = 0;
  for (const fs::path& file : databases_in(shop.data())) {
    CAPTURE(file.string());
    CHECK(store::find_damage(file, true) == "");
    memories += file.native().find("/memory/") != std::string::npos ? 1 : 0;
  }
  CHECK(memories == kPeople);
  const std::set<std::string> turns = remembered_turns(shop.data());
  // "sent" was 2 in the first schema.
  const std::set<std::string> sent =
      texts_in(shop.data() / "gateway.db", "SELECT channel || ':' || platform_id FROM message WHERE state = 4");
  CHECK(sent.size() >= kPeople);
  for (const std::string& turn : sent) CHECK_MESSAGE(turns.contains(turn), turn);

  shop.world.run();
  CHECK(contains(shop.world.ask(ann, "still there?"), "still there?"));
}

TEST_CASE("a backup of a stopped gateway holds the same as one of a running gateway") {
  Shop shop;
  shop.world.run();
  shop.world.ask(ann, "my colour is turquoise");
  shop.world.write_file("data/default/files/shared/" + std::string(ann_digest) + "/note.txt", "a note");
  CHECK(shop.world.stop() == 0);
  const json::object made = json_of(shop.make_backup());
  CHECK(made.at("state") == "done");
  fs::remove_all(shop.data());
  REQUIRE(shop.restore().status == 0);
  CHECK(shop.world.read_file("data/default/files/shared/" + std::string(ann_digest) + "/note.txt") == "a note");
  shop.world.run();
  shop.world.ask(ann, "what is my colour?");
  CHECK(contains(json::serialize(shop.world.model.requests().back()), "my colour is turquoise"));
}

TEST_CASE("kill -9 in the middle of a backup leaves one that is refused") {
  Shop shop;
  shop.world.run();
  shop.chat();
  shop.wait_for_answers(kPeople * 2);
  Process backup(shop.world.process_options({"backup", shop.backup().string()}));
  shop.world.wait_until([&] { return fs::exists(shop.backup() / "default"); }, "the backup has begun");
  shop.world.kill();
  shop.stop_chatting();
  CHECK(backup.wait(patience) == 1);
  CHECK(contains(backup.errors(), "is incomplete"));
  CHECK_FALSE(fs::exists(shop.backup() / "backup.json"));
  const ProcessResult refused = shop.restore({"--force"});
  CHECK(refused.status == 1);
  CHECK(contains(refused.errors, "is no complete backup: backup.json is missing"));
  shop.world.run();  // nothing was touched
}

TEST_CASE("a backup that was changed by one byte, or lacks a file, is refused and data_dir stays as it was") {
  Shop shop;
  shop.world.run();
  shop.world.ask(ann, "hello");
  json_of(shop.make_backup());
  CHECK(shop.world.stop() == 0);
  std::vector<fs::path> files;
  for (const fs::directory_entry& entry : fs::recursive_directory_iterator(shop.backup())) {
    if (entry.is_regular_file() && entry.path().filename() != "backup.json") files.push_back(entry.path());
  }
  REQUIRE(files.size() >= 4);
  const fs::path copy = shop.world.dir / "copy";
  for (const fs::path& file : files) {
    CAPTURE(file.string());
    fs::copy_file(file, copy);
    std::fstream(file, std::ios::in | std::ios::out).seekp(30).put('\x7f');
    const ProcessResult changed = shop.restore({"--force"});
    CHECK(changed.status == 1);
    CHECK(contains(changed.errors, "its digest differs"));
    fs::remove(file);
    const ProcessResult missing = shop.restore({"--force"});
    CHECK(missing.status == 1);
    CHECK(contains(missing.errors, "is missing in the backup"));
    fs::rename(copy, file);
  }
  for (const fs::directory_entry& entry : fs::directory_iterator(shop.world.dir.path())) {
    CHECK_FALSE(contains(entry.path().filename().string(), "restore"));
  }
  shop.world.run();
  shop.world.ask(ann, "you remember me?");
  CHECK(contains(json::serialize(shop.world.model.requests().back()), "hello"));
}

TEST_CASE("what is in data_dir is not replaced unless asked, and then moved aside; never under a running gateway") {
  Shop shop;
  shop.world.run();
  shop.world.ask(ann, "the first");
  json_of(shop.make_backup());
  shop.world.ask(ann, "the second");
  CHECK(contains(shop.restore({"--force"}).errors, "is in use by another usher"));
  CHECK(shop.world.stop() == 0);
  CHECK(contains(shop.restore().errors, "--force moves it aside"));
  const json::object restored = json_of(shop.restore({"--force", "--json"}));
  const fs::path aside(std::string(restored.at("moved_to").as_string()));
  CHECK(contains(aside.string(), "data.before-restore-2"));
  CHECK(remembered_turns(aside).size() == 2);
  CHECK(remembered_turns(shop.data()).size() == 1);
  check_private(shop.data());
}

TEST_CASE("a backup is not made where something is, within data_dir, or beside another one") {
  Shop shop;
  shop.world.run();
  shop.world.write_file("backup/something", "mine");
  const ProcessResult full = shop.make_backup();
  CHECK(full.status == 1);
  CHECK(contains(full.errors, "is no empty folder"));
  CHECK(shop.world.read_file("backup/something") == "mine");
  const ProcessResult within = shop.world.command({"backup", (shop.data() / "backup").string()});
  CHECK(within.status == 1);
  CHECK(contains(within.errors, "lies within data_dir"));
  CHECK(shop.world.command({"backup", (shop.world.dir / "no/such/folder").string()}).status == 1);
}

}  // namespace
}  // namespace usher::e2e
