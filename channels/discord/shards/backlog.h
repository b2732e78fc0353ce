// The events of one shard that have come and are not on disk yet, in order. Bounded: whoever reads the socket stops
// when it is full. Event-loop thread only.
#pragma once

#include <cstddef>
#include <deque>
#include <optional>
#include <string>

#include "channels/discord/gateway/session.h"

namespace usher::discord {

struct Event {
  std::string type;
  std::string text;  // the whole message of the gateway
  Mark through;      // committing it commits everything up to here
};

class Backlog {
 public:
  static constexpr std::size_t kMaxEvents = 1024, kMaxBytes = 4u << 20;

  // One more always fits; is_full() is to be asked before reading it.
  void add(Event event) {
    bytes_ += event.text.size();
    events_.push_back(std::move(event));
  }
  // An event that nobody wants goes with the last one before it; its mark comes back when there is none.
  std::optional<Mark> skip(Mark mark) {
    if (events_.empty()) return mark;
    events_.back().through = mark;
    return std::nullopt;
  }
  // Stays where it is until pop(), whatever is added.
  const Event& front() const { return events_.front(); }
  void pop() {
    bytes_ -= events_.front().text.size();
    events_.pop_front();
  }
  std::size_t size() const { return events_.size(); }
  bool is_empty() const { return events_.empty(); }
  bool is_full() const { return events_.size() >= kMaxEvents || bytes_ >= kMaxBytes; }

 private:
  std::deque<Event> events_;
  std::size_t bytes_ = 0;
};

}  // namespace usher::discord
