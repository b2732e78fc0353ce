#include "app/descriptors.h"

#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <utility>

namespace usher::app {
namespace {

// Databases, their logs, the log, the loop, polling, idle connections.
constexpr std::size_t kOwn = 64;
// A turn has a connection to the model and one to the platform, and its memory is open beyond those that are kept.
constexpr std::size_t kEachTurn = 4;
// The file and its log.
constexpr std::size_t kEachMemory = 2;
constexpr std::size_t kLeast = 4;
constexpr std::size_t kMostMemories = 1024;
constexpr std::size_t kMostTurns = 256;
constexpr std::size_t kMostConnections = 512;
// Enough for the most of everything.
constexpr rlim_t kWanted = 4096;
static_assert(kOwn + kMostConnections + kMostTurns * kEachTurn + kMostMemories * kEachMemory <= kWanted);

}  // namespace

DescriptorShare share_descriptors(std::size_t limit) {
  const std::size_t shared = limit > kOwn ? limit - kOwn : 0;
  const std::size_t connections = std::clamp(shared / 4, kLeast, kMostConnections);
  const std::size_t rest = shared > connections ? shared - connections : 0;
  // Where there are few, as many turns as memories.
  const std::size_t turns = std::clamp(rest / (kEachTurn + kEachMemory), kLeast, kMostTurns);
  const std::size_t for_turns = turns * kEachTurn;
  const std::size_t memories = rest > for_turns ? (rest - for_turns) / kEachMemory : 0;
  return {std::clamp(memories, kLeast, kMostMemories), turns, connections};
}

std::size_t raise_descriptor_limit() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return 0;
  const rlimit wanted{std::max(limit.rlim_cur, std::min(limit.rlim_max, kWanted)), limit.rlim_max};
  if (::setrlimit(RLIMIT_NOFILE, &wanted) == 0) limit = wanted;
  return static_cast<std::size_t>(limit.rlim_cur);
}

bool occupy_standard_descriptors() {
  // Data that was asked for and cannot be written must still be an error, so nothing can be written to standard output.
  constexpr std::pair<int, int> kModes[] = {
      {STDIN_FILENO, O_RDONLY}, {STDOUT_FILENO, O_RDONLY}, {STDERR_FILENO, O_WRONLY}};
  for (const auto& [descriptor, mode] : kModes) {
    if (::fcntl(descriptor, F_GETFD) >= 0) continue;
    // The lowest that is free, so this one.
    if (::open("/dev/null", mode) != descriptor) return false;
  }
  return true;
}

}  // namespace usher::app
