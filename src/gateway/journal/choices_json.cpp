#include "gateway/journal/choices_json.h"

#include "base/json.h"

namespace usher::gateway {
namespace {

constexpr std::size_t kMaxStoredBytes = 64u << 10;

}  // namespace

std::string to_json(const std::vector<channel::Choice>& choices) {
  if (choices.empty()) return "";
  json::array out;
  for (const channel::Choice& choice : choices) out.push_back(json::array{choice.label, choice.says});
  return json::serialize(out);
}

std::vector<channel::Choice> choices_from_json(std::string_view text) {
  std::vector<channel::Choice> out;
  if (text.empty()) return out;
  const Result<json::value> parsed = parse_json(text, kMaxStoredBytes);
  const json::array* choices = parsed ? parsed->if_array() : nullptr;
  if (!choices) return out;
  for (const json::value& choice : *choices) {
    const json::array* pair = choice.if_array();
    if (!pair || pair->size() != 2 || !(*pair)[0].is_string() || !(*pair)[1].is_string()) return {};
    out.push_back({std::string((*pair)[0].get_string()), std::string((*pair)[1].get_string())});
  }
  return out;
}

}  // namespace usher::gateway
