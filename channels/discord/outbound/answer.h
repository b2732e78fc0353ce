// A reply as Discord will hold it: its parts, and where they go. Pure; any thread.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "channel/channel.h"
#include "channels/discord/discord.h"
#include "channels/discord/interactions/address.h"
#include "channels/discord/outbound/payload.h"

namespace usher::discord {

struct Answer {
  std::string chat;
  std::string reply_to;  // the message to quote in the first part, "" = none
  std::optional<InteractionAddress> interaction;
  std::string idempotency;
  std::vector<Said> parts;
  std::string whole;  // all of it, as it was written
};

// No parts when there is nothing to read. An answer longer than a message becomes its beginning and a file, if
// `long_reply` says so or only whoever asked may read it: then there is no other place for the rest.
Answer answer_of(const channel::Outgoing& message, LongReply long_reply);

// What the first part would be if the text ended here, and whether the rest would go into others.
struct Beginning {
  std::string content;
  bool is_full = false;
};
Beginning beginning_of(std::string_view text, LongReply long_reply);

// Part n's; "" when it would be longer than Discord takes. `is_second` names a message that takes the place of one that
// somebody has deleted.
std::string nonce_of(const std::string& idempotency, std::size_t part, bool is_second = false);

}  // namespace usher::discord
