// INTERACTION_CREATE, or its HTTP twin → what is to be done about it. Pure; any thread.
#pragma once

#include <optional>
#include <string>

#include "base/json.h"
#include "channel/channel.h"
#include "channels/discord/discord.h"
#include "channels/discord/interactions/address.h"

namespace usher::discord {

struct Interaction {
  enum class Kind {
    ping,          // Discord asks whether somebody is there
    said,          // `incoming` is for the intake
    autocomplete,  // there is nothing to offer
    refused,       // `refusal` is for whoever asked
  };
  Kind kind = Kind::ping;
  std::string id;
  InteractionAddress address;
  channel::Incoming incoming;
  std::string refusal;
};

// nullopt with `problem` set for what is malformed, or comes from nobody.
std::optional<Interaction> decode_interaction(const json::value& event, const DiscordOptions& options,
                                              std::string& problem);

}  // namespace usher::discord
