// What answers each route of the table in routes.cpp. Called once the caller was admitted and the body was read as
// JSON. Event-loop thread.
#pragma once

#include "admin/api/call.h"
#include "base/async.h"
#include "net/http_server.h"

namespace usher::admin {

Task<net::ServerResponse> get_health(Context& context, Call call);
Task<net::ServerResponse> get_readiness(Context& context, Call call);

Task<net::ServerResponse> post_agent(Context& context, Call call);
Task<net::ServerResponse> post_subagent(Context& context, Call call);
Task<net::ServerResponse> post_operator(Context& context, Call call);
Task<net::ServerResponse> get_tokens(Context& context, Call call);
Task<net::ServerResponse> get_token(Context& context, Call call);
Task<net::ServerResponse> put_policy(Context& context, Call call);
Task<net::ServerResponse> delete_token(Context& context, Call call);

Task<net::ServerResponse> post_event(Context& context, Call call);
Task<net::ServerResponse> get_event(Context& context, Call call);

Task<net::ServerResponse> get_conversations(Context& context, Call call);
Task<net::ServerResponse> post_backup(Context& context, Call call);
Task<net::ServerResponse> get_backup(Context& context, Call call);

}  // namespace usher::admin
