// The characters that RFC 9110 allows in tokens and field values: what keeps a line from being added to a head. Pure.
#pragma once

#include <string_view>

namespace usher::net {

bool is_token_char(char c);
// A method or field name; not empty.
bool is_token(std::string_view text);
// Tabs, visible ASCII, spaces and bytes past ASCII; no other control character.
bool is_field_char(char c);
bool is_field_value(std::string_view text);
bool equals_ignoring_case(std::string_view text, std::string_view lower);

}  // namespace usher::net
