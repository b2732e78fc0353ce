// Answers that people can watch growing: each a message that is created once and edited at a steady pace, until the
// final text takes its place. At most one in a chat, and some dozens in all; a preview that meets a limit stops, so
// that the final text never has to wait for it. Event-loop thread only; `rest` must outlive join().
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <memory>
#include <string>
#include <string_view>

#include "base/async.h"
#include "base/result.h"
#include "channel/channel.h"
#include "channels/discord/discord.h"
#include "channels/discord/rest/rest.h"

namespace usher::discord {

class Previews {
 public:
  Previews(asio::any_io_executor executor, Rest& rest, const DiscordOptions& options);
  ~Previews();

  void grow(const channel::Outgoing& answer, std::string_view piece);
  // Before the final text leaves: no call of the preview begins any more; resolves when the last has ended, with the id
  // of the message that stands there, "" = none known. The same again until forget(). Fails at the deadline.
  Task<Result<std::string>> end(std::string idempotency, Deadline deadline);
  void forget(const std::string& idempotency);

  // Ends all; resolves when their calls have ended.
  Task<void> join();

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace usher::discord
