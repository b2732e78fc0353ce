// `usher conversations`: which conversations there are and in which state their messages are.
#pragma once

#include <memory>
#include <string>

#include "base/json.h"
#include "config/config.h"

namespace usher::app {

struct ConversationsRequest {
  std::string state, tenant;  // "" = all
};

// Returns an ExitStatus.
int show_conversations(std::shared_ptr<const config::Config> config, const ConversationsRequest& request, bool as_json);

// What people see of the answer to GET /conversations: the number in each state, then a line each. Pure.
std::string conversations_table(const json::array& conversations);

}  // namespace usher::app
