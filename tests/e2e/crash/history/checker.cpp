#include "e2e/crash/history/checker.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

namespace usher::e2e::crash {
namespace {

constexpr std::size_t kMaxLines = 400;

}  // namespace

std::vector<Violation> check(const History& history) {
  std::vector<Violation> all;
  for (const auto property : {check_soundness, check_stored, check_answered, check_once, check_parts, check_order,
                              check_unknown, check_shown, check_commands, check_forgotten, check_seen, check_effects,
                              check_provable, check_remembered, check_rate, check_paid_once, check_budget}) {
    Violations found = property(history);
    std::ranges::move(found, std::back_inserter(all));
  }
  return all;
}

std::string explain(const History& history, const Violation& violation) {
  std::string text = fmt::format("{}: {}\n", violation.property, violation.what);
  const Message* message = history.find(violation.message);
  if (message) text += fmt::format("conversation {}, update {}\n", message->conversation, message->update_id);
  std::set<int> lives{violation.life};  // in which something happened to the message
  for (const Event& event : history.events) {
    if (message && event.message == message->number) lives.insert(event.life);
  }
  std::vector<std::string> lines;
  for (const Event& event : history.events) {
    const Message* other = event.message == 0 ? nullptr : history.find(event.message);
    const bool is_near = !other || !message || other->conversation == message->conversation;
    if (is_near && lives.contains(event.life)) lines.push_back(to_string(event));
  }
  const std::size_t first = lines.size() > kMaxLines ? lines.size() - kMaxLines : 0;
  if (first > 0) text += fmt::format("  … {} earlier events\n", first);
  for (std::size_t i = first; i < lines.size(); ++i) text += "  " + lines[i] + "\n";
  return text;
}

}  // namespace usher::e2e::crash
