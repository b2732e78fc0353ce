// What a bot says: replies in chunks, with the platform's refusals answered one by one, and the typing action.
// Event-loop thread only; the bot must outlive it.
#pragma once

#include <chrono>
#include <string>
#include <unordered_map>

#include "base/async.h"
#include "base/result.h"
#include "channel/channel.h"
#include "channels/telegram/bot.h"
#include "channels/telegram/codec.h"

namespace usher::telegram {

class Outbound {
 public:
  Outbound(Bot& bot, std::string name);

  // Chunk by chunk, in order, behind those that the passage says have arrived. Nothing is held back in advance: a 429
  // stops its chat until retry_after has passed, and everything once two chats are stopped at a time. A call of which
  // no answer came is not repeated: `unknown`.
  Task<Result<channel::Delivery>> send(channel::Outgoing message, channel::Passage& passage, Deadline deadline);
  bool can_send_now(const std::string& chat) const;

  // True when a typing action may go out now (at most one per chat and topic in `interval`), and notes it.
  bool may_show_typing(const std::string& chat, const std::string& thread, std::chrono::milliseconds interval);
  Task<void> send_typing(std::string chat, std::string thread);

 private:
  using Time = std::chrono::steady_clock::time_point;
  enum class Outcome { sent, empty, gone, unknown };

  Task<Result<Outcome>> send_chunk(Target& target, const Chunk& chunk, channel::Passage& passage, Deadline deadline);
  Task<Result<void>> wait_for_turn(std::string chat, channel::Passage& passage, Deadline deadline);
  // What to change before the chunk is tried again, or why it is not.
  Result<void> adapt(const ApiError& error, Target& target, bool& is_plain);
  void pause(const std::string& chat, std::chrono::seconds wait);
  Time paused_until(const std::string& chat) const;
  void remember_migration(const std::string& chat, const std::string& new_chat);
  std::string current_chat(const std::string& chat) const;

  Bot& bot_;
  std::string name_;
  std::unordered_map<std::string, Time> paused_;  // by chat
  Time all_paused_{};
  std::unordered_map<std::string, std::string> migrated_;  // old chat → new chat
  std::unordered_map<std::string, Time> typing_;           // by chat and topic
};

}  // namespace usher::telegram
