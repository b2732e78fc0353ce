#include "app/descriptors.h"

#include <doctest/doctest.h>

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
