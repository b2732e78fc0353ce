#include "app/commands/conversations.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <vector>

#include "admin/conversations.h"
#include "app/exit_status.h"
#include "app/operator/operator.h"
#include "base/text.h"
#include "tool/plain_json.h"

namespace usher::app {
namespace {

constexpr std::size_t kMaxCellBytes = 40;
using Line = std::array<std::string, 8>;
const Line kHeading{"state", "tenant", "channel", "chat", "sender", "messages", "last accepted", "note"};

std::string cell(const json::value& row, std::string_view name) {
  return printable(string_at(&row, name).value_or(""), kMaxCellBytes);
}

// "12 (3 open)"
std::string count_of(const json::value& row) {
  const std::int64_t unfinished = integer_at(&row, "unfinished").value_or(0);
  const std::string all = std::to_string(integer_at(&row, "messages").value_or(0));
  return unfinished == 0 ? all : fmt::format("{} ({} open)", all, unfinished);
}

Line line_of(const json::value& row) {
  const std::string thread = cell(row, "thread");
  return {cell(row, "state"),         cell(row, "tenant"),
          cell(row, "channel"),       cell(row, "chat") + (thread.empty() ? "" : "/" + thread),
          cell(row, "sender"),        count_of(row),
          cell(row, "last_accepted"), printable(string_at(&row, "note").value_or(""), 200)};
}

// "3 conversations: 2 sent, 1 unknown"
std::string summary(const json::array& conversations) {
  std::string counts;
  for (const std::string_view state : admin::kMessageStates) {
    const auto count =
        std::ranges::count_if(conversations, [&](const json::value& row) { return string_at(&row, "state") == state; });
    if (count == 0) continue;
    counts += fmt::format("{}{} {}", counts.empty() ? ": " : ", ", count, state);
  }
  return fmt::format("{} conversation{}{}\n", conversations.size(), conversations.size() == 1 ? "" : "s", counts);
}

}  // namespace

std::string conversations_table(const json::array& conversations) {
  std::string out = summary(conversations);
  if (conversations.empty()) return out;
  std::vector<Line> lines{kHeading};
  for (const json::value& row : conversations) lines.push_back(line_of(row));
  std::array<std::size_t, kHeading.size()> widths{};
  for (const Line& line : lines) {
    for (std::size_t i = 0; i < line.size(); ++i) widths[i] = std::max(widths[i], line[i].size());
  }
  for (const Line& line : lines) {
    std::string text;
    for (std::size_t i = 0; i < line.size(); ++i) text += fmt::format("{:{}}  ", line[i], widths[i]);
    out += text.substr(0, text.find_last_not_of(' ') + 1) + "\n";
  }
  return out;
}

int show_conversations(std::shared_ptr<const config::Config> config, const ConversationsRequest& request,
                       bool as_json) {
  if (!request.tenant.empty() && !config->tenants.contains(request.tenant)) {
    fmt::print(stderr, "usher: there is no tenant '{}' in {}\n", printable(request.tenant), config->file.string());
    return kError;
  }
  const std::string target = fmt::format("/conversations?state={}&tenant={}", request.state, request.tenant);
  const std::optional<json::object> answer = ask_or_complain(std::move(config), "GET", target);
  if (!answer) return kError;
  if (as_json) {
    fmt::print("{}\n", tool::plain_json(*answer));
  } else {
    fmt::print("{}", conversations_table(answer->at("conversations").as_array()));
  }
  return kFine;
}

}  // namespace usher::app
