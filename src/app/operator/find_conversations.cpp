#include "app/operator/find_conversations.h"

#include <fmt/format.h>

#include <map>

#include "base/text.h"

namespace usher::app {
namespace {

// Before those of other tenants are left out.
constexpr std::size_t kMaxRows = 10'000;
constexpr std::size_t kMaxNoteBytes = 120;

std::map<std::string, std::string> tenants_of(const config::Config& config) {
  std::map<std::string, std::string> tenants;
  for (const config::Telegram& bot : config.telegram) tenants[bot.name] = bot.tenant;
  for (const config::Discord& bot : config.discord) tenants[bot.name] = bot.tenant;
  if (config.console.enabled) tenants["console"] = config.console.tenant;
  return tenants;
}

std::string note_of(const gateway::ConversationRow& row) {
  if (row.state == gateway::MessageState::unknown) {
    return fmt::format("may have arrived: {}", printable(row.last_reply, kMaxNoteBytes));
  }
  if (row.state == gateway::MessageState::undelivered) {
    return fmt::format("refused by the platform: {}", printable(row.last_reply, kMaxNoteBytes));
  }
  return "";
}

Task<Result<std::vector<admin::ConversationRow>>> find(gateway::Journal& journal,
                                                       std::shared_ptr<const config::Config> config,
                                                       admin::ConversationFilter filter) {
  const std::map<std::string, std::string> tenants = tenants_of(*config);
  Result<std::vector<gateway::ConversationRow>> rows =
      co_await journal.conversations(gateway::parse_message_state(filter.state), kMaxRows);
  if (!rows) co_return fail(std::move(rows.error()));
  std::vector<admin::ConversationRow> found;
  for (gateway::ConversationRow& row : *rows) {
    const auto tenant = tenants.find(row.channel);
    const std::string of_tenant = tenant == tenants.end() ? "" : tenant->second;
    if (!filter.tenant.empty() && of_tenant != filter.tenant) continue;
    if (found.size() == filter.max_rows) break;
    found.push_back({.channel = std::move(row.channel),
                     .tenant = of_tenant,
                     .chat = std::move(row.chat),
                     .thread = std::move(row.thread),
                     .sender = std::move(row.sender),
                     .state = gateway::to_string(row.state),
                     .messages = row.messages,
                     .unfinished = row.unfinished,
                     .last_platform_id = std::move(row.last_platform_id),
                     .last_accepted = row.last_accepted,
                     .note = note_of(row)});
  }
  co_return found;
}

}  // namespace

admin::FindConversations find_conversations(gateway::Journal& journal, std::shared_ptr<const config::Config> config) {
  return [&journal, config = std::move(config)](admin::ConversationFilter filter) {
    return find(journal, config, std::move(filter));
  };
}

}  // namespace usher::app
