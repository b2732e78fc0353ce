// How many messages are accepted and not done, of all channels and of each, and how many there may be. A message counts
// from before it is committed until its reply is off our hands. Event-loop thread.
#pragma once

#include <cstddef>
#include <unordered_map>

#include "base/result.h"
#include "channel/channel.h"

namespace usher::gateway {

class Backlog {
 public:
  Backlog(std::size_t max_unfinished, std::size_t max_unfinished_of_channel)
      : max_unfinished_(max_unfinished), max_unfinished_of_channel_(max_unfinished_of_channel) {}

  // Fails with limit when that many more would be too many, for all or for that channel.
  Result<void> check_room(const channel::Channel& channel, std::size_t more) const;
  void add(const channel::Channel& channel, std::size_t messages);
  void remove(const channel::Channel& channel, std::size_t messages);

 private:
  std::size_t max_unfinished_;
  std::size_t max_unfinished_of_channel_;
  std::size_t unfinished_ = 0;  // of all channels
  std::unordered_map<const channel::Channel*, std::size_t> unfinished_of_;
};

}  // namespace usher::gateway
