// What a bot says: replies in parts with nonces, growing previews by paced edits, answers to interactions, long answers
// as a file, the typing action and the reaction that acknowledges a message. Event-loop thread only; `rest` must
// outlive it. Every create and edit carries allowed_mentions none.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "base/async.h"
#include "base/result.h"
#include "channel/channel.h"
#include "channels/discord/discord.h"
#include "channels/discord/outbound/previews.h"
#include "channels/discord/rest/rest.h"

namespace usher::discord {

class Outbound {
 public:
  // `executor` runs what nobody waits for.
  Outbound(asio::any_io_executor executor, Rest& rest, const DiscordOptions& options);
  ~Outbound();

  // As of Previews.
  void recall(const Standing& left, std::function<void()> changed);
  Standing standing() const;

  // See channel::Channel. Part n of a reply is created with the nonce "<idempotency>-<n>" (at most 25 characters) and
  // enforce_nonce; a create that returns a message of other words (a preview) is followed by an edit.
  Task<Result<channel::Delivery>> send(channel::Outgoing message, channel::Passage& passage, Deadline deadline);
  bool can_send_now(const std::string& chat) const;
  // True before the first send already: a start asks it of what the last run left.
  static std::chrono::seconds resends_for(const channel::Outgoing& message);
  void show_progress(const channel::Outgoing& answer, std::string_view piece);
  void show_typing(const std::string& chat, const std::string& thread);
  // Puts the configured reaction under a message that was accepted; send() takes it away.
  void acknowledge(const channel::Incoming& message);

  // No new background work; resolves when the last has ended.
  Task<void> stop();

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace usher::discord
