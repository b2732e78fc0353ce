#include "e2e/crash/remains/commands.h"

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <sstream>

namespace usher::e2e::crash {
namespace {

// "main/1042" of "main/1042" and of "main/1042/subagent 1".
std::string message_in(std::string_view source) {
  return std::string(source.substr(0, source.find('/', source.find('/') + 1)));
}

// As the ledger names what a row belongs to.
std::map<std::string, int> messages_by_source(const History& history) {
  std::map<std::string, int> messages;
  for (const Message& message : history.messages) {
    const std::string bot = message.conversation.substr(0, message.conversation.find('/'));
    messages[fmt::format("{}/{}", bot, message.update_id)] = message.number;
  }
  return messages;
}

void read_ledger(World& world, const History& history, Remains& remains) {
  const ProcessResult verified = world.command({"audit", "verify"});
  if (verified.status != 0) {
    remains.ledger = fmt::format("exit {}: {}{}", verified.status, verified.output, verified.errors);
  }
  const ProcessResult rows = world.command({"audit", "tail", "--json", "--lines", "1000000"});
  REQUIRE_MESSAGE(rows.status == 0, rows.errors);
  const std::map<std::string, int> messages = messages_by_source(history);
  std::istringstream lines(rows.output);
  for (std::string line; std::getline(lines, line);) {
    const Result<json::value> row = parse_json(line);
    REQUIRE_MESSAGE(row.has_value(), line);
    const auto message = messages.find(message_in(string_at(&*row, "source").value_or("")));
    if (message == messages.end() || string_at(&*row, "outcome") != "allowed") continue;
    ++remains.allowed[message->second][std::string(string_at(&*row, "action").value_or(""))];
  }
}

// "main/100" or "main/-500/300", as the history names conversations.
std::string conversation_of(const json::value& row) {
  const std::string chat(string_at(&row, "chat").value_or("")), sender(string_at(&row, "sender").value_or(""));
  const std::string person = sender.substr(sender.find(':') + 1);
  return fmt::format("{}/{}{}", string_at(&row, "channel").value_or(""), chat == person ? "" : chat + "/", person);
}

}  // namespace

void ask_commands(World& world, const History& history, Remains& remains) {
  read_ledger(world, history, remains);
  const ProcessResult unknown = world.command({"conversations", "--state", "unknown", "--json"});
  const Result<json::value> list = parse_json(unknown.output);
  const json::array* conversations = list ? array_at(&*list, "conversations") : nullptr;
  if (!conversations) {
    remains.shown_as_unknown[unknown.errors] = -1;
    return;
  }
  for (const json::value& row : *conversations) {
    remains.shown_as_unknown[conversation_of(row)] += integer_at(&row, "messages").value_or(0);
  }
}

}  // namespace usher::e2e::crash
