// Discord's ids, which come from outside as texts and go into addresses and routes. Pure; any thread.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"

namespace usher::discord {

// A decimal snowflake without sign or leading zero, below 2^64; how every id is checked before it is used.
bool is_snowflake(std::string_view text);
// The snowflake that is the member `name`; "" when it is none.
std::string snowflake_at(const json::value* in, std::string_view name);
// The roles that a guild's `member` object vouches for, at most 512 (a guild has 250); what is no id is left out.
std::vector<std::string> roles_in(const json::value* member);

}  // namespace usher::discord
