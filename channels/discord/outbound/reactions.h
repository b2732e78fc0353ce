// The reaction that says a message was accepted, until it is answered. One call at a time and best effort; what was not
// put yet when it is to be taken away is never put. Event-loop thread only; `rest` must outlive join().
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <memory>
#include <string>

#include "base/async.h"
#include "channels/discord/rest/rest.h"

namespace usher::discord {

class Reactions {
 public:
  // `emoji` "" = none: then nothing here does anything.
  Reactions(asio::any_io_executor executor, Rest& rest, std::string emoji);
  ~Reactions();

  void put(const std::string& chat, const std::string& message);
  void take_away(const std::string& chat, const std::string& message);
  // Ends all; resolves when the last call has ended.
  Task<void> join();

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace usher::discord
