#include "base/files.h"

#include <doctest/doctest.h>
#include <sys/stat.h>

#include <fstream>
#include <string>

#include "support/temp_dir.h"

namespace usher {
namespace {

using testing::TempDir;

void put(const std::filesystem::path& path, std::string_view bytes) { std::ofstream(path, std::ios::binary) << bytes; }

mode_t mode_of(const std::filesystem::path& path) {
  struct stat status{};
  REQUIRE(::stat(path.c_str(), &status) == 0);
  return status.st_mode & 07777;
}

TEST_CASE("a file is read whole, up to its bound") {
  TempDir dir;
  put(dir / "f", std::string("a\0b\n", 4));
  CHECK(read_file(dir / "f", 4).value() == std::string("a\0b\n", 4));
  Result<std::string> longer = read_file(dir / "f", 3);
  REQUIRE_FALSE(longer.has_value());
  CHECK(longer.error().kind == ErrorKind::limit);
  put(dir / "empty", "");
  CHECK(read_file(dir / "empty", 0).value().empty());
  put(dir / "big", std::string(100'000, 'x'));
  CHECK(read_file(dir / "big", 1 << 20).value().size() == 100'000);
}

TEST_CASE("a file whose size the kernel does not say is read whole") {
  Result<std::string> status = read_file("/proc/self/status", 1 << 20);
  REQUIRE(status.has_value());
  CHECK(status->starts_with("Name:"));
  CHECK(status->find("voluntary_ctxt_switches") != std::string::npos);
  CHECK_FALSE(read_file("/proc/self/status", 10).has_value());
}

TEST_CASE("what is no regular file is refused, without waiting for a writer") {
  TempDir dir;
  REQUIRE(::mkfifo((dir / "pipe").c_str(), 0600) == 0);
  CHECK(read_file(dir / "pipe", 10).error().kind == ErrorKind::denied);
  CHECK(read_file(dir.path(), 10).error().kind == ErrorKind::denied);
  CHECK(read_file("/dev/zero", 10).error().kind == ErrorKind::denied);
  CHECK(read_file(dir / "absent", 10).error().kind == ErrorKind::not_found);
}

TEST_CASE("private directories are made with mode 0700, and existing ones are left alone") {
  TempDir dir;
  std::filesystem::create_directory(dir / "open");
  REQUIRE(::chmod((dir / "open").c_str(), 0755) == 0);
  REQUIRE(make_private_directories(dir / "open" / "a" / "b").has_value());
  CHECK(mode_of(dir / "open") == 0755);
  CHECK(mode_of(dir / "open" / "a") == 0700);
  CHECK(mode_of(dir / "open" / "a" / "b") == 0700);
  CHECK(make_private_directories(dir / "open" / "a" / "b").has_value());
  CHECK(make_private_directories((dir / "open" / "slash").string() + "/").has_value());
  CHECK(mode_of(dir / "open" / "slash") == 0700);
}

TEST_CASE("a file in the place of a directory is an error") {
  TempDir dir;
  put(dir / "f", "x");
  CHECK_FALSE(make_private_directories(dir / "f").has_value());
  CHECK_FALSE(make_private_directories(dir / "f" / "below").has_value());
}

}  // namespace
}  // namespace usher
