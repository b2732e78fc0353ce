#include "base/text.h"

#include <fmt/format.h>
#include <utf8proc.h>

#include <algorithm>
#include <cstdlib>
#include <memory>
#include <new>
#include <utility>

#include "base/unicode.h"

namespace usher {

namespace {

constexpr std::string_view replacement = "\xEF\xBF\xBD";

char ascii_lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

std::string ascii_lower(std::string_view text) {
  std::string lower(text);
  std::ranges::transform(lower, lower.begin(), [](char c) { return ascii_lower(c); });
  return lower;
}

bool is_letter_or_digit(char32_t c) {
  utf8proc_category_t category = utf8proc_category(static_cast<utf8proc_int32_t>(c));
  return (category >= UTF8PROC_CATEGORY_LU && category <= UTF8PROC_CATEGORY_LO) ||
         (category >= UTF8PROC_CATEGORY_ND && category <= UTF8PROC_CATEGORY_NO);
}

// Vowel signs and accents belong to the letter before them.
bool is_mark(char32_t c) {
  utf8proc_category_t category = utf8proc_category(static_cast<utf8proc_int32_t>(c));
  return category >= UTF8PROC_CATEGORY_MN && category <= UTF8PROC_CATEGORY_ME;
}

// Would end a line, drive a terminal or reorder what stands around it.
bool is_unprintable(char32_t c) {
  bool is_control = c < 0x20 || (c >= 0x7F && c < 0xA0);
  bool is_separator = c == 0x2028 || c == 0x2029;
  bool is_bidi_control =
      (c >= 0x202A && c <= 0x202E) || (c >= 0x2066 && c <= 0x2069) || c == 0x200E || c == 0x200F || c == 0x061C;
  return is_control || is_separator || is_bidi_control;
}

// Where the walk over graphemes may begin: so far everything is ASCII, where only CR LF is longer than a character.
std::size_t ascii_start(std::string_view text, std::size_t units) {
  std::size_t start = ascii_prefix(text.substr(0, units));
  if (start > 0) --start;
  if (start > 0 && text[start] == '\n' && text[start - 1] == '\r') --start;
  return start;
}

}  // namespace

bool is_valid_utf8(std::string_view text) {
  std::size_t at = ascii_prefix(text);
  while (at < text.size()) {
    CodePoint c = decode_utf8(text.substr(at));
    if (!c.is_valid) return false;
    at += c.length;
  }
  return true;
}

std::string repair_utf8(std::string_view text) {
  if (is_valid_utf8(text)) return std::string(text);
  std::string repaired;
  repaired.reserve(text.size() + replacement.size());
  for (std::size_t at = 0; at < text.size();) {
    CodePoint c = decode_utf8(text.substr(at));
    repaired.append(c.is_valid ? text.substr(at, c.length) : replacement);
    at += c.length;
  }
  return repaired;
}

std::size_t utf16_length(std::string_view text) {
  // Every character has one byte that is no continuation byte; those of four bytes are two units.
  std::size_t units = 0;
  for (unsigned char byte : text)
    units += static_cast<std::size_t>((byte & 0xC0) != 0x80) + static_cast<std::size_t>(byte >= 0xF0);
  return units;
}

std::size_t prefix_within_utf16(std::string_view text, std::size_t units) {
  if (text.size() <= units) return text.size();  // no character has more UTF-16 units than UTF-8 bytes
  std::size_t at = ascii_start(text, units);
  std::size_t used = at;
  std::size_t last_grapheme = at;
  utf8proc_int32_t state = 0;
  char32_t previous = 0;
  for (bool is_first = true; at < text.size(); is_first = false) {
    CodePoint c = decode_utf8(text.substr(at));
    if (is_first || utf8proc_grapheme_break_stateful(static_cast<utf8proc_int32_t>(previous),
                                                     static_cast<utf8proc_int32_t>(c.value), &state)) {
      last_grapheme = at;
    }
    std::size_t needed = c.value > 0xFFFF ? 2 : 1;
    if (used + needed > units) return last_grapheme > 0 ? last_grapheme : at;
    used += needed;
    at += c.length;
    previous = c.value;
  }
  return text.size();
}

std::string_view prefix_within_bytes(std::string_view text, std::size_t max_bytes) {
  if (text.size() <= max_bytes) return text;
  std::size_t end = max_bytes;
  for (int steps = 0; steps < 3 && end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0) == 0x80; ++steps) --end;
  return text.substr(0, end);
}

