// One request of which everything was judged, and what the routes work with. Event-loop thread.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "admin/api.h"
#include "admin/fairness/event_rate.h"
#include "admin/fairness/policies.h"
#include "admin/tokens/token_clock.h"
#include "base/hash.h"
#include "base/json.h"

namespace usher::admin {

// The name of who comes through the operator's own socket.
inline constexpr const char* kOperator = "operator";

// Who asks: a token, a legacy key, the operator at the socket, or nobody that is known.
struct Caller {
  // Came through the operator's socket. Then the chain is one token that stands for it and is kept nowhere.
  bool is_at_socket = false;
  // The token and its ancestors, itself first, all usable when they were looked up; empty without a token.
  std::vector<Token> chain;
  const LegacyKey* legacy_key = nullptr;

  bool is_agent() const { return !chain.empty() && chain.front().kind == TokenKind::agent; }
  bool is_operator() const { return !chain.empty() && chain.front().kind == TokenKind::operator_; }
  const Token& token() const { return chain.front(); }
  // Whether an operator's token is for that tenant too.
  bool operates(std::string_view tenant) const {
    return is_operator() && (token().tenant.empty() || token().tenant == tenant);
  }
  // Whose share of what all use this is: an agent's and all its subagents' one, each operator's and key's another.
  // Not of a caller that nobody knows.
  std::string family() const { return legacy_key ? "legacy:" + legacy_key->name : chain.back().jti; }
};

// All scopes, all tenants.
Caller operator_at_socket();

struct Call {
  std::string id;     // what the path names: {token} or {event}
  std::string query;  // behind '?', as sent
  Caller caller;
  json::object body;  // empty where the route has none
  Deadline deadline;
};

// What all routes share. Lives as long as the service.
struct Context {
  Context(ApiServices given_services, ApiOptions given_options);

  ApiServices services;
  ApiOptions options;
  TokenClock clock;
  Policies policies;
  EventRate event_rate;
  std::vector<Digest> legacy_digests;  // of options.legacy_keys, in their order
};

}  // namespace usher::admin
