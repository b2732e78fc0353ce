// MESSAGE_CREATE → Incoming: who speaks, whether the bot is meant, what is said. Pure; any thread.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/json.h"
#include "channel/channel.h"
#include "channels/discord/discord.h"

namespace usher::discord {

struct DecodeContext {
  std::string channel;  // the channel's configured name
  std::string bot_id;   // READY's user.id
  GroupMode groups = GroupMode::mention;
};

// nullopt for what is not for the bot: its own messages, other bots', webhooks', system messages, a guild's talk that
// does not mention it. Malformed events are nullopt with `problem` set.
std::optional<channel::Incoming> decode_message(const json::value& event, const DecodeContext& context,
                                                std::string& problem);

// Of an event that says who acts: the display name and, in a guild, the roles that its `member` vouches for. `user` is
// the person as the event shows them.
void read_speaker(const json::value& event, const json::value* user, channel::Incoming& in);

}  // namespace usher::discord
