#include "provider/demo_match.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <utility>

#include "base/text.h"

namespace usher::provider {

namespace {

constexpr int name_points = 3, hint_points = 2, description_points = 1, shape_points = 2, threshold = 2;
constexpr std::size_t max_message_bytes = 8u << 10;
constexpr std::size_t max_argument_bytes = 500;

// Words that say nothing about what is meant, or only what is to be done with it.
constexpr std::array<std::string_view, 78> small_words = {
    "a",   "about", "all",  "am",    "an",    "and",    "any",   "are",   "at",   "be",    "by",    "can",    "could",
    "do",  "does",  "for",  "from",  "get",   "give",   "have",  "hello", "help", "hey",   "hi",    "how",    "i",
    "in",  "into",  "is",   "it",    "its",   "know",   "let",   "like",  "look", "many",  "me",    "much",   "my",
    "of",  "on",    "one",  "or",    "our",   "please", "shall", "so",    "some", "tell",  "thank", "thanks", "that",
    "the", "their", "them", "there", "these", "they",   "this",  "those", "to",   "up",    "us",    "want",   "was",
    "we",  "were",  "what", "when",  "where", "which",  "who",   "will",  "with", "would", "you",   "your",   "s"};

struct Hint {
  std::string_view word;    // in the message
  std::string_view points;  // to a tool with this word in its name
};
constexpr std::array<Hint, 48> hints = {{
    {"buy", "product"},       {"sell", "product"},      {"price", "product"},      {"cost", "product"},
    {"order", "product"},     {"shop", "product"},      {"stock", "product"},      {"catalog", "product"},
    {"catalogue", "product"}, {"available", "product"}, {"cheap", "product"},      {"have", "product"},
    {"details", "info"},      {"detail", "info"},       {"why", "knowledge"},      {"explain", "knowledge"},
    {"guide", "knowledge"},   {"docs", "knowledge"},    {"manual", "knowledge"},   {"policy", "knowledge"},
    {"return", "knowledge"},  {"refund", "knowledge"},  {"warranty", "knowledge"}, {"shipping", "knowledge"},
    {"hours", "knowledge"},   {"how", "knowledge"},     {"remember", "memory"},    {"note", "memory"},
    {"forget", "forget"},     {"remind", "recall"},     {"recall", "recall"},      {"know", "recall"},
    {"file", "file"},         {"files", "file"},        {"folder", "file"},        {"directory", "list"},
    {"open", "read"},         {"cat", "read"},          {"show", "read"},          {"save", "write"},
    {"create", "write"},      {"change", "edit"},       {"replace", "edit"},       {"find", "search"},
    {"look", "search"},       {"show", "list"},         {"remember", "store"},     {"note", "store"},
}};

// What stands before the thing itself in "please remember that …" and "write … to …".
constexpr std::array<std::string_view, 24> command_words = {
    "please", "can", "could", "would", "you",  "remember", "that", "note",   "down", "save",  "store", "write",
    "create", "add", "put",   "make",  "file", "a",        "the",  "called", "to",   "named", "into",  "in"};
constexpr std::array<std::string_view, 7> question_words = {"what", "which", "who", "where", "when", "do", "how"};

template <class Words>
bool holds(const Words& words, std::string_view word) {
  return std::ranges::find(words, word) != std::ranges::end(words);
}

// The same word but for its ending: "lamp" and "lamps", "search" and "searching".
bool is_alike(std::string_view a, std::string_view b) {
  if (a == b) return true;
  if (a.size() > b.size()) std::swap(a, b);
  return a.size() >= 4 && b.size() - a.size() <= 3 && b.starts_with(a);
}

bool holds_alike(const std::vector<std::string>& words, std::string_view word) {
  return std::ranges::any_of(words, [word](const std::string& other) { return is_alike(other, word); });
}

std::vector<std::string> name_words_of(std::string_view name) {
  std::string spaced(name);
  std::ranges::replace_if(spaced, [](char c) { return c == '_' || c == '-' || c == '.'; }, ' ');
  return words_of(spaced);
}

std::vector<std::string_view> tokens_of(std::string_view text) {
  std::vector<std::string_view> tokens;
  constexpr std::string_view blanks = " \t\r\n";
  for (std::size_t at = text.find_first_not_of(blanks); at != std::string_view::npos;) {
    const std::size_t end = std::min(text.find_first_of(blanks, at), text.size());
    tokens.push_back(text.substr(at, end - at));
    at = text.find_first_not_of(blanks, end);
  }
  return tokens;
}

std::string_view without_punctuation(std::string_view token) {
  constexpr std::string_view marks = ".,;:!?\"'`()[]{}<>";
  const std::size_t begin = token.find_first_not_of(marks);
  if (begin == std::string_view::npos) return "";
  return token.substr(begin, token.find_last_not_of(marks) - begin + 1);
}

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }

// "lamp-1", "SKU42", "4711".
bool looks_like_id(std::string_view token) {
  return std::ranges::any_of(token, is_digit) && std::ranges::all_of(token, [](char c) {
           return is_digit(c) || is_letter(c) || c == '-' || c == '_' || c == '#';
         });
}

// "notes.txt", "files/notes".
bool looks_like_path(std::string_view token) {
  if (token.find("://") != std::string_view::npos) return false;
  const std::size_t mark = token.find_first_of("/.");
  return mark != std::string_view::npos && token.size() >= 3 && mark + 1 < token.size() &&
         (is_letter(token.back()) || is_digit(token.back()));
}

template <class Predicate>
std::string_view first_token(std::string_view message, Predicate predicate) {
  for (const std::string_view token : tokens_of(message)) {
    const std::string_view bare = without_punctuation(token);
    if (!bare.empty() && predicate(bare)) return bare;
  }
  return "";
}

bool is_question(std::string_view message, const std::vector<std::string>& words) {
  return message.find('?') != std::string_view::npos || (!words.empty() && holds(question_words, words.front()));
}

// What is asked for, without the words that ask: "Do you have red lamps?" → "red lamps".
std::string topic_of(std::string_view message, const ToolOffer& tool) {
  const std::vector<std::string> name_words = name_words_of(tool.name);
  std::string topic;
  for (const std::string& word : words_of(message)) {
    const bool is_hint = std::ranges::any_of(hints, [&](const Hint& hint) { return hint.word == word; });
    if (is_hint || holds(small_words, word) || holds_alike(name_words, word)) continue;
    if (!topic.empty()) topic += ' ';
    topic += word;
  }
  return topic;
}

// What is to be kept: the message without the command before it and the path in it.
std::string content_of(std::string_view message) {
  std::vector<std::string_view> tokens = tokens_of(message);
  std::erase_if(tokens, [](std::string_view token) { return looks_like_path(without_punctuation(token)); });
  const auto is_command = [](std::string_view token) {
    return holds(command_words, fold_case(without_punctuation(token)));
  };
  while (!tokens.empty() && is_command(tokens.front())) tokens.erase(tokens.begin());
  while (!tokens.empty() && is_command(tokens.back())) tokens.pop_back();
  std::string content;
  for (const std::string_view token : tokens) {
    if (!content.empty()) content += ' ';
    content += token;
  }
  return content;
}

std::optional<json::value> whole_number_in(std::string_view message) {
  std::string_view token = first_token(message, [](std::string_view t) {
    if (t.starts_with('#')) t.remove_prefix(1);
    return !t.empty() && std::ranges::all_of(t, is_digit);
  });
  if (token.starts_with('#')) token.remove_prefix(1);
  std::int64_t number = 0;
  const auto [end, error] = std::from_chars(token.data(), token.data() + token.size(), number);
  if (token.empty() || error != std::errc()) return std::nullopt;
  return json::value(number);
}

json::value text_value(std::string_view text) {
  const std::string_view bounded = prefix_within_bytes(text, max_argument_bytes);
  return json::value(json::string_view(bounded.data(), bounded.size()));
}

std::optional<json::value> path_in(std::string_view message, const json::value& property) {
  const std::string_view path = first_token(message, looks_like_path);
  if (path.empty()) return std::nullopt;
  const bool has_files_root = string_at(&property, "description").value_or("").find("files/") != std::string_view::npos;
  const bool is_bare = path.find('/') == std::string_view::npos;
  return text_value(has_files_root && is_bare ? "files/" + std::string(path) : std::string(path));
}

// What a parameter's name says that it holds.
enum class Meaning { id, path, content, topic, passage };
Meaning meaning_of(std::string_view parameter) {
  static constexpr std::array<std::pair<std::string_view, Meaning>, 15> meanings = {{
      {"id", Meaning::id},
      {"sku", Meaning::id},
      {"code", Meaning::id},
      {"path", Meaning::path},
      {"file", Meaning::path},
      {"filename", Meaning::path},
      {"folder", Meaning::path},
      {"text", Meaning::content},
      {"fact", Meaning::content},
      {"note", Meaning::content},
      {"content", Meaning::content},
      {"message", Meaning::content},
      {"body", Meaning::content},
      {"old", Meaning::passage},
      {"new", Meaning::passage},
  }};
  const std::vector<std::string> words = name_words_of(parameter);
  for (const auto& [word, meaning] : meanings) {
    if (holds(words, word)) return meaning;
  }
  return Meaning::topic;
}

std::optional<json::value> text_for(std::string_view message, std::string_view name, const json::value& property,
                                    const ToolOffer& tool) {
  if (const json::array* choices = array_at(&property, "enum"); choices && !choices->empty()) {
    const std::vector<std::string> words = words_of(message);
    for (const json::value& choice : *choices) {
      if (choice.is_string() && holds(words, fold_case(std::string_view(choice.get_string())))) return choice;
    }
    return choices->front();
  }
  std::string text;
  switch (meaning_of(name)) {
    case Meaning::id:
      text = first_token(message, looks_like_id);
      break;
    case Meaning::path:
      return path_in(message, property);
    case Meaning::content:
      text = content_of(message);
      break;
    case Meaning::topic:
      text = topic_of(message, tool);
      break;
    case Meaning::passage:  // of a file that the demo has not read
      break;
  }
  if (text.empty()) return std::nullopt;
  return text_value(text);
}

std::optional<json::value> value_for(std::string_view message, std::string_view name, const json::value& property,
                                     const ToolOffer& tool) {
  const std::string_view type = string_at(&property, "type").value_or("string");
  if (type == "string") return text_for(message, name, property, tool);
  if (type == "integer" || type == "number") return whole_number_in(message);
  if (type == "boolean") return json::value(false);
  return std::nullopt;
}

int score_of(std::string_view message, const std::vector<std::string>& words, const ToolOffer& tool) {
  const std::vector<std::string> name_words = name_words_of(tool.name);
  const std::vector<std::string> description_words = words_of(tool.description);
  // A subagent would only match the same words once more, so it must be asked for by name.
  if (holds(name_words, std::string_view("delegate")) && !holds_alike(words, "delegate")) return 0;
  int score = 0;
  for (const std::string& word : words) {
    for (const Hint& hint : hints) {
      if (hint.word == word && holds(name_words, hint.points)) score += hint_points;
    }
    if (holds(small_words, word)) continue;
    if (holds_alike(name_words, word)) {
      score += name_points;
    } else if (holds_alike(description_words, word)) {
      score += description_points;
    }
  }
  if (score == 0) return 0;
  const bool asks = is_question(message, words);
  for (const std::string_view reading : {"search", "recall", "info"})
    score += asks && holds(name_words, reading) ? 1 : 0;
  for (const std::string_view writing : {"store", "write"}) score -= asks && holds(name_words, writing) ? 2 : 0;
  const bool has_id = !first_token(message, looks_like_id).empty();
  if (has_id && holds(name_words, std::string_view("info"))) score += shape_points;
  return score;
}

}  // namespace

