// A token as the API shows it, and to whom. Event-loop thread.
#pragma once

#include <string>

#include "admin/api/answers.h"
#include "admin/api/call.h"
#include "base/json.h"

namespace usher::admin {

json::object token_json(const Token& token, bool is_usable);
json::object token_json_with_policy(const Token& token, bool is_usable);

// The token when the caller may see it: an operator of its tenant, an agent that is itself or above it. Else 404, as
// for one that does not exist.
Judged<Token> visible_token(Context& context, const Caller& caller, const std::string& jti);

}  // namespace usher::admin
