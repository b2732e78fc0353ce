// What a backup is made of: the manifest, the look through data_dir, and the way back.
#include <doctest/doctest.h>
#include <sys/stat.h>

#include <algorithm>
#include <filesystem>
#include <fstream>

#include "app/backup/data_tree.h"
#include "app/backup/file_copy.h"
#include "app/backup/manifest.h"
#include "app/data_lock.h"
#include "app/restore/restore.h"
#include "app/restore/restored_ledger.h"
#include "base/files.h"
#include "base/hash.h"
#include "store/sqlite.h"
#include "support/temp_dir.h"

namespace usher::app {
namespace {

using testing::TempDir;
namespace fs = std::filesystem;

void write(const fs::path& file, const std::string& text) {
  fs::create_directories(file.parent_path());
  std::ofstream(file) << text;
}

std::string entry(const std::string& path) {
  return R"({"path":)" + path + R"(,"bytes":1,"sha256":")" + std::string(64, 'a') + R"("})";
}
std::string manifest_of(const std::string& files) { return R"({"format":1,"files":[)" + files + "]}"; }

TEST_CASE("a manifest survives its own JSON") {
  const Manifest manifest{.usher = "1.2.3",
                          .made_at = "2026-11-27T20:00:00.000Z",
                          .data_dir = "/var/lib/usher",
                          .files = {{.path = "a.db", .bytes = 4096, .sha256 = std::string(64, '0'), .schema = 3},
                                    {.path = "default/files/ü \"1\".txt", .bytes = 0, .sha256 = std::string(64, 'f')}}};
  const Result<Manifest> again = parse_manifest(to_json(manifest).value());
  REQUIRE(again);
  CHECK(again->usher == "1.2.3");
  CHECK(again->made_at == manifest.made_at);
  REQUIRE(again->files.size() == 2);
  CHECK(again->files[0].schema == 3);
  CHECK(again->files[1].path == manifest.files[1].path);
  CHECK_FALSE(again->files[1].schema.has_value());
}

TEST_CASE("a manifest cannot name what lies outside the backup, nor anything twice") {
  CHECK(parse_manifest(manifest_of(entry("\"a\"") + "," + entry("\"b/c\""))));
  for (const char* path : {"\"/etc/passwd\"", "\"../x\"", "\"a/../../x\"", "\"a//b\"", "\"./a\"", "\"a/\"", "\"\"",
                           "\"a\\u0000b\"", "\"backup.json\"", "\".\"", "7", "null"}) {
    CAPTURE(path);
    CHECK_FALSE(parse_manifest(manifest_of(entry(path))));
  }
  CHECK_FALSE(parse_manifest(manifest_of(entry("\"a\"") + "," + entry("\"a\""))));
  CHECK_FALSE(parse_manifest(manifest_of(entry("\"b\"") + "," + entry("\"a\""))));
}

TEST_CASE("what is no manifest of this format is refused") {
  for (const char* text : {"", "{", "[]", "{}", R"({"format":2,"files":[]})", R"({"format":1})",
                           R"({"format":1,"files":[{"path":"a","bytes":-1,"sha256":""}]})"}) {
    CAPTURE(text);
    const Result<Manifest> refused = parse_manifest(text);
    REQUIRE_FALSE(refused);
    CHECK(refused.error().message.starts_with("backup.json: "));
  }
}

TEST_CASE("everything beneath data_dir that cannot be made again is backed up") {
  CHECK(part_of("gateway.db") == Part::shared);
  CHECK(part_of("ledger.db") == Part::shared);
  CHECK(part_of("ledger-1-1000.db") == Part::segment);
  CHECK(part_of("checkpoints") == Part::file);
  CHECK(part_of("ledger.key") == Part::file);
  CHECK(part_of("default/memory/shop/abc.db") == Part::memory);
  CHECK(part_of("default/memory/shop/abc.db.corrupt-20261127T200000.000Z") == Part::file);
  CHECK(part_of("default/files/shop/abc/photo.db") == Part::file);
  CHECK(part_of("default/files/shop/abc/a.db-wal") == Part::file);
  for (const char* path : {"usher.lock", "usher.sock", "gateway.db-wal", "api.db-shm", "default/index/shop.db",
                           "default/memory/shop/abc.db-wal", "default/memory/shop/abc.db.77-1.new"}) {
    CAPTURE(path);
    CHECK(part_of(path) == Part::none);
  }
}

TEST_CASE("a look through data_dir follows no symlink, and sees every write") {
  TempDir dir;
  write(dir / "data/default/memory/shop/a.db", "1");
  write(dir / "data/default/files/shop/a/note", "2");
  write(dir / "outside", "secret");
  fs::create_symlink(dir / "outside", dir / "data/default/files/shop/a/link");
  fs::create_directory_symlink(dir.path(), dir / "data/default/files/all");
  const std::vector<Found> before = walk(dir / "data/").value();
  REQUIRE(before.size() == 2);
  write(dir / "data/default/memory/shop/a.db-wal", "more");
  const std::vector<Found> after = walk(dir / "data").value();
  REQUIRE(after.size() == 2);
  const auto stamp_of = [](const std::vector<Found>& found, Part part) {
    return std::ranges::find(found, part, &Found::part)->stamp;
  };
  CHECK(stamp_of(before, Part::memory) != stamp_of(after, Part::memory));
  CHECK(stamp_of(before, Part::file) == stamp_of(after, Part::file));
}

TEST_CASE("a write too close to the look for its time to tell is taken for one after it") {
  const std::chrono::nanoseconds now = std::chrono::nanoseconds(1'795'809'838'123'456'789);
  CHECK(is_racy({.written = now}, now));
  CHECK(is_racy({.written = now - std::chrono::seconds(9), .log_written = now - std::chrono::milliseconds(10)}, now));
  CHECK_FALSE(is_racy({.written = now - std::chrono::milliseconds(100)}, now));
  const std::chrono::nanoseconds whole = std::chrono::floor<std::chrono::seconds>(now);
  CHECK(is_racy({.written = whole - std::chrono::seconds(1)}, whole));  // a file system that counts seconds
  CHECK_FALSE(is_racy({.written = whole - std::chrono::seconds(3)}, whole));
}

struct Backup {
  Backup() {
    config.gateway.data_dir = dir / "data";
    config.audit.key_file = dir / "data/ledger.key";
    config.audit.checkpoint_file = dir / "data/checkpoints";
    write(dir / "backup/default/files/a", "note");
    add("default/files/a");
  }
  void add(const std::string& path) {
    const FileDigest digest = digest_file(dir / ("backup/" + path)).value();
    manifest.files.push_back({.path = path, .bytes = digest.bytes, .sha256 = digest.sha256, .schema = digest.schema});
    std::ranges::sort(manifest.files, {}, &BackedUpFile::path);
    write(dir / "backup/backup.json", to_json(manifest).value());
  }
  Result<Restored> restore_it(bool by_force = false) {
    return restore({.backup = dir / "backup", .config = config, .by_force = by_force, .now = {}},
                   [](std::int64_t, std::int64_t) {});
  }