std::string_view own_words(std::string_view user_text) {
  constexpr std::string_view mark = "</context>";
  std::string_view own = user_text;
  for (std::size_t at = user_text.find(mark); at != std::string_view::npos; at = user_text.find(mark, at + 1)) {
    const std::size_t end = at + mark.size();
    const bool begins_line = at == 0 || user_text[at - 1] == '\n';
    const bool ends_line = end == user_text.size() || user_text[end] == '\n';
    if (begins_line && ends_line) own = user_text.substr(std::min(end + 1, user_text.size()));
  }
  return trim(own);
}

std::optional<json::object> fill_arguments(std::string_view message, const ToolOffer& tool) {
  json::object arguments;
  if (!tool.parameters) return arguments;
  const json::value* properties = tool.parameters->if_contains("properties");
  const json::value* required = tool.parameters->if_contains("required");
  const auto is_required = [required](std::string_view name) {
    const json::array* names = required ? required->if_array() : nullptr;
    return names && std::ranges::any_of(*names, [name](const json::value& v) {
             return v.is_string() && std::string_view(v.get_string()) == name;
           });
  };
  if (!properties || !properties->is_object()) return arguments;
  for (const auto& [key, property] : properties->get_object()) {
    const std::string_view name(key.data(), key.size());
    const bool must = is_required(name);
    // Of the others only what is asked for: a search without its words would not be one.
    if (!must && name != "query") continue;
    std::optional<json::value> value = value_for(message, name, property, tool);
    if (!value && must) return std::nullopt;
    if (value) arguments.emplace(key, std::move(*value));
  }
  return arguments;
}

std::optional<DemoChoice> choose_tool(std::string_view message, std::span<const ToolOffer> tools) {
  message = prefix_within_bytes(message, max_message_bytes);
  const std::vector<std::string> words = words_of(message);
  std::optional<DemoChoice> best;
  int best_score = threshold - 1;
  for (const ToolOffer& tool : tools) {
    const int score = score_of(message, words, tool);
    if (score <= best_score) continue;
    std::optional<json::object> arguments = fill_arguments(message, tool);
    if (!arguments) continue;
    best_score = score;
    best = DemoChoice{std::string(tool.name), std::move(*arguments)};
  }
  return best;
}

}  // namespace usher::provider
