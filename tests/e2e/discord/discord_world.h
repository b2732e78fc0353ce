// A World whose bot is Discord's: usher between the simulated Discord and the model. The Telegram bot of World is there
// too, for configs that name it.
#pragma once

#include <string>
#include <vector>

#include "e2e/world.h"
#include "net/http_client.h"
#include "support/discord/discord_simulator.h"

namespace usher::e2e {

// People of Discord. `boss` has role owner in DiscordWorld::roles().
inline const std::string boss = "900000000000000100";
inline const std::string amy = "900000000000000200", ben = "900000000000000201", cleo = "900000000000000202";
// A role of the simulator's guild, for configs that assign something to it.
inline const std::string staff_role = "700000000000000001";

inline const std::string create_message = "POST /channels/:channel/messages";
inline const std::string edit_message = "PATCH /channels/:channel/messages/:message";

class DiscordWorld : public World {
 public:
  explicit DiscordWorld(ModelSimulator::Script script = {}, DiscordSimulatorOptions options = quick());
  // A session may begin as often as it likes, so that a test can start usher again at once.
  static DiscordSimulatorOptions quick();

  DiscordSimulator discord;

  // [[channels.discord]] with `more` in its table.
  static std::string bot(const DiscordSimulator& of, const std::string& more = "");
  // World::shop_roles(), with `boss` as an owner beside Telegram's.
  static std::string roles();
  // A table that gives a role of usher's to whoever holds `staff_role`, in `guild` alone unless that is "".
  static std::string staff_are(const std::string& role, const std::string& guild);
  // base_config(), the bot, roles() and `rest`; then starts usher.
  void serve(const std::string& in_bot = "", const std::string& rest = "");
  // Starts usher and waits until so many sessions live, be they new ones or old ones.
  Process& start(int shards = 1);
  // Waits until a connection later than the first so many is in a session.
  void wait_until_back(std::size_t connections_before);
  // Connections that are open and in a session.
  int live_sessions() const;

  // The words behind a mention of the bot.
  std::string mention(const std::string& words) const;
  // Writes in the guild's channel with a mention, or directly; returns the answer, which holds the same words.
  using World::ask;  // at Telegram
  DiscordMessage ask(const std::string& user, const std::string& words);
  DiscordMessage ask_directly(const std::string& user, const std::string& words);
  // Writes directly; the next message of the bot's there, whatever it says.
  std::string tell(const std::string& user, const std::string& words);

  // What the bot wrote in a channel and everybody sees.
  std::vector<DiscordMessage> said_in(const std::string& channel) const;
  // The first message of the bot's in a channel that holds `words`, from the `after`-th on; waits for it.
  DiscordMessage wait_for(const std::string& channel, const std::string& words, std::size_t after = 0);
  // The message that answers an interaction, once it is no longer "thinking".
  DiscordMessage answer_to(const std::string& interaction);
  // How often one message of the bot's quotes another.
  std::size_t answers_quoting(const std::string& message) const;

  // A GET of usher's own API: status and body.
  struct Page {
    int status = 0;
    std::string body;
  };
  Page get(const std::string& target);
  Page post(const std::string& target, const std::string& body, const std::vector<net::Header>& headers);

 private:
  Page call(const std::string& method, const std::string& target, const std::string& body,
            const std::vector<net::Header>& headers);
};

}  // namespace usher::e2e