  TempDir dir;
  config::Config config;
  Manifest manifest;
};

TEST_CASE("a backup is restored to where nothing is") {
  Backup backup;
  const Result<Restored> restored = backup.restore_it();
  REQUIRE_MESSAGE(restored, (restored ? "" : restored.error().message));
  CHECK(restored->moved_to.empty());
  CHECK(fs::file_size(backup.dir / "data/default/files/a") == 4);
  CHECK(std::distance(fs::directory_iterator(backup.dir.path()), {}) == 2);  // nothing is left beside them
}

TEST_CASE("a database with a right digest and damaged pages is not restored") {
  Backup backup;
  {
    store::Database database = std::move(*store::Database::open(backup.dir / "backup/api.db"));
    REQUIRE(database.script("CREATE TABLE t(text TEXT)"));
    for (int i = 0; i < 300; ++i) REQUIRE(database.run("INSERT INTO t VALUES(hex(randomblob(500)))"));
  }
  fs::remove(backup.dir / "backup/api.db-wal");
  std::fstream(backup.dir / "backup/api.db", std::ios::in | std::ios::out)
      .seekp(4096 * 9)
      .write(std::string(4096, 'x').data(), 4096);
  backup.add("api.db");
  const Result<Restored> refused = backup.restore_it();
  REQUIRE_FALSE(refused);
  CHECK(refused.error().message.starts_with("api.db in the backup"));
  CHECK_FALSE(fs::exists(backup.dir / "data/default"));
}

TEST_CASE("nothing is restored beneath a running usher, or through a symlink in the backup") {
  Backup backup;
  {
    const Result<DataLock> lock = DataLock::acquire(backup.dir / "data");
    REQUIRE(lock);
    const Result<Restored> refused = backup.restore_it(true);
    REQUIRE_FALSE(refused);
    CHECK(refused.error().kind == ErrorKind::busy);
  }
  fs::rename(backup.dir / "backup/default/files/a", backup.dir / "elsewhere");
  fs::create_symlink(backup.dir / "elsewhere", backup.dir / "backup/default/files/a");
  CHECK_FALSE(backup.restore_it());
}

TEST_CASE("checkpoints that were set aside are back where what follows fails") {
  TempDir dir;
  write(dir / "checkpoints", "all of them");
  const auto text_of = [&](const char* name) { return read_file(dir / name, 100).value_or("nothing"); };
  {
    Result<CheckpointsAside> aside = CheckpointsAside::move(dir / "checkpoints", dir / "aside", {"some\n"});
    REQUIRE(aside);
    CHECK(text_of("checkpoints") == "some\n\n");
    CHECK(text_of("aside") == "all of them");
  }
  CHECK(text_of("checkpoints") == "all of them");
  CHECK_FALSE(fs::exists(dir / "aside"));
  CheckpointsAside::move(dir / "checkpoints", dir / "aside", {})->keep();
  CHECK(text_of("aside") == "all of them");
  CHECK_FALSE(fs::exists(dir / "checkpoints"));
}

TEST_CASE("a backup on which usher would not start is not restored") {
  Backup backup;
  write(backup.dir / "backup/ledger.key", "no key");
  write(backup.dir / "backup/checkpoints", "usher");
  backup.add("checkpoints");
  backup.add("ledger.key");
  const Result<Restored> refused = backup.restore_it();
  REQUIRE_FALSE(refused);
  CHECK(refused.error().message.starts_with("usher would not start: " + (backup.dir / "backup").native()));
  CHECK_FALSE(fs::exists(backup.dir / "data/default"));
}

TEST_CASE("two restores in one second leave two old folders and lose none") {
  Backup backup;
  write(backup.dir / "data/first", "1");
  const Result<Restored> first = backup.restore_it(true);
  write(backup.dir / "data/second", "2");
  const Result<Restored> second = backup.restore_it(true);
  REQUIRE(first);
  REQUIRE(second);
  CHECK(first->moved_to != second->moved_to);
  CHECK(fs::exists(first->moved_to / "first"));
  CHECK(fs::exists(second->moved_to / "second"));
}

}  // namespace
}  // namespace usher::app
