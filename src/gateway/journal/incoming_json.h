// channel::Incoming as JSON and back: how the journal keeps a message. Pure.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "channel/channel.h"

namespace usher::gateway {

std::string to_json(const channel::Incoming& incoming);
Result<channel::Incoming> incoming_from_json(std::string_view text);

}  // namespace usher::gateway
