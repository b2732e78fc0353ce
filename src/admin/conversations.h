// The conversations of a gateway, as an operator sees them: in which state their messages are. Admin does not know the
// journal; whoever builds the API hands in a function that asks it.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/async.h"
#include "base/clock.h"
#include "base/json.h"
#include "base/result.h"

namespace usher::admin {

// The states of a message, in the order in which it passes them; the last two are ends that somebody should look at.
inline constexpr std::array<std::string_view, 7> kMessageStates{"received", "running", "ready",      "sending",
                                                                "sent",     "unknown", "undelivered"};

struct ConversationRow {
  std::string channel, tenant, chat, thread, sender;
  std::string state;  // of its newest message, among those asked for
  std::int64_t messages = 0;
  std::int64_t unfinished = 0;
  std::string last_platform_id;
  WallTime last_accepted;
  std::string note;  // what an operator should know: "" = nothing
};

struct ConversationFilter {
  std::string state;   // one of kMessageStates; "" = all
  std::string tenant;  // "" = all
  std::size_t max_rows = 1000;
};

// Newest first. Event-loop thread.
using FindConversations = std::function<Task<Result<std::vector<ConversationRow>>>(ConversationFilter filter)>;

json::object conversation_json(const ConversationRow& row);

}  // namespace usher::admin
