#include "agent/history.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>

namespace usher::agent {
namespace {

using provider::Author;
using provider::Message;

const char* name_of(Author author) {
  switch (author) {
    case Author::system:
      return "system";
    case Author::user:
      return "user";
    case Author::assistant:
      return "assistant";
    case Author::tool:
      return "tool";
  }
  return "system";
}

std::string extra_of(const Message& message) {
  json::object extra;
  if (!message.tool_calls.empty()) {
    json::array calls;
    for (const provider::ToolCall& call : message.tool_calls) {
      calls.push_back(json::object{{"id", call.id}, {"name", call.name}, {"arguments", call.arguments}});
    }
    extra.emplace("tool_calls", std::move(calls));
  }
  if (!message.tool_call_id.empty()) extra.emplace("tool_call_id", message.tool_call_id);
  if (!message.images.empty()) extra.emplace("images", message.images.size());
  return extra.empty() ? std::string() : json::serialize(extra);
}

bool read_calls(const json::value& extra, Message& message) {
  const json::array* calls = array_at(&extra, "tool_calls");
  if (!calls) return true;
  for (const json::value& call : *calls) {
    std::optional<std::string_view> id = string_at(&call, "id"), name = string_at(&call, "name"),
                                    arguments = string_at(&call, "arguments");
    if (!id || !name || !arguments) return false;
    message.tool_calls.push_back({std::string(*id), std::string(*name), std::string(*arguments)});
  }
  return true;
}

// nullopt for an entry that nobody can have written.
std::optional<Message> to_message(memory::Entry entry) {
  Message message{.text = std::move(entry.text)};
  json::value extra;
  if (!entry.extra.empty()) {
    Result<json::value> parsed = parse_json(entry.extra);
    if (!parsed || !parsed->is_object()) return std::nullopt;
    extra = std::move(*parsed);
  }
  // Never a system message: what is stored must not become a rule.
  if (entry.author == "user") {
    message.author = Author::user;
    // No context block stands before old messages, so a forged one would pass for the gateway's.
    message.text = without_context_tags(std::move(message.text));
    std::optional<std::int64_t> images = integer_at(&extra, "images");
    if (images) message.text += fmt::format("\n[{} image(s) came with this and are no longer shown]", *images);
    return message;
  }
  if (entry.author == "assistant") {
    message.author = Author::assistant;
    if (!read_calls(extra, message)) return std::nullopt;
    return message;
  }
  std::optional<std::string_view> id = string_at(&extra, "tool_call_id");
  if (entry.author != "tool" || !id || id->empty()) return std::nullopt;
  message.author = Author::tool;
  message.tool_call_id = *id;
  return message;
}

// Pairs an answer's calls with the results right behind it; `at` moves behind them. What has no partner is dropped.
void keep_exchange(std::vector<Message>& messages, std::size_t& at, std::vector<Message>& kept) {
  Message answer = std::move(messages[at++]);
  std::vector<provider::ToolCall> calls = std::move(answer.tool_calls);
  answer.tool_calls.clear();
  std::vector<Message> results;
  for (; at < messages.size() && messages[at].author == Author::tool; ++at) {
    auto call = std::ranges::find(calls, messages[at].tool_call_id, &provider::ToolCall::id);
    if (call == calls.end()) continue;
    answer.tool_calls.push_back(std::move(*call));
    calls.erase(call);
    results.push_back(std::move(messages[at]));
  }
  if (answer.text.empty() && answer.tool_calls.empty()) return;
  kept.push_back(std::move(answer));
  std::ranges::move(results, std::back_inserter(kept));
}

std::int64_t estimate(std::span<const Message> messages) { return provider::estimate_input_tokens({messages, {}}); }

}  // namespace

memory::Entry to_entry(const Message& message) { return {name_of(message.author), message.text, extra_of(message)}; }

std::vector<Message> to_messages(std::vector<memory::Entry> entries) {
  std::vector<Message> messages;
  messages.reserve(entries.size());
  for (memory::Entry& entry : entries) {
    std::optional<Message> message = to_message(std::move(entry));
    if (message) messages.push_back(std::move(*message));
  }
  std::vector<Message> kept;
  kept.reserve(messages.size());
  for (std::size_t at = 0; at < messages.size();) {
    if (messages[at].author == Author::assistant) {
      keep_exchange(messages, at, kept);
    } else if (messages[at].author == Author::user) {
      kept.push_back(std::move(messages[at++]));
    } else {
      ++at;
    }
  }
  return kept;
}

void fit_to_context(std::vector<Message>& messages, std::int64_t max_tokens) {
  auto is_user = [](const Message& message) { return message.author == Author::user; };
  auto begin = std::ranges::find_if(messages, [](const Message& message) { return message.author != Author::system; });
  auto start = std::find_if(begin, messages.end(), is_user);
  if (start == messages.end()) return;
  std::int64_t rules = estimate({messages.begin(), begin});
  while (rules + estimate({start, messages.end()}) > max_tokens) {
    auto next = std::find_if(start + 1, messages.end(), is_user);
    if (next == messages.end()) break;
    start = next;
  }
  messages.erase(begin, start);
}

}  // namespace usher::agent
