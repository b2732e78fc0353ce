// What one answer of the REST API says: its value or what went wrong, and the limits it teaches. Pure; any thread.
#pragma once

#include <optional>

#include "channels/discord/rest/buckets.h"
#include "channels/discord/rest/rest.h"
#include "net/http_client.h"

namespace usher::discord {

struct RestAnswer {
  RestResult result;
  std::optional<RateLimits> limits;
  std::optional<TooMany> too_many;  // of a 429 that may be waited out
  bool counts_for_ban = false;
};

// `is_interaction`: a 401 then speaks of the interaction's token, not of the bot's.
RestAnswer read_answer(const net::HttpResponse& response, bool is_interaction);

}  // namespace usher::discord
