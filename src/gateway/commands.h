// The chat commands that usher answers itself: /start /help /new /whoami /usage, and a /stop with nothing to stop (one
// that ends a running turn is the dispatcher's, as it must not wait behind that turn).
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "channel/channel.h"
#include "gateway/room/texts.h"
#include "gateway/services.h"
#include "rbac/role.h"

namespace usher::gateway {

// "/Help@bot now" → "help"; "" when the text is no command.
std::string command_of(std::string_view text);

// What the answer to that command offers to say next; none for most.
std::vector<channel::Choice> choices_after(std::string_view command);

// Everything a command may look at. References live through the call.
struct CommandContext {
  const rbac::RoleContext& context;
  const Services& services;
  const Texts& texts;
  const rbac::Workspace& workspace;
  std::string_view sender_digest;
  std::string conversation;  // key
};

// nullopt when `command` is none of ours: the text is then the model's to read.
Task<std::optional<std::string>> run_command(std::string_view command, CommandContext context);

}  // namespace usher::gateway
