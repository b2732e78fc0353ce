// Discord's rate limits: a bucket for each route and major parameter, and one limit over all. Pure: told the time.
#pragma once

#include <chrono>
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <utility>

#include "support/discord/discord_types.h"
#include "support/http/http_server.h"

namespace usher::testing {

using HttpHeaders = std::vector<std::pair<std::string, std::string>>;

class DiscordLimits {
 public:
  using Time = std::chrono::steady_clock::time_point;
  DiscordLimits(DiscordLimit common, std::map<std::string, DiscordLimit> by_route, int calls_per_second);

  struct Verdict {
    std::optional<HttpReply> refusal;  // a 429
    HttpHeaders headers;               // of the answer, when it is not refused
  };
  // Counts one call. `major` is the value of the route's major parameter.
  Verdict admit(const std::string& route, const std::string& major, bool is_exempt_from_global, Time now);

 private:
  struct Bucket {
    int used = 0;
    Time reset;
  };
  std::optional<HttpReply> check_global(Time now);

  DiscordLimit common_;
  std::map<std::string, DiscordLimit> by_route_;
  int calls_per_second_;
  std::map<std::pair<std::string, std::string>, Bucket> buckets_;  // by name and major parameter
  std::deque<Time> recent_;                                        // calls of the last second
};

// A 429 as Discord words it; `scope` is user, shared or global.
HttpReply too_many_reply(const std::string& scope, double retry_after_seconds);

}  // namespace usher::testing
