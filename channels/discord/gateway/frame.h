// The gateway's messages: {op, s, t, d}. What comes is read in two steps: the envelope alone, for most events are
// nobody's business and some are megabytes long, and the data of those that somebody wants. Pure; any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/json.h"
#include "base/result.h"
#include "base/secret.h"

namespace usher::discord {

enum Op : int {
  kDispatch = 0,
  kHeartbeat = 1,
  kIdentify = 2,
  kResume = 6,
  kReconnect = 7,
  kInvalidSession = 9,
  kHello = 10,
  kHeartbeatAck = 11,
};

inline constexpr std::size_t kMaxFrameBytes = 8u << 20;

struct Frame {
  int op = -1;
  std::optional<std::int64_t> seq;
  std::string type;  // "MESSAGE_CREATE", at most 64 bytes; "" = no dispatch
};

// Reads op, s and t, and stops as soon as it has them: what follows is not looked at. Fails with protocol.
Result<Frame> read_frame(std::string_view text);
// The member d, null when there is none. Fails with invalid when the text is not JSON throughout.
Result<json::value> read_data(std::string_view text);

// What we send, none longer than 4096 bytes.
inline constexpr std::size_t kMaxSentBytes = 4096;
std::string encode_heartbeat(std::optional<std::int64_t> seq);
std::string encode_identify(const Secret& token, std::uint32_t intents, int shard, int shards);
std::string encode_resume(const Secret& token, std::string_view session_id, std::int64_t seq);

}  // namespace usher::discord
