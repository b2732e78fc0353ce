#include "e2e/crash/schedule/script.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <ranges>
#include <string_view>
#include <vector>

#include "e2e/crash/history/history.h"

namespace usher::e2e::crash {
namespace {

constexpr std::string_view kPlan = " plan: ";
constexpr std::chrono::milliseconds kThinking{12};
// "grow 14" takes a second and a half, which a growing answer needs to be shown once, "grow 36" long enough for twice.
constexpr std::chrono::milliseconds kBetweenPieces{90};
constexpr std::size_t kSmallPiece = 60;
constexpr const char* kFiller = "the quick brown fox jumps over the lazy dog and goes home";

std::string text_of(const json::value& message) {
  const json::value* content = member(&message, "content");
  if (content && content->is_string()) return std::string(content->as_string());
  std::string text;
  const json::array* parts = array_at(&message, "content");
  for (std::size_t i = 0; parts && i < parts->size(); ++i) text += string_at(&(*parts)[i], "text").value_or("");
  return text;
}

bool has_picture(const json::value& message) {
  const json::array* parts = array_at(&message, "content");
  return parts && std::ranges::any_of(*parts, [](const json::value& part) { return member(&part, "image_url"); });
}

// "T42", or "T42/d1", before the plan in `text`; "" when there is none.
std::string prefix_in(std::string_view text) {
  const std::size_t plan = text.find(kPlan);
  if (plan == std::string_view::npos || plan == 0) return "";
  const std::size_t blank = text.find_last_of(" \n", plan - 1);
  return std::string(text.substr(blank + 1, plan - blank - 1));
}

std::vector<std::string> split(std::string_view text, char by) {
  std::vector<std::string> parts;
  for (const auto part : std::views::split(text, by)) parts.emplace_back(part.begin(), part.end());
  return parts;
}

// Messages behind the one that holds the plan.
std::span<const json::value> since_plan(const json::object& request, std::string& plan) {
  const json::array& messages = request.at("messages").as_array();
  for (std::size_t i = messages.size(); i-- > 0;) {
    if (string_at(&messages[i], "role") != "user") continue;
    plan = text_of(messages[i]);
    if (plan.find(kPlan) != std::string::npos) return std::span(messages.data(), messages.size()).subspan(i + 1);
  }
  plan.clear();
  return {};
}

ModelToolCall call_of(const std::string& word, const Position& position, std::size_t index) {
  const auto token = [&](char kind) {
    return fmt::format("[{}/{}{}.{}]", position.prefix, kind, position.round, index);
  };
  ModelToolCall call{.id = fmt::format("call_{}_{}", position.round, index)};
  json::object arguments;
  if (word == "edit") {
    call.name = "file_edit";
    arguments = {{"path", kLogFile}, {"old", kLogEnd}, {"new", token('e') + "\n" + kLogEnd}};
  } else if (word == "write") {
    std::string name = fmt::format("files/{}-{}-{}.txt", position.prefix, position.round, index);
    std::ranges::replace(name.begin() + 6, name.end(), '/', '-');
    call.name = "file_write";
    arguments = {{"path", name}, {"content", token('w')}};
  } else if (word == "begin") {
    call.name = "file_write";
    arguments = {{"path", kLogFile}, {"content", kLogEnd}};
  } else if (word == "store") {
    call.name = "memory_store";
    arguments = {{"text", "remember " + token('m')}};
  } else if (word == "delegate") {
    call.name = "delegate";
    arguments = {{"task", fmt::format("{}/d{}{}edit;say 1", position.prefix, position.round, kPlan)}};
  } else {
    call.name = "product_search";
    // Never the same words: the same call three times running ends a turn.
    arguments = {{"query", fmt::format("kettle {} {}", position.round, index)}};
  }
  call.arguments = json::serialize(arguments);
  return call;
}

// The token of a call that its tool reported as done; what a subagent reports as done comes with its answer.
std::vector<std::string> done_by(const json::value& call, std::string_view result) {
  const std::string name(string_at(member(&call, "function"), "name").value_or(""));
  if (name == "delegate") return claims_of(result);
  const bool is_done =
      result.starts_with("Wrote ") || result.starts_with("Edited ") || result.starts_with("Remembered ");
  if (!is_done) return {};
  return effects_in(string_at(member(&call, "function"), "arguments").value_or(""));
}

std::string claims(std::span<const json::value> messages) {
  std::string text;
  for (const json::value& message : messages) {
    const json::array* calls = array_at(&message, "tool_calls");
    if (!calls) continue;
    for (const json::value& call : *calls) {
      const auto result = std::ranges::find_if(messages, [&](const json::value& other) {
        return string_at(&other, "role") == "tool" && string_at(&other, "tool_call_id") == string_at(&call, "id");
      });
      if (result == messages.end()) continue;
      for (const std::string& token : done_by(call, text_of(*result))) text += " " + token;
    }
  }
  return text.empty() ? "" : " ok:" + text;
}

}  // namespace

Position position_of(const json::object& request) {
  Position position;
  std::string text;
  const std::span<const json::value> messages = since_plan(request, text);
  const std::size_t plan = text.find(kPlan);
  if (plan == std::string::npos) return position;
  position.prefix = prefix_in(text);
  position.plan = text.substr(plan + kPlan.size(), text.find('\n', plan) - plan - kPlan.size());
  position.message = message_of_token(position.prefix + "/");
  const std::size_t slash = position.prefix.find('/');
  if (slash != std::string::npos) position.agent = position.prefix.substr(slash + 1);
  position.round = static_cast<int>(
      std::ranges::count_if(messages, [](const json::value& message) { return array_at(&message, "tool_calls"); }));
  return position;
}

View view_of(const json::object& request) {
  View view;
  const json::value* newest = nullptr;
  for (const json::value& message : request.at("messages").as_array()) {
    const std::string prefix = string_at(&message, "role") == "user" ? prefix_in(text_of(message)) : "";
    if (prefix.empty()) continue;
    newest = &message;
    view.messages.push_back(message_of_token(prefix + "/"));
  }
  if (!view.messages.empty()) view.messages.pop_back();
  view.has_picture = newest && has_picture(*newest);
  return view;
}

ModelAnswer answer_by_plan(const json::object& request) {
  ModelAnswer answer;
  answer.piece_bytes = 600;
  const Position position = position_of(request);
  // Some take a while, so that several turns are on their way at once.
  if ((position.message + position.round) % 3 == 0) answer.transport.delay = kThinking;
  const std::vector<std::string> rounds = split(position.plan, ';');
  const auto round = static_cast<std::size_t>(position.round);
  if (position.message == 0 || round >= rounds.size()) {
    answer.text = "there is no plan";
    return answer;
  }
  const bool grows = rounds[round].starts_with("grow ");
  if (!grows && !rounds[round].starts_with("say ")) {
    const std::vector<std::string> words = split(rounds[round], '+');
    for (std::size_t i = 0; i < words.size(); ++i) answer.tool_calls.push_back(call_of(words[i], position, i));
    return answer;
  }
  if (grows) {
    answer.piece_bytes = kSmallPiece;
    answer.transport.chunk_delay = kBetweenPieces;
  }
  int lines = 1;
  std::from_chars(rounds[round].data() + rounds[round].find(' ') + 1, rounds[round].data() + rounds[round].size(),
                  lines);
  std::string plan;
  for (int i = 1; i <= lines; ++i) {
    answer.text +=
        fmt::format("{}T{}#{}/{} {}", i == 1 ? "" : "\n", position.message, i, lines, lines > 1 ? kFiller : "");
  }
  answer.text += claims(since_plan(request, plan));
  return answer;
}

std::int64_t cost_of(const ModelAnswer& answer) { return 10 * (answer.prompt_tokens + answer.completion_tokens); }

}  // namespace usher::e2e::crash
