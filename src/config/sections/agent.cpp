// [agent]: the turn's bounds. Its keys for the implicit role: tenants.cpp.
#include "config/sections/sections.h"

namespace usher::config {

void read_agent(Loading& loading, const TableReader& root) {
  using std::chrono::seconds;
  const std::optional<TableReader> table = root.table("agent", kAgent);
  if (!table) return;
  Agent& agent = loading.config.agent;
  agent.max_iterations = static_cast<int>(table->integer_or("max_iterations", agent.max_iterations, 1, 100));
  agent.history_messages = static_cast<int>(table->integer_or("history_messages", agent.history_messages, 1, 1000));
  agent.turn_timeout = table->seconds("turn_timeout_s", agent.turn_timeout, seconds(1), seconds(86400));
}

}  // namespace usher::config
