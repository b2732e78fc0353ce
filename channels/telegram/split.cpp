#include "channels/telegram/split.h"

#include <algorithm>

#include "base/cut.h"

namespace usher::telegram {
namespace {

// White space that a message may begin with is dropped by Telegram, except inside a block of code.
std::size_t start_of_chunk(const StyledText& styled, std::size_t at) {
  const std::size_t solid = skip_blanks(styled.text, at);
  for (const Span& span : styled.spans) {
    if (span.style != Style::pre || span.end <= at || span.begin >= solid) continue;
    const std::size_t line = styled.text.rfind('\n', solid);
    return line == std::string::npos || line < at ? std::max(at, span.begin) : std::max(line + 1, span.begin);
  }
  return solid;
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
      end = end_of_piece(text, begin, units);
      html = to_html(styled, begin, without_trailing_blanks(text, begin, end));
      units /= 2;
    } while (html.size() > limits.bytes && units > 0);
    at = end;
    const std::string_view plain = text.substr(begin, without_trailing_blanks(text, begin, end) - begin);
    if (has_visible(plain)) chunks.push_back({std::move(html), std::string(plain)});
  }
  return chunks;
}

}  // namespace usher::telegram
