// Which roles somebody holds who writes a direct message: looked up in the guilds where roles mean something, cached
// briefly. A guild that they are not in gives none; an answer that does not come is an error, never "no roles".
// Event-loop thread only; `rest` must outlive it.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/async.h"
#include "base/json.h"
#include "base/result.h"
#include "channel/channel.h"
#include "channels/discord/discord.h"
#include "channels/discord/rest/rest.h"

namespace usher::discord {

class Members {
 public:
  Members(Rest& rest, const DiscordOptions& options);
  ~Members();

  // READY names the guilds of its shard: those that it does not name the bot has left. GUILD_CREATE will tell of each,
  // and until then any role without a guild may belong to one of them, and nobody's roles are known.
  void begin(const json::value& ready);
  // Learns from GUILD_CREATE which guild the roles of DiscordOptions::roles belong to.
  void learn(const json::value& guild_create);
  // What was learned so, for the next process, which may resume a session and will not be told again.
  std::vector<std::string> learned() const;
  void recall(const std::vector<std::string>& learned);
  // GUILD_DELETE: the bot has left a guild. One that was learned is forgotten; one that is configured is asked all the
  // same, and until it answers again nobody holds its roles.
  void leave(const std::string& guild);
  Task<Result<std::vector<channel::GuildRoles>>> roles_of(const std::string& user, Deadline deadline);
  // GUILD_MEMBER_UPDATE, GUILD_MEMBER_REMOVE (with the intent guild_members): what was known of them holds no longer.
  void forget(const std::string& user);

 private:
  struct State;
  std::shared_ptr<State> state_;  // shared with the lookups under way
};

}  // namespace usher::discord
