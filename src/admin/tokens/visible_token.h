// Which tokens a caller may see. Event-loop thread.
#pragma once

#include <string>

#include "admin/api/answers.h"
#include "admin/api/call.h"

namespace usher::admin {

// The token when the caller may see it: an operator of its tenant, an agent that is itself or above it. Else 404, as
// for one that does not exist.
Judged<Token> visible_token(Context& context, const Caller& caller, const std::string& jti);

}  // namespace usher::admin
