#include "app/commands/conversations.h"

#include <doctest/doctest.h>

#include "admin/conversations.h"

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

}  // namespace
}  // namespace usher::app
