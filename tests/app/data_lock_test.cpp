#include "app/data_lock.h"

#include <doctest/doctest.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include "support/temp_dir.h"

using namespace usher;
using app::DataLock;

TEST_CASE("one owner a data_dir; the refusal names its pid; the lock goes with its owner") {
  testing::TempDir dir;
  const std::filesystem::path data = dir / "data";
  CHECK_FALSE(DataLock::holder(data));
  {
    Result<DataLock> first = DataLock::acquire(data);
    REQUIRE(first);
    Result<DataLock> second = DataLock::acquire(data);
    REQUIRE_FALSE(second);
    CHECK(second.error().kind == ErrorKind::busy);
    CHECK(second.error().message.find(fmt::format("pid {}", ::getpid())) != std::string::npos);
    CHECK(DataLock::holder(data) == ::getpid());
  }
  CHECK_FALSE(DataLock::holder(data));
  CHECK(DataLock::acquire(data));
}

TEST_CASE("the data_dir is made for its owner alone") {
  testing::TempDir dir;
  REQUIRE(DataLock::acquire(dir / "a"));
  struct stat info{};
  REQUIRE(::stat((dir / "a").c_str(), &info) == 0);
  CHECK((info.st_mode & 0777) == 0700);
}
