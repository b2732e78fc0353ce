// How many files and connections this process may have open, shared out: without it, open memories keep the connections
// of everybody waiting, and forever.
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

}  // namespace usher::app
