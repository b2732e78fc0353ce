#include <doctest/doctest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fstream>
#include <sstream>

#include "tool/seat_fixture.h"

namespace {

using namespace usher;
using testing::SeatFixture;

std::string content(const std::filesystem::path& file) {
  std::ifstream in(file, std::ios::binary);
  return (std::ostringstream() << in.rdbuf()).str();
}
mode_t mode_of(const std::filesystem::path& path) {
  struct stat status{};
  REQUIRE(::stat(path.c_str(), &status) == 0);
  return status.st_mode & 0777;
}
std::string path_argument(const std::string& path) { return json::serialize(json::object{{"path", path}}); }
std::string writing(const std::string& path, const std::string& text) {
  return json::serialize(json::object{{"path", path}, {"content", text}});
}

TEST_CASE("the first write makes the sender's own directory for them alone") {
  SeatFixture f;
  CHECK(f.say("file_list", R"({"path":"files"})") == "files/ is empty\n");
  CHECK_FALSE(std::filesystem::exists(f.files));
  CHECK(f.say("file_write", writing("files/notes/a.txt", "hello\n")) == "Wrote 6 bytes to files/notes/a.txt.");
  CHECK(mode_of(f.files) == 0700);
  CHECK(mode_of(f.files / "notes" / "a.txt") == 0600);
  CHECK(f.say("file_read", path_argument("files/notes/a.txt")) == "hello\n");
  CHECK(f.say("file_list", R"({"path":"files/notes/"})") == "files/notes/a.txt  (6 bytes)\n");
}

TEST_CASE("the role's workspace is read, never written") {
  SeatFixture f;
  f.put(f.root / "AGENTS.md", "rules");
  CHECK(f.say("file_read", path_argument("workspace/AGENTS.md")) == "rules");
  for (const char* path :
       {"workspace/AGENTS.md", "workspace/messages.toml", "workspace/new.txt", "workspace/sub/new.txt"}) {
    CAPTURE(path);
    CHECK(f.say("file_write", writing(path, "evil")).starts_with("denied: workspace/ is read-only"));
  }
  CHECK(f.say("file_edit", R"({"path":"workspace/AGENTS.md","old":"rules","new":"evil"})").starts_with("denied: "));
  CHECK(content(f.root / "AGENTS.md") == "rules");
  CHECK(std::distance(std::filesystem::directory_iterator(f.root), {}) == 1);
}

TEST_CASE("no path leads out of the two roots") {
  SeatFixture f;
  f.put(f.dir / "secret.txt", "secret");
  f.put(f.files / "mine.txt", "mine");
  std::filesystem::create_symlink(f.dir / "secret.txt", f.files / "link");
  std::filesystem::create_directory_symlink(f.dir.path(), f.files / "out");
  std::filesystem::create_directory_symlink(f.dir.path(), f.root / "out");
  std::string nul("files/mine.txt\0/x", 17);
  for (const std::string& path :
       {std::string("/etc/passwd"), std::string("../secret.txt"), std::string("files/../../../secret.txt"),
        std::string("files/./../x"), std::string("files//mine.txt"), std::string("files/./mine.txt"),
        std::string("secret.txt"), std::string("files/link"), std::string("files/out/secret.txt"),
        std::string("workspace/out/secret.txt"), std::string("filesystem/mine.txt"),
        std::string("files/") + std::string(2000, 'a'), nul, std::string("/proc/self/root/etc/passwd"),
        std::string("files/a/b/c/d/e/f/g/h/i/j/k")}) {
    CAPTURE(path);
    Result<tool::ToolOutput> read = f.call("file_read", path_argument(path));
    REQUIRE_FALSE(read);
    CHECK(read.error().message.find(f.dir.path().string()) == std::string::npos);
    CHECK_FALSE(f.call("file_write", writing(path, "evil")));
    CHECK_FALSE(f.call("file_edit", json::serialize(json::object{{"path", path}, {"old", "secret"}, {"new", "evil"}})));
  }
  CHECK_FALSE(f.call("file_list", R"({"path":"files/out"})"));
  CHECK(content(f.dir / "secret.txt") == "secret");
  CHECK(content(f.files / "mine.txt") == "mine");
}

TEST_CASE("special files, directories, hard links, binary and huge files are refused with a sentence") {
  SeatFixture f;
  f.put(f.files / "text", "x");
  REQUIRE(::mkfifo((f.files / "pipe").c_str(), 0600) == 0);
  std::filesystem::create_hard_link(f.files / "text", f.dir / "elsewhere");
  f.put(f.files / "binary", std::string("a\0b", 3));
  f.put(f.files / "latin1", "\xE9t\xE9");
  f.put(f.files / "huge", std::string((1u << 20) + 1, 'x'));
  CHECK_FALSE(f.call("file_read", path_argument("files/pipe")));
  CHECK_FALSE(f.call("file_read", path_argument("files")));
  CHECK_FALSE(f.call("file_write", writing("files/text", "y")));
  CHECK(content(f.dir / "elsewhere") == "x");
  CHECK(f.say("file_read", path_argument("files/binary")) == "invalid: 'files/binary' is not a text file");
  CHECK(f.say("file_read", path_argument("files/latin1")) == "invalid: 'files/latin1' is not a text file");
  CHECK(f.say("file_read", path_argument("files/huge")) == "limit: 'files/huge' is too large: at most 1024 KiB");
  CHECK(f.say("file_read", path_argument("files/none")) == "not_found: 'files/none' does not exist");
}

TEST_CASE("a long file is read in parts that say where to go on") {
  SeatFixture f;
  std::string text;
  for (int i = 1; i <= 10; ++i) text += "line " + std::to_string(i) + "\n";
  f.put(f.files / "ten", text);
  CHECK(f.say("file_read", path_argument("files/ten")) == text);
  CHECK(f.say("file_read", R"({"path":"files/ten","offset":2,"limit":2})") ==
        "line 2\nline 3\n[lines 2–3 of 10; go on with offset 4]");
  CHECK(f.say("file_read", R"({"path":"files/ten","offset":10})") == "line 10\n[lines 10–10 of 10]");
  CHECK(f.say("file_read", R"({"path":"files/ten","offset":11})") == "invalid: the file has only 10 lines");

  f.put(f.files / "wide", std::string(100'000, 'x') + "\nend");
  std::string wide = f.say("file_read", path_argument("files/wide"));
  CHECK(wide.size() < 13'000);
  CHECK(wide.ends_with("go on with offset 2]"));
  CHECK(f.say("file_read", R"({"path":"files/wide","offset":2})") == "end\n[lines 2–2 of 2]");
  std::string many;
  for (int i = 0; i < 100; ++i) many += std::string(999, 'x') + "\n";
  f.put(f.files / "many", many);
  std::string part = f.say("file_read", path_argument("files/many"));
  CHECK(part.size() < 12 * 1024 + 60);
  CHECK(part.ends_with("[lines 1–12 of 100; go on with offset 13]"));
  f.put(f.files / "empty", "");
  CHECK(f.say("file_read", path_argument("files/empty")) == "(the file is empty)");
}

TEST_CASE("an edit replaces exactly one occurrence or nothing") {
  SeatFixture f;
  f.put(f.files / "a", "one two one aaa");
  CHECK(f.say("file_edit", R"({"path":"files/a","old":"two","new":"2"})") == "Edited files/a, now 13 bytes.");
  CHECK(f.say("file_edit", R"({"path":"files/a","old":"one","new":"1"})")
            .starts_with("invalid: 'old' occurs more than once"));
  CHECK(f.say("file_edit", R"({"path":"files/a","old":"aa","new":"1"})")
            .starts_with("invalid: 'old' occurs more than once"));
  CHECK(f.say("file_edit", R"({"path":"files/a","old":"six","new":"6"})").starts_with("invalid: 'old' does not occur"));
  CHECK(f.say("file_edit", R"({"path":"files/a","old":"","new":"6"})") == "invalid: 'old' must not be empty");
  CHECK(content(f.files / "a") == "one 2 one aaa");
}

TEST_CASE("a sender cannot fill the disk with files") {
  SeatFixture f;
  std::filesystem::path own = f.files;
  for (int i = 0; i < 995; ++i) f.put(own / ("d" + std::to_string(i % 5)) / std::to_string(i), "");
  CHECK(f.say("file_write", writing("files/one-more", "x")).starts_with("limit: files/ is full"));
  std::filesystem::remove_all(own);
  f.put(own / "big", "");
  std::filesystem::resize_file(own / "big", (64u << 20) - 10);
  CHECK(f.call("file_write", writing("files/small", "x")));
  CHECK(f.say("file_write", writing("files/small2", std::string(100, 'x'))).starts_with("limit: files/ is full"));
}

TEST_CASE("a listing is bounded and says so") {
  SeatFixture f;
  for (int i = 0; i < 250; ++i) f.put(f.root / std::to_string(i), "x");
  std::string listing = f.say("file_list", R"({})");
  CHECK(listing.find("more than 200 entries") != std::string::npos);
  CHECK(std::ranges::count(listing, '\n') == 202);
  CHECK(listing.find("files/ is empty") != std::string::npos);
}

TEST_CASE("the policy judges the same place that is opened") {
  SeatFixture f;
  auto access = [&](const char* name, const std::string& path) {
    json::object arguments{{"path", path}};
    return tool::make_builtin(name, f.seat)->access(arguments);
  };
  CHECK(access("file_read", "files/a/b.txt").action == "file:read:files");
  CHECK(access("file_read", "files/a/b.txt").resource == "files/a/b.txt");
  CHECK(access("file_read", "workspace/x").action == "file:read:workspace");
  CHECK(access("file_write", "files/x").action == "file:write:files");
  CHECK(access("file_edit", "files/./x").action == "file:write:unknown");
  CHECK(access("file_list", "").action == "file:read:all");
  CHECK(access("file_list", "files/").resource == "files/");
}

}  // namespace
