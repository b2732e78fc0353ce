// A token as the API and the command line show it: never its secret. Pure.
#pragma once

#include "admin/tokens.h"
#include "base/json.h"

namespace usher::admin {

// `is_usable` as whoever has the clock judges it.
json::object token_json(const Token& token, bool is_usable);
// With the policy of an agent.
json::object token_json_with_policy(const Token& token, bool is_usable);

}  // namespace usher::admin
