// The inside of DiscordSimulator: one lock over the world, the gateway and what REST has been asked. REST's own part is
// in rest/, people's in people.cpp.
#pragma once

#include <condition_variable>
#include <deque>
#include <map>
#include <mutex>
#include <utility>

#include "support/discord/discord_simulator.h"
#include "support/discord/gateway/gateway.h"
#include "support/discord/rest/limits.h"
#include "support/discord/rest/multipart.h"
#include "support/discord/world.h"

namespace usher::testing {

// One call of the API, taken apart.
struct RestRequest {
  std::string route;                       // "PATCH /channels/:channel/messages/:message"
  std::map<std::string, std::string> ids;  // "channel" → …
  std::string query;
  json::object body;
  json::array list;  // instead of `body` where it is an array
  std::vector<DiscordFile> files;
};

struct DiscordInteraction {
  std::string id, token, user, channel, guild;
  int type = 2;         // 2 command, 3 button
  std::string pressed;  // id of the button's message
  std::chrono::steady_clock::time_point made;
  int acknowledged = 0;  // the type of the acknowledgement
  std::string original;  // id of the message that @original is
  json::object event;
};

struct RestRoute;

struct DiscordState : std::enable_shared_from_this<DiscordState> {
  using Clock = std::chrono::steady_clock;
  DiscordState(asio::any_io_executor e, DiscordSimulatorOptions o);
  void start();

  // ---- HTTP; on the executor, takes the lock ----
  HttpReply on_call(const HttpCall& call);
  Task<HttpReply> serve(HttpCall call);

  // ---- the rest: with the lock held ----
  HttpReply answer(const HttpCall& call, const RestRoute& route, const RestRequest& request);
  std::optional<HttpReply> refuse(const HttpCall& call, const RestRoute& route, const RestRequest& request,
                                  HttpHeaders& headers);
  HttpReply download(const std::string& path);
  HttpReply counted(HttpReply reply);

  HttpReply get_gateway(const RestRequest& request);
  HttpReply get_gateway_bot(const RestRequest& request);
  HttpReply get_me(const RestRequest& request);
  HttpReply get_application(const RestRequest& request);
  HttpReply get_channel(const RestRequest& request);
  HttpReply get_member(const RestRequest& request);
  HttpReply open_direct_channel(const RestRequest& request);
  HttpReply create_message(const RestRequest& request);
  HttpReply edit_message(const RestRequest& request);
  HttpReply get_message(const RestRequest& request);
  HttpReply delete_message(const RestRequest& request);
  HttpReply show_typing(const RestRequest& request);
  HttpReply add_reaction(const RestRequest& request);
  HttpReply remove_reaction(const RestRequest& request);
  HttpReply get_commands(const RestRequest& request);
  HttpReply put_commands(const RestRequest& request);
  HttpReply acknowledge(const RestRequest& request);
  HttpReply follow_up(const RestRequest& request);
  HttpReply edit_follow_up(const RestRequest& request);
  HttpReply get_follow_up(const RestRequest& request);
  HttpReply delete_follow_up(const RestRequest& request);

  std::optional<HttpReply> check_channel(const RestRequest& request, bool sends);
  // Fills in what the request says of a message, or answers why not.
  std::optional<HttpReply> read_message(const RestRequest& request, DiscordMessage& message, bool is_edit);
  const DiscordMessage* find_by_nonce(const json::object& body, const std::string& nonce) const;
  HttpReply edit(DiscordMessage& message, const RestRequest& request);
  HttpReply react(const RestRequest& request, bool adds);
  std::optional<HttpReply> take_acknowledgement(DiscordInteraction& interaction, const RestRequest& request);
  std::optional<HttpReply> apply_acknowledgement(DiscordInteraction& interaction, int type, const RestRequest& request);
  std::optional<HttpReply> check_token(const RestRequest& request, DiscordInteraction*& interaction);
  DiscordMessage* follow_up_of(const DiscordInteraction& interaction, const std::string& id);

  DiscordMessage& publish(DiscordMessage message, bool pings_reply);
  void publish_edit(DiscordMessage& message);
  void publish_delete(DiscordMessage& message);
  void add_speaker(const DiscordInteraction& interaction, json::object& event);
  // Makes the interaction and sends it, unless it travels otherwise.
  std::string interact(DiscordInteraction interaction, json::object data, bool over_gateway);
  const std::string& channel_or_first(const std::string& channel) const;

  // What the gateway has to do with its peers is done soon, on the executor.
  void wake();
  void perform_steps();
  WebSocketServer::Callbacks callbacks(bool is_resume_url);

  asio::any_io_executor executor;
  const DiscordSimulatorOptions options;
  std::unique_ptr<HttpServer> http;
  std::unique_ptr<WebSocketServer> socket, resume_socket;

  mutable std::mutex mutex;
  mutable std::condition_variable changed;
  DiscordWorld world;
  DiscordGateway gateway;
  DiscordLimits limits;
  std::map<std::string, DiscordInteraction> interactions;
  std::vector<DiscordAck> acknowledgements;
  std::vector<DiscordReaction> reactions;
  std::vector<std::string> typing;
  json::array commands;
  std::map<std::string, std::string> nonces;               // of the bot's messages, to their ids
  std::map<std::string, std::vector<json::object>> calls;  // bodies, by route
  std::map<std::string, std::deque<HttpReply>> faults;
  std::map<std::string, int> lost;
  std::size_t refused_calls = 0;
};

// A line of the table of routes, see rest/routes.cpp.
struct RestRoute {
  std::string_view method, path;
  HttpReply (DiscordState::*handler)(const RestRequest&);
  bool needs_token = true;
  bool is_exempt = false;  // from the global limit
};

HttpReply rest_ok(const json::value& value, int status = 200);
HttpReply rest_none();  // 204
HttpReply rest_error(int status, int code, const std::string& message);
// 400, code 50035.
HttpReply rest_invalid(const std::string& field, const std::string& problem);

}  // namespace usher::testing
