#include "e2e/crash/history/history.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <optional>

namespace usher::e2e::crash {
namespace {

// Reads a whole number at the front of `text` and takes it away.
std::optional<int> take_number(std::string_view& text) {
  int number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc()) return std::nullopt;
  text.remove_prefix(static_cast<std::size_t>(end - text.data()));
  return number;
}

bool take(std::string_view& text, char c) {
  if (text.empty() || text.front() != c) return false;
  text.remove_prefix(1);
  return true;
}

std::optional<AnswerLine> read_line(std::string_view text) {
  if (!take(text, 'T')) return std::nullopt;
  const std::optional<int> message = take_number(text);
  if (!message || !take(text, '#')) return std::nullopt;
  const std::optional<int> number = take_number(text);
  if (!number || !take(text, '/')) return std::nullopt;
  const std::optional<int> of = take_number(text);
  if (!of) return std::nullopt;
  return AnswerLine{*message, *number, *of};
}

bool is_of_token(char c) {
  return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == 'T' || c == '/' || c == '.';
}

}  // namespace

const Message* History::find(int number) const {
  const auto found = std::ranges::find(messages, number, &Message::number);
  return found == messages.end() ? nullptr : &*found;
}

const char* to_string(Event::Kind kind) {
  switch (kind) {
    case Event::Kind::life_began:
      return "life began:";
    case Event::Kind::life_ended:
      return "life ended:";
    case Event::Kind::written:
      return "written:";
    case Event::Kind::repeated:
      return "delivered once more";
    case Event::Kind::confirmed:
      return "confirmed";
    case Event::Kind::stored:
      return "on disk:";
    case Event::Kind::model_asked:
      return "model asked";
    case Event::Kind::reply_arrived:
      return "reply arrived:";
  }
  return "?";
}

std::string to_string(const Event& event) {
  std::string line = fmt::format("life {:<4}{:8.3f} s  ", event.life, static_cast<double>(event.at.count()) / 1e6);
  if (event.message != 0) line += fmt::format("T{} ", event.message);
  line += to_string(event.kind);
  if (event.kind == Event::Kind::model_asked) {
    line += fmt::format(" {}round {}", event.agent.empty() ? "" : event.agent + " ", event.round);
  }
  if (!event.text.empty()) {
    std::string text = event.text.substr(0, 160);
    std::ranges::replace(text, '\n', ' ');
    line += fmt::format(" {}{}", text, event.text.size() > 160 ? "…" : "");
  }
  return line;
}

std::vector<AnswerLine> lines_of(std::string_view text) {
  std::vector<AnswerLine> lines;
  for (std::size_t at = text.find('T'); at != std::string_view::npos; at = text.find('T', at + 1)) {
    if (const std::optional<AnswerLine> line = read_line(text.substr(at))) lines.push_back(*line);
  }
  return lines;
}

std::vector<std::string> claims_of(std::string_view text) {
  std::vector<std::string> claims;
  const std::size_t start = text.find("ok:");
  if (start == std::string_view::npos) return claims;
  std::string_view rest = text.substr(start + 3);
  while (take(rest, ' ')) {
    const auto end = std::ranges::find_if_not(rest, is_of_token);
    std::string token(rest.begin(), end);
    rest.remove_prefix(token.size());
    if (message_of_token(token) != 0) claims.push_back(std::move(token));
  }
  return claims;
}

int message_of_token(std::string_view token) {
  if (!take(token, 'T')) return 0;
  const std::optional<int> number = take_number(token);
  return number && take(token, '/') ? *number : 0;
}

std::vector<std::string> effects_in(std::string_view text) {
  std::vector<std::string> effects;
  for (std::size_t at = text.find("[T"); at != std::string_view::npos; at = text.find("[T", at + 1)) {
    const std::size_t end = text.find(']', at);
    if (end == std::string_view::npos) break;
    const std::string_view token = text.substr(at + 1, end - at - 1);
    if (std::ranges::all_of(token, is_of_token) && message_of_token(token) != 0) effects.emplace_back(token);
  }
  return effects;
}

}  // namespace usher::e2e::crash
