// Which channel a chat is a thread of: a message says only where it was written, and whoever may open a thread under a
// channel must not leave its ceiling behind. Asked of Discord once a chat: a thread never moves. Event-loop thread
// only; `rest` must outlive it.
#pragma once

#include <memory>
#include <string>

#include "base/async.h"
#include "base/result.h"
#include "channels/discord/rest/rest.h"

namespace usher::discord {

class Threads {
 public:
  explicit Threads(Rest& rest);
  ~Threads();

  // "" for a chat that is no thread. An answer that does not come, or says less, is an error.
  Task<Result<std::string>> parent_of(const std::string& chat, Deadline deadline);

 private:
  struct State;
  std::shared_ptr<State> state_;  // shared with the questions under way
};

}  // namespace usher::discord
