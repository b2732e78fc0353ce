// Where a long text may be cut so that people can read the pieces. Valid UTF-8 in, byte offsets out. Pure; any thread.
#pragma once

#include <cstddef>
#include <string_view>

namespace usher {

// White space that a cut swallows: space, tab, line feed.
bool is_blank(char c);
// The first offset from `at` on that is not blank (a blank that carries a combining mark is not).
std::size_t skip_blanks(std::string_view text, std::size_t at);
std::size_t without_trailing_blanks(std::string_view text, std::size_t begin, std::size_t end);

// Where the piece ends that begins at `begin` and takes at most `units` UTF-16 units (at least one code point). Never
// inside a grapheme cluster unless one alone is larger, nor inside a word where blanks stand in reach; prefers the end
// of a paragraph, then of a line, then of a sentence, as long as that leaves half of the piece.
std::size_t end_of_piece(std::string_view text, std::size_t begin, std::size_t units);

// False when `text` holds nothing but white space, controls and zero-width characters.
bool has_visible(std::string_view text);

}  // namespace usher
