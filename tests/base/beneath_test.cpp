#include "base/beneath.h"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <fstream>
#include <string>
#include <thread>
#include <vector>

#include "base/files.h"
#include "support/temp_dir.h"

namespace usher {

struct BeneathTesting {
  static void forget_openat2(Beneath& beneath) { beneath.has_openat2_ = false; }
  static bool has_openat2(const Beneath& beneath) { return beneath.has_openat2_; }
};

namespace {

namespace fs = std::filesystem;
using testing::TempDir;

void put(const fs::path& path, std::string_view bytes) {
  fs::create_directories(path.parent_path());
  std::ofstream(path, std::ios::binary) << bytes;
}

std::string get(const fs::path& path) { return read_file(path, 1 << 20).value(); }

mode_t mode_of(const fs::path& path) {
  struct stat status{};
  REQUIRE(::lstat(path.c_str(), &status) == 0);
  return status.st_mode & 07777;
}

std::vector<std::string> names_of(const Result<std::vector<FileEntry>>& entries) {
  std::vector<std::string> names;
  for (const FileEntry& entry : entries.value()) names.push_back(entry.path);
  return names;
}

// A root with something outside it worth stealing. Every test case runs twice: as the kernel allows, and by the walk.
struct Rooms {
  TempDir dir;
  fs::path root = dir / "root";
  fs::path secret = dir / "outside" / "secret.txt";
  Beneath beneath = make();

