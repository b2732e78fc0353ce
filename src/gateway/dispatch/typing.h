// Shows "typing…" in the chats of turns that take a while, again and again until they end. Event-loop thread.
#pragma once

#include <memory>
#include <string>

#include "base/async.h"
#include "channel/channel.h"

namespace usher::gateway {

class Typing {
 public:
  explicit Typing(asio::any_io_executor loop);
  ~Typing();
  Typing(const Typing&) = delete;
  Typing& operator=(const Typing&) = delete;

  // From now on, until end(); one turn a lane. `channel` outlives it.
  void begin(const std::string& lane, channel::Channel& channel, std::string chat, std::string thread);
  void end(const std::string& lane);
  // Shows nothing any more.
  void stop();

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace usher::gateway
