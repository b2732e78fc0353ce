// What the API writes to the ledger, each row before the effect that it speaks of. Event-loop thread.
#pragma once

#include <string>

#include "admin/api/answers.h"
#include "admin/api/call.h"
#include "audit/ledger.h"
#include "base/async.h"

namespace usher::admin {

// The error is the answer, 503, when the row is not on disk: then nothing may be done.
Task<Judged<void>> write_row(Context& context, audit::Record record);

// A token's name, or "legacy:<name>". Of a caller that is known.
std::string who_is(const Caller& caller);

// Something is done to a token: "token:make:agent", "token:replace:policy", "token:revoke:token", …
audit::Record token_record(const Caller& caller, std::string action, const Token& token, std::string detail);

}  // namespace usher::admin
