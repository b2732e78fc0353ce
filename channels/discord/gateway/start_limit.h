// What GET /gateway/bot answers, and how often sessions may be begun by it. Time is passed in. Event-loop thread only.
#pragma once

#include <chrono>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "base/result.h"

namespace usher::discord {

using Time = std::chrono::steady_clock::time_point;

inline constexpr int kMaxShards = 256;  // in one process; their places fit into one bookmark

struct GatewayInfo {
  std::string url;
  int shards = 1;  // as recommended
  int total = 1000, remaining = 1000;
  std::chrono::milliseconds reset_after{0};
  int max_concurrency = 1;
};
// Fails with protocol. `allows_plain`: ws:// is taken too.
Result<GatewayInfo> decode_gateway(const json::value& answer, bool allows_plain);

// wss://host[:port][/path], at most 100 bytes, without userinfo, query and fragment. `allows_plain`: ws:// too.
bool is_gateway_url(std::string_view url, bool allows_plain);
// Whether both hosts are one service's: "wss://gateway-us-east1-b.discord.gg", "wss://gateway.discord.gg". The token is
// told to whoever stands where a session is resumed.
bool is_same_service(std::string_view url, std::string_view gateway_url);
// The address to connect to: always the same query, be it Discord's main address or one to resume at.
std::string with_query(std::string_view gateway_url);

// The shards of one bot share it. Identifies of the shards with the same remainder of max_concurrency are `apart`;
// once the day's are used up, nobody identifies until they are given out anew: one too many resets the token.
class StartLimit {
 public:
  StartLimit(const GatewayInfo& info, Time now, std::chrono::milliseconds apart = std::chrono::seconds(5));

  // From when on an identify is left: in the past, or when the day's are given out anew.
  Time blocked_until(Time now);
  // When this shard may identify. Its turn is used up by asking, unless it lies behind blocked_until().
  Time reserve(int shard, Time now);

 private:
  std::chrono::milliseconds apart_;
  int total_, remaining_;
  Time reset_at_;
  std::vector<Time> free_at_;  // by bucket
};

}  // namespace usher::discord
