// Slash commands and buttons: INTERACTION_CREATE (or its HTTP twin) → an answer within three seconds, and an Incoming
// whose message_id lets Outbound answer through the interaction ("interaction:<application>:<token>", while the token
// lives). Event-loop thread only; `rest` must outlive it.
#pragma once

#include <optional>
#include <string>

#include "base/async.h"
#include "base/json.h"
#include "base/result.h"
#include "channel/channel.h"
#include "channels/discord/discord.h"
#include "channels/discord/rest/rest.h"

namespace usher::discord {

class Interactions {
 public:
  Interactions(Rest& rest, const DiscordOptions& options);
  ~Interactions();

  // Takes one interaction of the gateway: offers it to the intake, then acknowledges it over REST (deferred; ephemeral
  // where the command is private). When the intake takes nothing the person is told, ephemerally, to try again. An
  // error means that the intake failed: the event may come again.
  Task<Result<void>> take(const json::value& event, const channel::Intake& intake);
  // The same over HTTP: the acknowledgement is the answer. `signature` is verified by public_key before anything else.
  Task<HttpInteractionAnswer> take(HttpInteraction interaction, const channel::Intake& intake);
  // Compares the registered commands of the application with ours and overwrites them when they differ.
  Task<Result<void>> register_commands(const std::string& application_id, Deadline deadline);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace usher::discord
