#include "app/descriptors.h"

#include <sys/resource.h>

#include <algorithm>

namespace usher::app {
namespace {

// Databases, their logs, the log, the loop, polling, idle connections.
constexpr std::size_t kOwn = 40;
// A turn has its memory (the file and its log), a connection to the model and one to the platform; a memory that rests
// has two; and there is some air.
constexpr std::size_t kEach = 6;
constexpr std::size_t kLeast = 4;
constexpr std::size_t kMostMemories = 128;
constexpr std::size_t kMostTurns = 256;
constexpr std::size_t kMostConnections = 512;
constexpr rlim_t kWanted = 4096;

}  // namespace

DescriptorShare share_descriptors(std::size_t limit) {
  const std::size_t shared = limit > kOwn ? limit - kOwn : 0;
  const std::size_t connections = std::clamp(shared / 4, kLeast, kMostConnections);
  const std::size_t fit = shared > connections ? (shared - connections) / kEach : 0;
  return {std::clamp(fit, kLeast, kMostMemories), std::clamp(fit, kLeast, kMostTurns), connections};
}

std::size_t raise_descriptor_limit() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return 0;
  const rlimit wanted{std::max(limit.rlim_cur, std::min(limit.rlim_max, kWanted)), limit.rlim_max};
  if (::setrlimit(RLIMIT_NOFILE, &wanted) == 0) limit = wanted;
  return static_cast<std::size_t>(limit.rlim_cur);
}

}  // namespace usher::app
