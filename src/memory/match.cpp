#include "memory/match.h"

#include "base/text.h"

namespace usher::memory {

namespace {

constexpr std::size_t max_words = 32;
constexpr std::size_t max_word_bytes = 64;
// Shorter beginnings ("a", "in") would match nearly everything.
constexpr std::size_t min_prefix_bytes = 3;

// White space and punctuation, but for what joins parts of one word: "MUG-1", "9.5", "it's", "a@b.example". Such a word
// is searched as a phrase.
bool is_separator(char c) {
  const auto byte = static_cast<unsigned char>(c);
  if (byte >= 0x80) return false;
  const bool is_letter_or_digit = (byte >= '0' && byte <= '9') || ((byte | 0x20) >= 'a' && (byte | 0x20) <= 'z');
  return !is_letter_or_digit && (c == '\0' || std::string_view("-._'@/&+").find(c) == std::string_view::npos);
}

// Something that the tokenizer makes a word of: a letter or digit, or anything beyond ASCII.
bool has_word(std::string_view text) {
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte >= 0x80 || (byte >= '0' && byte <= '9') || ((byte | 0x20) >= 'a' && (byte | 0x20) <= 'z')) return true;
  }
  return false;
}

void append_quoted(std::string& expression, std::string_view word) {
  if (!expression.empty()) expression += " OR ";
  expression += '"';
  for (const char c : word) {
    if (c == '"') expression += '"';
    expression += c;
  }
  expression += '"';
  if (word.size() >= min_prefix_bytes) expression += '*';
}

}  // namespace

std::string match_expression(std::string_view query) {
  std::string expression;
  std::size_t words = 0;
  std::size_t at = 0;
  while (at < query.size() && words < max_words) {
    std::size_t end = at;
    while (end < query.size() && !is_separator(query[end])) ++end;
    const std::string_view word = prefix_within_bytes(query.substr(at, end - at), max_word_bytes);
    if (has_word(word)) {
      append_quoted(expression, word);
      ++words;
    }
    at = end + 1;
  }
  return expression;
}

}  // namespace usher::memory
