// What this process does with its file descriptors. How many it may have open is shared out: without it, open memories
// keep the connections of everybody waiting, and forever.
#pragma once

#include <cstddef>

namespace usher::app {

struct DescriptorShare {
  std::size_t memories;     // open memory databases
  std::size_t turns;        // turns at once
  std::size_t connections;  // of the HTTP API
};

// Pure. Never nothing: with very few descriptors usher is slow, not stuck.
DescriptorShare share_descriptors(std::size_t limit);

// Raises the soft limit towards the hard one; returns what holds now.
std::size_t raise_descriptor_limit();

// Opens /dev/null wherever standard input, output or error is closed: the next file that is opened would take the
// place, be read as what somebody types and have the log written into it. False when that cannot be done. Before
// anything else.
bool occupy_standard_descriptors();

}  // namespace usher::app
