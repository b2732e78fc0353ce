// Words of people and models as an FTS5 query. Pure.
#pragma once

#include <string>
#include <string_view>

namespace usher::memory {

// Any of the words, longer ones also as prefixes: `"red"* OR "shoes"*`. Every word is quoted, so nothing in it is FTS5
// syntax. At most 32 words of at most 64 bytes; "" when there is none.
std::string match_expression(std::string_view query);

}  // namespace usher::memory
