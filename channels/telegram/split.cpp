#include "channels/telegram/split.h"

#include <utf8proc.h>

#include <algorithm>

#include "base/text.h"

namespace usher::telegram {
namespace {

bool is_space(char c) { return c == ' ' || c == '\n' || c == '\t'; }

struct CodePoint {
  utf8proc_int32_t value = 0;
  std::size_t bytes = 1;
};

CodePoint code_point_at(std::string_view text, std::size_t at) {
  const unsigned char first = static_cast<unsigned char>(text[at]);
  if (first < 0x80) return {first, 1};
  CodePoint point;
  const utf8proc_ssize_t bytes = utf8proc_iterate(reinterpret_cast<const utf8proc_uint8_t*>(text.data() + at),
                                                  static_cast<utf8proc_ssize_t>(text.size() - at), &point.value);
  if (bytes <= 0) return {0xFFFD, 1};
  point.bytes = static_cast<std::size_t>(bytes);
  return point;
}

// The best places to cut that one walk over a window found; 0 = none (a cut at the very start is no cut).
struct Cuts {
  std::size_t paragraph = 0, line = 0, sentence = 0, word = 0;
  std::size_t grapheme = 0;  // the last grapheme border within the limit
  bool is_whole = false;     // everything up to the end of the text fits
};

bool ends_sentence(char c) { return c == '.' || c == '!' || c == '?' || c == ':' || c == ';'; }

bool is_wide_stop(utf8proc_int32_t c) { return c == 0x3002 || c == 0xFF01 || c == 0xFF1F; }  // 。！？

// Notes a grapheme border at `at`: white space may begin there, and the cut is made in front of it.
void note_border(std::string_view text, std::size_t at, utf8proc_int32_t before, Cuts& cuts) {
  cuts.grapheme = at;
  if (is_wide_stop(before)) cuts.sentence = at;
  if (!is_space(text[at]) || is_space(text[at - 1])) return;
  cuts.word = at;
  if (ends_sentence(text[at - 1]) || is_wide_stop(before)) cuts.sentence = at;
  std::size_t newlines = 0;
  for (std::size_t i = at; i < text.size() && is_space(text[i]); ++i) newlines += text[i] == '\n' ? 1 : 0;
  if (newlines >= 1) cuts.line = at;
  if (newlines >= 2) cuts.paragraph = at;
}

// Walks from `begin` (not white space) while at most `units` UTF-16 units are taken.
Cuts find_cuts(std::string_view text, std::size_t begin, std::size_t units) {
  Cuts cuts;
  utf8proc_int32_t state = 0, previous = 0;
  std::size_t used = 0;
  for (std::size_t at = begin; at < text.size();) {
    const CodePoint point = code_point_at(text, at);
    const bool is_border = at > begin && utf8proc_grapheme_break_stateful(previous, point.value, &state);
    if (is_border) note_border(text, at, previous, cuts);
    used += point.value > 0xFFFF ? 2 : 1;
    if (used > units) return cuts;
    previous = point.value;
    at += point.bytes;
  }
  cuts.is_whole = true;
  return cuts;
}

std::size_t skip_space(std::string_view text, std::size_t at) {
  const std::size_t first = at;
  while (at < text.size() && is_space(text[at])) ++at;
  // A space that carries a combining mark is one grapheme with it.
  if (at > first && at < text.size() && !utf8proc_grapheme_break(text[at - 1], code_point_at(text, at).value)) --at;
  return at;
}

// Where the chunk that begins at `begin` ends, at most `units` further on.
std::size_t end_of_chunk(std::string_view text, std::size_t begin, std::size_t units) {
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
  return begin + std::max(forced, code_point_at(text, begin).bytes);
}

// White space that a message may begin with is dropped by Telegram, except inside a block of code.
std::size_t start_of_chunk(const StyledText& styled, std::size_t at) {
  const std::size_t solid = skip_space(styled.text, at);
  for (const Span& span : styled.spans) {
    if (span.style != Style::pre || span.end <= at || span.begin >= solid) continue;
    const std::size_t line = styled.text.rfind('\n', solid);
    return line == std::string::npos || line < at ? std::max(at, span.begin) : std::max(line + 1, span.begin);
  }
  return solid;
}

std::size_t without_trailing_space(std::string_view text, std::size_t begin, std::size_t end) {
  while (end > begin && is_space(text[end - 1])) --end;
  return end;
}

struct Tag {
  std::string_view open, close;
};

Tag tag_of(Style style) {
  switch (style) {
    case Style::bold:
      return {"<b>", "</b>"};
    case Style::italic:
      return {"<i>", "</i>"};
    case Style::strike:
      return {"<s>", "</s>"};
    case Style::code:
      return {"<code>", "</code>"};
    case Style::pre:
      return {"<pre>", "</pre>"};
    case Style::link:
      return {"<a href=\"", "</a>"};
    case Style::quote:
      return {"<blockquote>", "</blockquote>"};
  }
  return {};
}

void append_escaped(std::string& out, std::string_view text, bool is_attribute) {
  for (char c : text) {
    if (c == '&')
      out += "&amp;";
    else if (c == '<')
      out += "&lt;";
    else if (c == '>')
      out += "&gt;";
    else if (c == '"' && is_attribute)
      out += "&quot;";
    else
      out += c;
  }
}

void append_open(std::string& out, const Span& span) {
  out += tag_of(span.style).open;
  if (span.style == Style::link) {
    append_escaped(out, span.detail, true);
    out += "\">";
  } else if (span.style == Style::pre && !span.detail.empty()) {
    out += "<code class=\"language-" + span.detail + "\">";
  }
}

void append_close(std::string& out, const Span& span) {
  if (span.style == Style::pre && !span.detail.empty()) out += "</code>";
  out += tag_of(span.style).close;
}

}  // namespace

std::string to_html(const StyledText& styled, std::size_t begin, std::size_t end) {
  std::string out;
  out.reserve(end - begin + 64);
  struct Open {
    const Span* span;
    std::size_t end;
  };
  std::vector<Open> open;
  std::size_t at = begin;
  const auto text_to = [&](std::size_t to) {
    append_escaped(out, std::string_view(styled.text).substr(at, to - at), false);
    at = to;
  };
  const auto close_to = [&](std::size_t to) {
    for (; !open.empty() && open.back().end <= to; open.pop_back()) {
      text_to(open.back().end);
      append_close(out, *open.back().span);
    }
  };
  for (const Span& span : styled.spans) {
    if (span.end <= begin || span.begin >= end) continue;
    const std::size_t from = std::max(begin, span.begin);
    close_to(from);
    text_to(from);
    append_open(out, span);
    open.push_back({&span, std::min(end, span.end)});
  }
  close_to(end);
  text_to(end);
  return out;
}

bool has_visible(std::string_view text) {
  for (std::size_t at = 0; at < text.size();) {
    const CodePoint point = code_point_at(text, at);
    at += point.bytes;
    switch (utf8proc_category(point.value)) {
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

std::vector<Chunk> split(const StyledText& styled, SplitLimits limits) {
  std::vector<Chunk> chunks;
  const std::string_view text = styled.text;
  std::size_t at = 0;
  while (at < text.size()) {
    const std::size_t begin = start_of_chunk(styled, at);
    if (begin >= text.size()) break;
    std::size_t units = limits.units, end = 0;
    std::string html;
    do {  // long addresses may fill a message's bytes long before its units
      end = end_of_chunk(text, begin, units);
      html = to_html(styled, begin, without_trailing_space(text, begin, end));
      units /= 2;
    } while (html.size() > limits.bytes && units > 0);
    at = end;
    const std::string_view plain = text.substr(begin, without_trailing_space(text, begin, end) - begin);
    if (has_visible(plain)) chunks.push_back({std::move(html), std::string(plain)});
  }
  return chunks;
}

}  // namespace usher::telegram