std::string fold_case(std::string_view text) {
  if (ascii_prefix(text) == text.size()) return ascii_lower(text);
  std::string valid = repair_utf8(text);
  constexpr auto options = static_cast<utf8proc_option_t>(UTF8PROC_STABLE | UTF8PROC_COMPOSE | UTF8PROC_COMPAT |
                                                          UTF8PROC_CASEFOLD | UTF8PROC_IGNORE);
  utf8proc_uint8_t* mapped = nullptr;
  utf8proc_ssize_t length = utf8proc_map(reinterpret_cast<const utf8proc_uint8_t*>(valid.data()),
                                         static_cast<utf8proc_ssize_t>(valid.size()), &mapped, options);
  std::unique_ptr<utf8proc_uint8_t, decltype(&std::free)> owner(mapped, &std::free);
  if (length < 0) throw std::bad_alloc();  // the only failure left for valid text
  return std::string(reinterpret_cast<const char*>(mapped), static_cast<std::size_t>(length));
}

std::vector<std::string> words_of(std::string_view text) {
  std::string folded = fold_case(text);
  std::string_view rest = folded;
  std::vector<std::string> words;
  std::string word;
  while (!rest.empty()) {
    CodePoint c = decode_utf8(rest);
    if (is_letter_or_digit(c.value) || (!word.empty() && is_mark(c.value))) {
      word.append(rest.substr(0, c.length));
    } else if (!word.empty()) {
      words.push_back(std::exchange(word, {}));
    }
    rest.remove_prefix(c.length);
  }
  if (!word.empty()) words.push_back(std::move(word));
  return words;
}

std::string_view trim(std::string_view text) {
  constexpr std::string_view space = " \t\r\n\f\v";
  std::size_t begin = text.find_first_not_of(space);
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(space) - begin + 1);
}

std::size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> before(b.size() + 1), previous(b.size() + 1), current(b.size() + 1);
  for (std::size_t j = 0; j <= b.size(); ++j) previous[j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    current[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      std::size_t substituted = previous[j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1);
      current[j] = std::min({previous[j] + 1, current[j - 1] + 1, substituted});
      bool is_swapped = i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1];
      if (is_swapped) current[j] = std::min(current[j], before[j - 2] + 1);
    }
    before.swap(previous);
    previous.swap(current);
  }
  return previous[b.size()];
}

std::string nearest(std::string_view word, const std::vector<std::string>& candidates) {
  constexpr std::size_t longest = 64;
  if (word.empty() || word.size() > longest) return {};
  std::string lower = ascii_lower(word);
  std::size_t best_distance = word.size() <= 3 ? 1 : word.size() <= 8 ? 2 : 3;
  const std::string* best = nullptr;
  for (const std::string& candidate : candidates) {
    if (candidate.size() > longest + 3) continue;
    std::size_t distance = edit_distance(lower, ascii_lower(candidate));
    bool shares_something = distance < std::max(word.size(), candidate.size());
    if (!shares_something || distance > best_distance || (best && distance == best_distance)) continue;
    best = &candidate;
    best_distance = distance;
  }
  return best ? *best : std::string();
}

std::string printable(std::string_view text, std::size_t max_bytes) {
  constexpr std::string_view ellipsis = "…";
  std::string shown;
  std::size_t cut = 0;  // where an ellipsis would still fit
  for (std::size_t at = 0; at < text.size();) {
    CodePoint c = decode_utf8(text.substr(at));
    std::string_view bytes = text.substr(at, c.length);
    std::size_t needed = !c.is_valid || is_unprintable(c.value) ? 4 * bytes.size() : bytes.size();
    if (shown.size() + needed > max_bytes) {
      shown.resize(cut);
      if (max_bytes >= ellipsis.size()) shown.append(ellipsis);
      return shown;
    }
    if (needed == bytes.size()) {
      shown.append(bytes);
    } else {
      for (unsigned char byte : bytes) fmt::format_to(std::back_inserter(shown), "\\x{:02x}", byte);
    }
    if (shown.size() + ellipsis.size() <= max_bytes) cut = shown.size();
    at += c.length;
  }
  return shown;
}

std::string lower_ascii(std::string_view text) {
  std::string lower(text);
  for (char& c : lower) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return lower;
}

}  // namespace usher