  Beneath make() {
    put(secret, "secret");
    put(root / "a.txt", "alpha");
    put(root / "sub" / "b.txt", "beta");
    return Beneath::open(root).value();
  }
};

void forget_openat2_in_second_run(Beneath& beneath) {
  SUBCASE("with openat2, if the kernel has it") {}
  SUBCASE("by the walk") { BeneathTesting::forget_openat2(beneath); }
}

#define CHECK_DENIED(expression)                                                                       \
  do {                                                                                                 \
    auto denied_result = (expression);                                                                 \
    CHECK_FALSE(denied_result.has_value());                                                            \
    if (!denied_result) CHECK(denied_result.error().kind == ErrorKind::denied);                        \
    if (!denied_result) CHECK(denied_result.error().message.find("usher-test-") == std::string::npos); \
  } while (false)

TEST_CASE("the kernel's own resolver is used where there is one") {
  Rooms rooms;
  WARN(BeneathTesting::has_openat2(rooms.beneath));
}

TEST_CASE("files beneath the root are read, up to the bound") {
  Rooms rooms;
  forget_openat2_in_second_run(rooms.beneath);
  CHECK(rooms.beneath.read("a.txt", 5).value() == "alpha");
  CHECK(rooms.beneath.read("sub/b.txt", 100).value() == "beta");
  CHECK(rooms.beneath.read("a.txt", 4).error().kind == ErrorKind::limit);
  CHECK(rooms.beneath.read("absent", 4).error().kind == ErrorKind::not_found);
  CHECK(rooms.beneath.read("absent/x", 4).error().kind == ErrorKind::not_found);
  CHECK(rooms.beneath.read("a.txt/x", 4).error().kind == ErrorKind::not_found);
  CHECK_DENIED(rooms.beneath.read("sub", 4));
}

TEST_CASE("only plain relative paths are asked of the kernel") {
  for (std::string path : {"a", "a/b", "a b/ü.txt", "...", "..a", "a..", ".hidden", "-x", "a\\..\\b"}) {
    CAPTURE(path);
    CHECK(is_plain_relative_path(path));
  }
  const std::string refused[] = {"",
                                 "/",
                                 "/etc/passwd",
                                 "..",
                                 "../a",
                                 "a/..",
                                 "a/../b",
                                 ".",
                                 "./a",
                                 "a/.",
                                 "a/./b",
                                 "a//b",
                                 "a/",
                                 "//a",
                                 std::string("a\0b", 3),
                                 "\xFF",
                                 "\xC0\xAE\xC0\xAE/a",
                                 std::string(1025, 'a')};
  Rooms rooms;
  forget_openat2_in_second_run(rooms.beneath);
  for (const std::string& path : refused) {
    CAPTURE(path);
    CHECK_FALSE(is_plain_relative_path(path));
    CHECK_DENIED(rooms.beneath.read(path, 100));
    CHECK_DENIED(rooms.beneath.write(path, "x"));
  }
  CHECK_DENIED(rooms.beneath.read("../outside/secret.txt", 100));
  CHECK_DENIED(rooms.beneath.list("..", 10));
  CHECK_DENIED(rooms.beneath.stat("sub/.."));
  CHECK(is_plain_relative_path(std::string(1024, 'a')));
}

TEST_CASE("no symlink is followed, wherever it stands and wherever it points") {
  Rooms rooms;
  forget_openat2_in_second_run(rooms.beneath);
  fs::create_symlink(rooms.secret, rooms.root / "absolute");
  fs::create_symlink("../outside/secret.txt", rooms.root / "relative");
  fs::create_symlink("a.txt", rooms.root / "inward");
  fs::create_symlink("nowhere", rooms.root / "dangling");
  fs::create_symlink("loop", rooms.root / "loop");
  fs::create_directory_symlink(rooms.secret.parent_path(), rooms.root / "out");
  fs::create_directory_symlink("sub", rooms.root / "in");
  for (std::string path :
       {"absolute", "relative", "inward", "dangling", "loop", "out/secret.txt", "in/b.txt", "out", "in"}) {
    CAPTURE(path);
    Result<std::string> bytes = rooms.beneath.read(path, 100);
    CHECK_FALSE(bytes.has_value());
    CHECK(bytes.error().kind == ErrorKind::denied);
    Result<void> written = rooms.beneath.write(path, "overwritten");
    CHECK_FALSE(written.has_value());
    CHECK(written.error().kind == ErrorKind::denied);
    CHECK(rooms.beneath.stat(path).error().kind == ErrorKind::denied);
    CHECK(rooms.beneath.list(path, 10).error().kind == ErrorKind::denied);
  }
  CHECK_DENIED(rooms.beneath.write("out/new.txt", "x"));
  CHECK_DENIED(rooms.beneath.write("out/deep/new.txt", "x"));
  CHECK(get(rooms.secret) == "secret");
  CHECK(get(rooms.root / "a.txt") == "alpha");
  CHECK(get(rooms.root / "sub" / "b.txt") == "beta");
  CHECK_FALSE(fs::exists(rooms.root / "nowhere"));
  CHECK_FALSE(fs::exists(rooms.secret.parent_path() / "new.txt"));
  CHECK_FALSE(fs::exists(rooms.secret.parent_path() / "deep"));
}

TEST_CASE("magic links of /proc lead nowhere") {
  Rooms rooms;
  forget_openat2_in_second_run(rooms.beneath);
  int held = ::open(rooms.secret.c_str(), O_RDONLY | O_CLOEXEC);
  fs::create_directory_symlink("/proc/self/root", rooms.root / "slash");
  fs::create_symlink("/proc/self/fd/" + std::to_string(held), rooms.root / "fd");
  CHECK_DENIED(rooms.beneath.read("slash/etc/passwd", 10'000));
  CHECK_DENIED(rooms.beneath.read("fd", 100));
  Beneath proc = Beneath::open("/proc/self").value();
  forget_openat2_in_second_run(proc);
  CHECK_DENIED(proc.read("root/etc/passwd", 10'000));
  CHECK_DENIED(proc.read("cwd/a.txt", 10'000));
  CHECK_DENIED(proc.read("fd/" + std::to_string(held), 100));
  CHECK_DENIED(proc.read("exe", 100));
  ::close(held);
}

TEST_CASE("other file systems are beyond the root") {
  Beneath everything = Beneath::open("/").value();
  forget_openat2_in_second_run(everything);
  CHECK_DENIED(everything.read("proc/self/status", 100'000));
  CHECK_DENIED(everything.read("proc/version", 100'000));
  CHECK_DENIED(everything.list("proc", 10));
  CHECK_DENIED(everything.stat("proc"));
}

TEST_CASE("pipes, sockets and devices are refused without waiting for them") {
  Rooms rooms;
  forget_openat2_in_second_run(rooms.beneath);
  REQUIRE(::mkfifo((rooms.root / "pipe").c_str(), 0600) == 0);
  int listener = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_un address{.sun_family = AF_UNIX};
  std::string name = (rooms.root / "socket").string();
  REQUIRE(name.size() < sizeof address.sun_path);
  std::copy(name.begin(), name.end(), address.sun_path);
  REQUIRE(::bind(listener, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0);
  for (std::string path : {"pipe", "socket"}) {
    CAPTURE(path);
    CHECK_DENIED(rooms.beneath.read(path, 100));
    CHECK_DENIED(rooms.beneath.write(path, "x"));
    CHECK_DENIED(rooms.beneath.stat(path));
  }
  CHECK(names_of(rooms.beneath.list("", 10)) == std::vector<std::string>{"a.txt", "sub"});
  ::close(listener);
  Beneath devices = Beneath::open("/dev").value();
  forget_openat2_in_second_run(devices);
  CHECK_DENIED(devices.read("zero", 100));
}

TEST_CASE("a file with a second name is never written through") {
  Rooms rooms;
  forget_openat2_in_second_run(rooms.beneath);
  fs::create_hard_link(rooms.secret, rooms.root / "twin");
  CHECK_DENIED(rooms.beneath.write("twin", "overwritten"));
  CHECK(get(rooms.secret) == "secret");
  CHECK(fs::hard_link_count(rooms.secret) == 2);
}

TEST_CASE("a written file is private, whole, and the only trace") {
  Rooms rooms;
  forget_openat2_in_second_run(rooms.beneath);
  REQUIRE(rooms.beneath.write("new/deep/c.txt", "gamma").has_value());
  CHECK(get(rooms.root / "new" / "deep" / "c.txt") == "gamma");
  CHECK(mode_of(rooms.root / "new") == 0700);
  CHECK(mode_of(rooms.root / "new" / "deep") == 0700);
  CHECK(mode_of(rooms.root / "new" / "deep" / "c.txt") == 0600);
  REQUIRE(rooms.beneath.write("new/deep/c.txt", "").has_value());
  CHECK(get(rooms.root / "new" / "deep" / "c.txt").empty());
  CHECK(std::distance(fs::directory_iterator(rooms.root / "new" / "deep"), {}) == 1);
  CHECK_DENIED(rooms.beneath.write("sub", "a directory"));
  CHECK_FALSE(rooms.beneath.write("a.txt/below", "x").has_value());
  CHECK(rooms.beneath.write(std::string(256, 'n'), "x").error().kind == ErrorKind::invalid);
}

TEST_CASE("replacing a file does not disturb who is reading it") {
  Rooms rooms;
  forget_openat2_in_second_run(rooms.beneath);
  std::ifstream reader(rooms.root / "a.txt");
  REQUIRE(rooms.beneath.write("a.txt", "omega").has_value());
  std::string seen;
  reader >> seen;
  CHECK(seen == "alpha");
  CHECK(get(rooms.root / "a.txt") == "omega");
}

TEST_CASE("a write that fails half-way leaves the old file and nothing else") {
  Rooms rooms;
  forget_openat2_in_second_run(rooms.beneath);
  // A limit on file sizes stands in for a full disk.
  rlimit before{};
  REQUIRE(::getrlimit(RLIMIT_FSIZE, &before) == 0);
  auto handler = ::signal(SIGXFSZ, SIG_IGN);
  rlimit small{4'096, before.rlim_max};
  REQUIRE(::setrlimit(RLIMIT_FSIZE, &small) == 0);
  Result<void> written = rooms.beneath.write("a.txt", std::string(100'000, 'x'));
  REQUIRE(::setrlimit(RLIMIT_FSIZE, &before) == 0);
  ::signal(SIGXFSZ, handler);
  REQUIRE_FALSE(written.has_value());
  CHECK(written.error().kind == ErrorKind::io);
  CHECK(get(rooms.root / "a.txt") == "alpha");
  CHECK(std::distance(fs::directory_iterator(rooms.root), {}) == 2);
}

TEST_CASE("a listing is sorted, bounded, and holds only what can be opened") {
  Rooms rooms;
  forget_openat2_in_second_run(rooms.beneath);
  put(rooms.root / "sub" / "a.txt", "aa");
  put(rooms.root / "sub" / "C.txt", "");
  put(rooms.root / "sub" / "\xFF.txt", "no name that can be asked for");
  put(rooms.root / "sub" / ".usher-writing-0123", "left by a crash");
  fs::create_directory(rooms.root / "sub" / "d");
  fs::create_symlink("a.txt", rooms.root / "sub" / "link");
  using Names = std::vector<std::string>;
  CHECK(names_of(rooms.beneath.list("sub", 10)) == Names{"sub/C.txt", "sub/a.txt", "sub/b.txt", "sub/d"});
  CHECK(names_of(rooms.beneath.list("sub", 2)) == Names{"sub/C.txt", "sub/a.txt"});
  CHECK(names_of(rooms.beneath.list("sub", 0)) == Names{});
  CHECK(names_of(rooms.beneath.list("", 10)) == Names{"a.txt", "sub"});
  CHECK(names_of(rooms.beneath.list(".", 10)) == Names{"a.txt", "sub"});
  CHECK_FALSE(rooms.beneath.list("a.txt", 10).has_value());
  CHECK(rooms.beneath.list("absent", 10).error().kind == ErrorKind::not_found);
}

TEST_CASE("an entry tells what it is and changes with the file") {
  Rooms rooms;
  forget_openat2_in_second_run(rooms.beneath);
  FileEntry file = rooms.beneath.stat("a.txt").value();
  CHECK(file.path == "a.txt");
  CHECK(file.size == 5);
  CHECK_FALSE(file.is_directory);
  CHECK(file.modified_ns > 0);
  CHECK(rooms.beneath.stat("sub")->is_directory);
  CHECK(rooms.beneath.stat("sub")->size == 0);
  CHECK(rooms.beneath.stat("")->is_directory);
  CHECK(rooms.beneath.stat("absent").error().kind == ErrorKind::not_found);
  REQUIRE(rooms.beneath.write("a.txt", "other").has_value());
  CHECK(rooms.beneath.stat("a.txt")->inode != file.inode);
}

TEST_CASE("the root is held by its descriptor: putting another directory in its place changes nothing") {
  Rooms rooms;
  forget_openat2_in_second_run(rooms.beneath);
  fs::rename(rooms.root, rooms.dir / "moved");
  fs::create_directory_symlink(rooms.secret.parent_path(), rooms.root);
  CHECK(rooms.beneath.read("a.txt", 100).value() == "alpha");
  CHECK(rooms.beneath.read("secret.txt", 100).error().kind == ErrorKind::not_found);
}

TEST_CASE("a directory swapped for a symlink again and again never lets a reader or a writer out") {
  Rooms rooms;
  forget_openat2_in_second_run(rooms.beneath);
  fs::path outside = rooms.secret.parent_path();
  put(outside / "b.txt", "secret");
  fs::create_directory_symlink(outside, rooms.root / "link");
  std::atomic<bool> stop = false;
  std::thread attacker([&] {
    while (!stop) {
      ::renameat2(AT_FDCWD, (rooms.root / "sub").c_str(), AT_FDCWD, (rooms.root / "link").c_str(), RENAME_EXCHANGE);
    }
  });
  int escapes = 0;
  for (int i = 0; i < 1'500; ++i) {
    Result<std::string> bytes = rooms.beneath.read("sub/b.txt", 100);
    if (bytes && *bytes == "secret") ++escapes;
    // May succeed in the directory or be refused at the symlink; where it must not arrive is checked below.
    (void)rooms.beneath.write("sub/w.txt", "written");
  }
  stop = true;
  attacker.join();
  CHECK(escapes == 0);
  CHECK_FALSE(fs::exists(outside / "w.txt"));
}

TEST_CASE("a root must be a directory") {
  Rooms rooms;
  CHECK_FALSE(Beneath::open(rooms.root / "a.txt").has_value());
  CHECK(Beneath::open(rooms.root / "absent").error().kind == ErrorKind::not_found);
}

TEST_CASE("a moved-to Beneath works and the moved-from one is done") {
  Rooms rooms;
  Beneath moved = std::move(rooms.beneath);
  CHECK(moved.read("a.txt", 100).value() == "alpha");
  Beneath other = Beneath::open(rooms.secret.parent_path()).value();
  other = std::move(moved);
  CHECK(other.read("a.txt", 100).value() == "alpha");
}

}  // namespace
}  // namespace usher
