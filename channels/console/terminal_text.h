// What may be printed on a terminal: text that comes from a model or a tool must not move its cursor, set its title or
// type on its owner's behalf. Pure.
#pragma once

#include <string>
#include <string_view>

namespace usher::console {

// Every control character but newline and tab (C0, DEL and C1, so every escape sequence), and every invalid byte,
// becomes U+FFFD.
std::string for_terminal(std::string_view text);

// The length of the longest prefix that does not end inside a UTF-8 sequence: a streamed piece may be cut anywhere.
std::size_t complete_prefix(std::string_view text);

}  // namespace usher::console
