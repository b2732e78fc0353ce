// The slash commands: what is registered with Discord, and what of their answers others may read. Pure; any thread.
#pragma once

#include <string_view>

#include "base/json.h"

namespace usher::discord {

// As Discord takes them: for guilds and the bot's direct messages.
json::array command_definitions();

// Whether Discord holds these very commands and no others; what it adds of its own does not count.
bool are_registered(const json::value& registered);

bool is_command(std::string_view name);
// Whether a text, said in front of others, is answered to its sender alone: "/whoami", "/Usage@bot" …
bool is_private(std::string_view text);

}  // namespace usher::discord
