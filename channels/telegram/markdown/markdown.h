// The model's Markdown → styled text, which split.h renders as Telegram's HTML. Pure, no state; any thread.
//
// The text between holds what the person will read (plain UTF-8) and, beside it, the ranges that are styled. It can be
// cut anywhere and each part rendered alone, which is what split.h does.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace usher::telegram {

enum class Style { bold, italic, strike, code, pre, link, quote };
inline constexpr std::size_t kStyles = 7;

struct Span {
  std::size_t begin = 0, end = 0;  // bytes of StyledText::text, begin < end
  Style style = Style::bold;
  std::string detail;  // link: the address; pre: the language or ""
};

// Spans are properly nested, stand in the order in which they open (the outer first), and no span holds another of its
// own style.
struct StyledText {
  std::string text;
  std::vector<Span> spans;
};

// CommonMark with tables, strikethrough and task lists; raw HTML is text. Line breaks of the source are kept, as chats
// do. Invalid UTF-8 is repaired; text above 256 KiB is taken as plain.
StyledText from_markdown(std::string_view markdown);

// The same, always through md4c: from_markdown() takes a short cut for plain sentences, and tests compare the two.
StyledText from_markdown_slowly(std::string_view markdown);

// True for http, https, tg and mailto addresses of at most 2048 bytes without control characters or spaces.
bool is_linkable(std::string_view address);

}  // namespace usher::telegram
