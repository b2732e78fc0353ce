// Cuts Markdown into messages that Discord accepts. Pure; any thread.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace usher::discord {

// Discord counts code points. UTF-16 units are never fewer, and some of its clients count those.
inline constexpr std::size_t kMaxUnits = 2000;

// Never cuts inside a grapheme cluster (unless one alone is over the limit) or, where white space stands in reach, a
// word; prefers the end of a paragraph, then of a line, then of a sentence. A block of code that is cut is closed at
// the end of its part and goes on, in its language, in the next. White space at a cut is dropped, and so are parts in
// which nothing is visible: the result is empty when there is nothing to read.
std::vector<std::string> split(std::string_view markdown, std::size_t max_units = kMaxUnits);

}  // namespace usher::discord
