// What a reply offers to say ↔ the text in which the journal keeps it. Pure; any thread.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "channel/channel.h"

namespace usher::gateway {

// "" for none.
std::string to_json(const std::vector<channel::Choice>& choices);
// What cannot be read offers nothing: the reply itself matters more.
std::vector<channel::Choice> choices_from_json(std::string_view text);

}  // namespace usher::gateway
