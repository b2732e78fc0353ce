// What a Discord bot's bookmark holds: where the session of each of its shards can be taken up again, and which
// previews stand. Pure; any thread.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "channels/discord/gateway/session.h"
#include "channels/discord/outbound/previews.h"

namespace usher::discord {

struct Places {
  int count = 1;      // shards of the bot; with another number of them the places mean nothing
  std::string terms;  // what the sessions were begun with (intents, roles that count): with others they are of no use
  Identity identity;  // a resumed session does not say it again
  std::vector<std::string> guilds;  // Members::learned(), which it does not say again either
  std::map<int, Place> shards;
  Standing previews{};  // these hold whatever became of the sessions
};

// At most 64 KiB for kMaxShards.
std::string encode_places(const Places& places);
// nullopt for whatever is not such a text, or names an address that may not be connected to.
std::optional<Places> decode_places(std::string_view text, bool allows_plain);

}  // namespace usher::discord
