#include "gateway/intake/backlog.h"

#include <fmt/format.h>

namespace usher::gateway {

Result<void> Backlog::check_room(const channel::Channel& channel, std::size_t more) const {
  const auto found = unfinished_of_.find(&channel);
  const std::size_t of_channel = found != unfinished_of_.end() ? found->second : 0;
  if (unfinished_ + more > max_unfinished_ || of_channel + more > max_unfinished_of_channel_) {
    return fail(ErrorKind::limit, fmt::format("the inbox is full: {} messages wait for their answers, {} of {}",
                                              unfinished_, of_channel, channel.name()));
  }
  return {};
}

void Backlog::add(const channel::Channel& channel, std::size_t messages) {
  unfinished_ += messages;
  unfinished_of_[&channel] += messages;
}

void Backlog::remove(const channel::Channel& channel, std::size_t messages) {
  unfinished_ -= messages;
  unfinished_of_[&channel] -= messages;
}

}  // namespace usher::gateway
