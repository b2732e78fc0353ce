#include "app/commands/conversations.h"

#include <doctest/doctest.h>

#include <boost/asio/io_context.hpp>
#include <map>

#include "admin/conversations.h"
#include "app/operator/find_conversations.h"
#include "support/run_task.h"
#include "support/temp_dir.h"

namespace usher::app {
namespace {

json::value row(std::string state, std::string sender, std::int64_t unfinished = 0) {
  return admin::conversation_json({.channel = "main",
                                   .tenant = "default",
                                   .chat = "-100200",
                                   .thread = "7",
                                   .sender = std::move(sender),
                                   .state = std::move(state),
                                   .messages = 12,
                                   .unfinished = unfinished,
                                   .last_platform_id = "812345",
                                   .last_accepted = WallTime(std::chrono::milliseconds(1'795'000'000'123))});
}

TEST_CASE("conversations are counted by state and stand in columns") {
  const json::array rows{row("unknown", "telegram:200", 3), row("sent", "telegram:1"), row("sent", "telegram:2")};
  CHECK(conversations_table(rows) ==
        "3 conversations: 2 sent, 1 unknown\n"
        "state    tenant   channel  chat       sender        messages     last accepted             note\n"
        "unknown  default  main     -100200/7  telegram:200  12 (3 open)  2026-11-18T11:06:40.123Z\n"
        "sent     default  main     -100200/7  telegram:1    12           2026-11-18T11:06:40.123Z\n"
        "sent     default  main     -100200/7  telegram:2    12           2026-11-18T11:06:40.123Z\n");
  CHECK(conversations_table({}) == "0 conversations\n");
}

TEST_CASE("what a platform calls a sender cannot move the terminal's cursor") {
  const std::string table = conversations_table({row("sent", "telegram:\x1b[2J\n")});
  CHECK(table.find('\x1b') == table.npos);
  CHECK(std::count(table.begin(), table.end(), '\n') == 3);
}

TEST_CASE("a conversation has the tenant of its channel, whatever the platform, and is found by it") {
  const testing::TempDir dir;
  asio::io_context loop(1);
  const SystemClock clock;
  const auto journal = gateway::open_journal(dir / "gateway.db", loop.get_executor(), clock);
  REQUIRE(journal);
  auto config = std::make_shared<config::Config>();
  config->telegram.push_back({.name = "tg", .tenant = "one"});
  config->discord.push_back({.name = "dc", .tenant = "two"});
  config->console.enabled = true;
  config->console.tenant = "three";
  const std::map<std::string, std::string> tenants{{"tg", "one"}, {"dc", "two"}, {"console", "three"}, {"gone", ""}};
  for (const auto& [channel, tenant] : tenants) {
    channel::Incoming incoming{.channel = channel, .platform_id = "1", .kind = "any", .sender_id = "5", .chat = "5"};
    REQUIRE(testing::run_task(loop, (*journal)->accept({std::move(incoming)})));
  }
  const admin::FindConversations find = find_conversations(**journal, config);
  const auto all = testing::run_task(loop, find({}));
  REQUIRE(all);
  REQUIRE(all->size() == tenants.size());
  for (const admin::ConversationRow& row : *all) CHECK(row.tenant == tenants.at(row.channel));
  const auto of_two = testing::run_task(loop, find({.tenant = "two"}));
  REQUIRE(of_two);
  REQUIRE(of_two->size() == 1);
  CHECK(of_two->front().channel == "dc");
}

}  // namespace
}  // namespace usher::app
