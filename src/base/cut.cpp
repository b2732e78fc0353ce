#include "base/cut.h"

#include <utf8proc.h>

#include <algorithm>

#include "base/text.h"
#include "base/unicode.h"

namespace usher {
namespace {

// The best places to cut that one walk over a window found; 0 = none (a cut at the very start is no cut).
struct Cuts {
  std::size_t paragraph = 0, line = 0, sentence = 0, word = 0;
  std::size_t grapheme = 0;  // the last grapheme border within the limit
  bool is_whole = false;     // everything up to the end of the text fits
};

bool ends_sentence(char c) { return c == '.' || c == '!' || c == '?' || c == ':' || c == ';'; }

bool is_wide_stop(char32_t c) { return c == 0x3002 || c == 0xFF01 || c == 0xFF1F; }  // 。！？

// Notes a grapheme border at `at`: white space may begin there, and the cut is made in front of it.
void note_border(std::string_view text, std::size_t at, char32_t before, Cuts& cuts) {
  cuts.grapheme = at;
  if (is_wide_stop(before)) cuts.sentence = at;
  if (!is_blank(text[at]) || is_blank(text[at - 1])) return;
  cuts.word = at;
  if (ends_sentence(text[at - 1]) || is_wide_stop(before)) cuts.sentence = at;
  std::size_t newlines = 0;
  for (std::size_t i = at; i < text.size() && is_blank(text[i]); ++i) newlines += text[i] == '\n' ? 1 : 0;
  if (newlines >= 1) cuts.line = at;
  if (newlines >= 2) cuts.paragraph = at;
}

// Walks from `begin` (not white space) while at most `units` UTF-16 units are taken.
Cuts find_cuts(std::string_view text, std::size_t begin, std::size_t units) {
  Cuts cuts;
  utf8proc_int32_t state = 0, previous = 0;
  std::size_t used = 0;
  for (std::size_t at = begin; at < text.size();) {
    const CodePoint point = decode_utf8(text.substr(at));
    const bool is_border = at > begin && utf8proc_grapheme_break_stateful(previous, point.value, &state);
    if (is_border) note_border(text, at, previous, cuts);
    used += point.value > 0xFFFF ? 2 : 1;
    if (used > units) return cuts;
    previous = point.value;
    at += point.length;
  }
  cuts.is_whole = true;
  return cuts;
}

}  // namespace

bool is_blank(char c) { return c == ' ' || c == '\n' || c == '\t'; }

std::size_t skip_blanks(std::string_view text, std::size_t at) {
  const std::size_t first = at;
  while (at < text.size() && is_blank(text[at])) ++at;
  // A space that carries a combining mark is one grapheme with it.
  if (at > first && at < text.size() && !utf8proc_grapheme_break(text[at - 1], decode_utf8(text.substr(at)).value))
    --at;
  return at;
}

// Where the chunk that begins at `begin` ends, at most `units` further on.
std::size_t end_of_piece(std::string_view text, std::size_t begin, std::size_t units) {
  if (text.size() - begin <= units) return text.size();
  const Cuts cuts = find_cuts(text, begin, units);
  if (cuts.is_whole) return text.size();
  // A nice border near the start would make many tiny messages: it must leave a chunk at least half full.
  const std::size_t half = begin + (cuts.grapheme > begin ? (cuts.grapheme - begin) / 2 : 0);
  for (std::size_t cut : {cuts.paragraph, cuts.line, cuts.sentence}) {
    if (cut > half) return cut;
  }
  if (cuts.word > begin) return cuts.word;
  if (cuts.grapheme > begin) return cuts.grapheme;
  const std::size_t forced = prefix_within_utf16(text.substr(begin), units);
  return begin + std::max(forced, decode_utf8(text.substr(begin)).length);
}

std::size_t without_trailing_blanks(std::string_view text, std::size_t begin, std::size_t end) {
  while (end > begin && is_blank(text[end - 1])) --end;
  return end;
}

bool has_visible(std::string_view text) {
  for (std::size_t at = 0; at < text.size();) {
    const CodePoint point = decode_utf8(text.substr(at));
    at += point.length;
    switch (utf8proc_category(static_cast<utf8proc_int32_t>(point.value))) {
      case UTF8PROC_CATEGORY_CN:
      case UTF8PROC_CATEGORY_CC:
      case UTF8PROC_CATEGORY_CF:
      case UTF8PROC_CATEGORY_CS:
      case UTF8PROC_CATEGORY_ZS:
      case UTF8PROC_CATEGORY_ZL:
      case UTF8PROC_CATEGORY_ZP:
        break;
      default:
        return true;
    }
  }
  return false;
}

}  // namespace usher
