// Discord for one application with one bot: the REST API and the gateway of version 10 as PROTOCOLS has them, to the
// letter, and every fault. discord.js vouches for it in tests/peers.
//
// Runs on the executor it is given. All members may be called from any thread. Routes are named with what stands for
// ids: "POST /channels/:channel/messages".
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/async.h"
#include "support/discord/discord_types.h"

namespace usher::testing {

struct DiscordState;

class DiscordSimulator {
 public:
  explicit DiscordSimulator(asio::any_io_executor executor, DiscordSimulatorOptions options = {});
  ~DiscordSimulator();

  std::string api_root() const;     // "http://127.0.0.1:PORT/api/v10"
  std::string gateway_url() const;  // "ws://127.0.0.1:PORT"
  const DiscordSimulatorOptions& options() const;

  // ---- the world ----
  // Each returns its id, a new one when "" is given. Connected sessions hear of them.
  std::string add_guild(std::string id = "");
  void add_guilds(std::size_t count, std::size_t channels, std::size_t roles);
  std::string add_channel(const std::string& guild, int type = 0, std::string id = "");  // 0 text, 15 forum
  std::string add_thread(const std::string& parent, std::string id = "");
  std::string direct_channel(const std::string& user);
  void set_member(const std::string& guild, const std::string& user, std::vector<std::string> roles,
                  const std::string& nick = "");
  void remove_member(const std::string& guild, const std::string& user);
  void name_user(const std::string& user, const std::string& username);
  // Calls that send there are refused with this code: 50007 (direct messages closed), 50013 (permissions) …; 0 ends it.
  void forbid(const std::string& channel, int code);

  // ---- what people do; each returns the id of what it makes ----
  std::string write(DiscordWords words);
  std::string guild_message(const std::string& user, const std::string& content);  // in the first channel
  std::string direct_message(const std::string& user, const std::string& content);
  // A new thread in a forum, and its first message, whose id is the thread's.
  std::string forum_post(const std::string& user, const std::string& forum, const std::string& content);
  void edit(const std::string& message, const std::string& content);
  void erase(const std::string& message);
  void react(const std::string& user, const std::string& message, const std::string& emoji);
  std::string command(const DiscordCommand& command);
  // "" when the message has no such button.
  std::string press(const std::string& user, const std::string& message, const std::string& custom_id);
  // The interaction as it is sent to the bot.
  json::object interaction(const std::string& id) const;
  // Takes what an HTTP interactions endpoint answered for an acknowledgement; false when it is none.
  bool take_answer(const std::string& interaction, const std::string& body);
  // As if they had been made so much earlier.
  void age_message(const std::string& message, std::chrono::seconds by);
  void age_interaction(const std::string& interaction, std::chrono::seconds by);

  // ---- faults of REST ----
  // The next calls of `route` are answered so, once each, in order, and have no effect.
  void fault(const std::string& route, HttpReply reply);
  void too_many(const std::string& route, const std::string& scope,
                double retry_after_seconds);                                                // user, shared, global
  void refuse(const std::string& route, int status, int code, const std::string& message);  // in Discord's words
  void server_error(const std::string& route, int status = 502);                            // with a page for people
  // The next call of `route` takes effect, and its answer is lost.
  void lose_answer(const std::string& route);

  // ---- faults of the gateway; those without a connection's number concern all open ones ----
  void next_connection(ConnectionScript script);  // queued: each is for one connection
  void refuse_resume_url(bool is_refused);
  void close_connections(std::uint16_t code);  // 4007, 4009 and the fatal ones end the sessions too
  void cut_connections();
  void freeze_connections();
  void stop_acknowledging();
  void ask_for_heartbeat();                   // op 1
  void ask_to_reconnect();                    // op 7
  void invalidate_sessions(bool may_resume);  // op 9; false forgets them
  void forget_sessions();                     // without a word: a later resume is answered with op 9
  // Any dispatch, to every session of the shard that the guild ("" = shard 0) falls to.
  void dispatch(const std::string& name, const json::object& data, const std::string& guild = "");
  void send_raw(const std::string& text);  // one frame that need not be JSON

  // ---- what there is to see ----
  std::vector<DiscordMessage> sent() const;  // by the bot, in order; ephemeral and deleted ones too
  std::vector<DiscordMessage> visible(const std::string& channel) const;  // to all, by anyone
  std::vector<DiscordAck> acknowledgements() const;
  std::vector<DiscordReaction> reactions() const;                      // of the bot, in order
  std::vector<std::string> typing() const;                             // channels, in order
  json::array commands() const;                                        // as registered
  std::size_t count(const std::string& route) const;                   // calls so far
  std::vector<json::object> requests(const std::string& route) const;  // their bodies
  std::size_t refused_calls() const;                                   // 401, 403 and 429 but for scope shared
  std::vector<GatewayConnection> connections() const;                  // all that ever were, in order
  std::size_t identifies() const;
  std::size_t resumes() const;  // that ended in RESUMED
  int open_connections() const;
  int http_connections() const;  // accepted so far
  // Waits until `done` holds; false when `timeout` passes first. For tests in other threads.
  bool wait_until(const std::function<bool()>& done, std::chrono::milliseconds timeout) const;

 private:
  std::shared_ptr<DiscordState> state_;
};

}  // namespace usher::testing
