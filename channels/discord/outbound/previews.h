// Answers that people can watch growing: each a message that is created once and edited at a steady pace, until the
// final text takes its place. At most one in a chat, and some dozens in all; a preview that meets a limit stops, so
// that the final text never has to wait for it. Event-loop thread only; `rest` must outlive join().
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <cstddef>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "base/async.h"
#include "base/result.h"
#include "channel/channel.h"
#include "channels/discord/discord.h"
#include "channels/discord/rest/rest.h"

namespace usher::discord {

// The messages that stand for answers whose end was not sent: their ids, by idempotency. What the next process must
// know: Discord forgets after minutes by which nonce a message was made.
using Standing = std::map<std::string, std::string>;
inline constexpr std::size_t kMaxStanding = 64;

class Previews {
 public:
  Previews(asio::any_io_executor executor, Rest& rest, const DiscordOptions& options);
  ~Previews();

  // Before anything else: what an earlier process left standing. `changed` is called when standing() has changed.
  void recall(const Standing& left, std::function<void()> changed);
  Standing standing() const;  // the newest kMaxStanding

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
