// Slash commands and buttons: INTERACTION_CREATE (or its HTTP twin) → an answer within three seconds, and an Incoming
// whose message_id lets Outbound answer through the interaction ("interaction:<application>:<token>", while the token
// lives). Event-loop thread only; `rest` must outlive it.
#pragma once

#include <memory>
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

  // Takes one interaction of the gateway: offers it to the intake, and acknowledges it over REST beside (deferred;
  // ephemeral where the command is private) once it is taken, or after 2.5 s. When the intake takes nothing the person
  // is told, ephemerally, to try again. An error means that the intake failed: the event may come again.
  Task<Result<void>> take(const json::value& event, const channel::Intake& intake);
  // The same over HTTP: the acknowledgement is the answer. `signature` is verified by public_key before anything else,
  // and a timestamp more than five minutes off is refused as well: what was overheard cannot be sent again.
  Task<HttpInteractionAnswer> take(HttpInteraction interaction, const channel::Intake& intake);
  // Compares the registered commands of the application with ours and overwrites them when they differ.
  Task<Result<void>> register_commands(const std::string& application_id, Deadline deadline);

  // Resolves when the last acknowledgement under way has ended, after three seconds at most: an answer that only its
  // sender may read has nowhere to go without one.
  Task<void> stop();

 private:
  struct State;
  std::shared_ptr<State> state_;  // shared with what is under way
};

}  // namespace usher::discord
