// The calls by which a bot speaks: what goes over the wire, and where. Everything that makes or changes a message says
// that nobody is to be pinged. Pure; any thread.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "channel/channel.h"
#include "channels/discord/interactions/address.h"
#include "channels/discord/rest/rest.h"

namespace usher::discord {

// What one message says.
struct Said {
  std::string content;
  std::vector<channel::Choice> choices;  // buttons beneath it
  std::string file;                      // goes along as "answer.md"; "" = none
};

inline constexpr std::string_view kAnswerFile = "answer.md";
inline constexpr std::string_view kSays = "say:";  // a button's custom_id begins so; what it says stands behind

std::string messages_route(std::string_view chat);

// The ids are snowflakes. `nonce` "" = none; then a call of which no answer came must not be repeated.
RestCall create_message(const std::string& chat, const Said& said, const std::string& nonce,
                        const std::string& reply_to);
RestCall edit_message(const std::string& chat, const std::string& message, const Said& said);
// The answer that an acknowledged interaction has announced, at first and whenever it changes.
RestCall edit_response(const InteractionAddress& address, const Said& said);
RestCall typing(const std::string& chat);
RestCall react(const std::string& chat, const std::string& message, std::string_view emoji, bool is_put);

// Whether the message that a create returned says this, and not what a preview with its nonce said before. White space
// does not count: Discord trims it.
bool says(const json::value& message, const Said& said);

}  // namespace usher::discord
