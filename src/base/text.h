// Text as people see it: UTF-8 in and out, counted in UTF-16 units or graphemes where a platform asks for it.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace usher {

bool is_valid_utf8(std::string_view text);
// Replaces every invalid byte sequence by U+FFFD. Returns a copy of valid text unchanged.
std::string repair_utf8(std::string_view text);

// UTF-16 code units of valid UTF-8 (Telegram counts in these).
std::size_t utf16_length(std::string_view text);
// The byte length of the longest prefix with at most `units` UTF-16 units that does not cut a grapheme cluster. At
// least one code point when text is not empty and units allows it (a single giant grapheme is cut at a code point).
std::size_t prefix_within_utf16(std::string_view text, std::size_t units);
// The longest prefix of at most `max_bytes` bytes that ends at a code point.
std::string_view prefix_within_bytes(std::string_view text, std::size_t max_bytes);

// Lower case (full Unicode case folding, NFKC): for matching words, never for identities.
std::string fold_case(std::string_view text);
// A–Z alone, as protocols compare names: no other letter ever becomes one of these.
std::string lower_ascii(std::string_view text);
// Words (runs of letters and digits) of fold_case(text).
std::vector<std::string> words_of(std::string_view text);

std::string_view trim(std::string_view text);

// Optimal string alignment distance (insert, delete, substitute, transpose) over bytes; for suggestions.
std::size_t edit_distance(std::string_view a, std::string_view b);
// The candidate nearest to `word` when it is near enough to be a typo, else "".
std::string nearest(std::string_view word, const std::vector<std::string>& candidates);

// printable ASCII and valid UTF-8 kept, control characters as \xNN, at most `max_bytes`: for logs of foreign text.
std::string printable(std::string_view text, std::size_t max_bytes = 200);

}  // namespace usher
