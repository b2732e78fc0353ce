// Cuts styled text into messages that Telegram accepts, and renders them as its HTML. Pure; any thread.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "channels/telegram/markdown/markdown.h"

namespace usher::telegram {

struct SplitLimits {
  std::size_t units = 4096;    // UTF-16 code units after entity parsing
  std::size_t bytes = 32'768;  // of the HTML as sent
};

// One message: as HTML, and the same words without any markup for when Telegram refuses the HTML.
struct Chunk {
  std::string html;
  std::string plain;
};

// Never cuts inside a grapheme cluster (unless one alone is over the limits), a tag, an entity or, where white space
// stands in reach, a word; prefers the end of a paragraph, then of a line, then of a sentence. White space at a cut is
// dropped, and so are chunks in which nothing is visible: the result is empty when there is nothing to read.
std::vector<Chunk> split(const StyledText& styled, SplitLimits limits = {});

// Bytes [begin, end) of the text as Telegram's HTML. Spans cut by the range are closed at its end and opened at its
// start.
std::string to_html(const StyledText& styled, std::size_t begin, std::size_t end);

}  // namespace usher::telegram
