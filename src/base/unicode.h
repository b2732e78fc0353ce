// UTF-8, one code point at a time. Pure.
#pragma once

#include <cstddef>
#include <string_view>

namespace usher {

struct CodePoint {
  char32_t value = 0xFFFD;  // U+FFFD when the bytes are no UTF-8
  std::size_t length =
      1;  // bytes taken, at least 1; of malformed text the longest part that could have begun a character
  bool is_valid = false;
};

// The code point at the beginning of `text`, which must not be empty. Overlong forms, surrogates and values beyond
// U+10FFFF are malformed.
CodePoint decode_utf8(std::string_view text);

// The length of the leading run of ASCII bytes.
std::size_t ascii_prefix(std::string_view text);

}  // namespace usher
