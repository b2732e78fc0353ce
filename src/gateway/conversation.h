// Which conversation a message belongs to. Pure.
#pragma once

#include <string>

#include "base/sender.h"
#include "channel/channel.h"

namespace usher::gateway {

inline Conversation conversation_of(const channel::Incoming& incoming, const std::string& tenant) {
  return {.channel = incoming.channel,
          .chat = incoming.chat,
          .thread = incoming.thread,
          .sender = {.tenant = tenant, .kind = incoming.kind, .id = incoming.sender_id}};
}

// The key of its conversation: turns of one lane run one after the other.
inline std::string lane_of(const channel::Incoming& incoming, const channel::Channel& channel) {
  return conversation_key(conversation_of(incoming, channel.tenant()));
}

}  // namespace usher::gateway
