#include "app/descriptors.h"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <initializer_list>

using usher::app::DescriptorShare;
using usher::app::share_descriptors;

TEST_CASE("memories, turns and connections together fit into the descriptors, and there is always some of both") {
  for (const std::size_t limit : {64u, 100u, 256u, 1024u, 4096u, 1048576u}) {
    CAPTURE(limit);
    const DescriptorShare share = share_descriptors(limit);
    CHECK(share.memories >= 4);
    CHECK(share.turns >= 4);
    // Two for each memory, kept open or in a turn beyond those; two connections for each turn; twenty of the process.
    CHECK(share.connections >= 4);
    CHECK(2 * (share.memories + share.turns) + 2 * share.turns + share.connections + 20 <= limit);
  }
  CHECK(share_descriptors(0).turns == 4);
  CHECK(share_descriptors(4096).turns == 256);
  CHECK(share_descriptors(4096).memories == 1024);
  CHECK(share_descriptors(1048576).memories == 1024);
  CHECK(share_descriptors(1024).memories >= 100);
}

TEST_CASE("no file takes the place of a standard descriptor that is closed, and lost output is still an error") {
  const pid_t child = ::fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    for (const int descriptor : {0, 1, 2}) ::close(descriptor);
    char byte = 0;
    const bool is_held = usher::app::occupy_standard_descriptors() && ::open("/dev/zero", O_RDONLY) > 2;
    const bool is_right = ::read(0, &byte, 1) == 0 && ::write(1, "x", 1) < 0 && ::write(2, "x", 1) == 1;
    ::_exit(is_held && is_right ? 0 : 1);
  }
  int status = 0;
  REQUIRE(::waitpid(child, &status, 0) == child);
  CHECK((WIFEXITED(status) && WEXITSTATUS(status) == 0));
}
