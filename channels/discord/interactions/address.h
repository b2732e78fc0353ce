// Where the answer to an interaction goes, as a text that an Incoming carries and an Outgoing brings back. Pure; any
// thread.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace usher::discord {

struct InteractionAddress {
  std::string application;    // a snowflake
  std::string token;          // whoever has it can answer for fifteen minutes: never logged
  bool is_ephemeral = false;  // the answer is for whoever asked alone
};

// "interaction:<application>:<token>", ":e" behind it when ephemeral; at most 512 bytes. "" where it would be longer or
// could not be read back.
std::string to_text(const InteractionAddress& address);
std::optional<InteractionAddress> interaction_address(std::string_view text);

// Of such a token: what may go into a target.
bool is_interaction_token(std::string_view token);

}  // namespace usher::discord
