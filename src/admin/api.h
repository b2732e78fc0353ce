// usher's HTTP API: routes, who may use them, what they do. It has two doors: for_network() is for everybody who has an
// address and a credential; for_operator() is for the socket file that only the operator's own user can open, and asks
// for neither: whoever comes in there may do all that an operator may, for all tenants. Which door it was is decided by
// who holds which HttpService, never by anything in a request.
//
//   GET    /healthz          anybody            the process answers
//   GET    /readyz           anybody            200 when messages are served, else 503
//   POST   /tokens/agent     admin              a token for an outside agent
//   POST   /tokens/subagent  an agent           a narrower one for a subagent of itself
//   GET    /tokens           admin              all tokens, without secrets
//   GET    /tokens/{jti}     admin, agent (itself and its descendants)
//   PUT    /tokens/{jti}/policy  admin          replaces an agent's policy; binds its children at once
//   DELETE /tokens/{jti}     admin, agent (itself and its descendants)   revokes it and every descendant
//   POST   /tokens/operator  the operator's socket      a token for an operator
//   GET    /conversations    read               ?state=&tenant=: conversations and the state of their messages
//   POST   /backup           the operator's socket      starts a backup
//   GET    /backup           the operator's socket      how far it is
//   POST   /events           an agent, a legacy key      asks for an action: 201 and stored, or 403 and why
//   GET    /events/{id}      read, the agent that made it
//
// A route of GET takes HEAD too.
//
// Nobody keeps the others waiting: events are bounded for each family (an agent and all below it) in each minute, and
// so are the policies that are compared for it at once; beyond that 429 with Retry-After.
//
// Every decision on an event, and whatever is done to a token, is a row of the ledger before it is done; where the row
// cannot be written nothing is done and the answer is 503.
//
// What is not the caller's to see answers 404 as if it did not exist. Errors are {"detail": "…"}. Host and Origin are
// checked first, then the credentials, all before the body is read; none of them at the operator's door.
// Event-loop thread.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "admin/backups.h"
#include "admin/conversations.h"
#include "admin/tokens.h"
#include "audit/ledger.h"
#include "base/async.h"
#include "base/clock.h"
#include "base/secret.h"
#include "net/http_server.h"
#include "policy/policy.h"

namespace usher::admin {

// X-API-Key of [[api.legacy_keys]].
struct LegacyKey {
  std::string name;
  Secret key;
  std::string tenant;
  std::string role;  // whose policy binds where the key does not skip it
};

struct ApiOptions {
  // "localhost:8787", "127.0.0.1:8787", "usher.example.com": what Host may say, in lower case; an Origin must be
  // http(s):// one of them.
  std::vector<std::string> hosts;
  std::vector<LegacyKey> legacy_keys;
  bool legacy_keys_skip_rbac = false;
};

// The policy of a tenant's role: nullptr = the role has none (nothing is narrowed); not_found = no such tenant or role.
using RolePolicy =
    std::function<Result<std::shared_ptr<const policy::Policy>>(const std::string& tenant, const std::string& role)>;

// All references outlive the service.
struct ApiServices {
  TokenStore& tokens;
  EventStore& events;
  audit::Ledger& ledger;
  const Clock& clock;
  asio::any_io_executor pool;  // compiling and comparing policies
  RolePolicy role_policy;
  std::function<bool(const std::string&)> is_tenant;
  std::function<Result<void>()> readiness;  // why messages are not served now
  FindConversations conversations = {};     // empty: 503
  Backups* backups = nullptr;               // null: 503
};

// Event-loop thread. Both services live as long as it.
class Api {
 public:
  virtual ~Api() = default;
  virtual net::HttpService& for_network() = 0;
  virtual net::HttpService& for_operator() = 0;
};

std::unique_ptr<Api> make_api(ApiServices services, ApiOptions options);

}  // namespace usher::admin
