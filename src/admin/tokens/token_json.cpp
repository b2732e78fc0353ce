#include "admin/tokens/token_json.h"

namespace usher::admin {

json::object token_json(const Token& token, bool is_usable) {
  const auto text_or_null = [](const std::string& text) { return text.empty() ? json::value() : json::value(text); };
  json::object out{{"jti", token.jti},
                   {"kind", token.kind == TokenKind::agent ? "agent" : "operator"},
                   {"name", token.name},
                   {"tenant", text_or_null(token.tenant)},
                   {"created_at", to_iso8601(token.created_at)},
                   {"expires_at", to_iso8601(token.expires_at)},
                   {"revoked_at", token.revoked_at ? json::value(to_iso8601(*token.revoked_at)) : json::value()},
                   {"usable", is_usable}};
  if (token.kind == TokenKind::operator_) {
    out["scopes"] = token.scopes.words();
  } else {
    out["parent"] = text_or_null(token.parent);
    out["depth"] = token.depth;
    out["role"] = text_or_null(token.role);
  }
  return out;
}

json::object token_json_with_policy(const Token& token, bool is_usable) {
  json::object out = token_json(token, is_usable);
  if (token.kind == TokenKind::agent) out["policy"] = json::parse(policy::to_json(token.policy));
  return out;
}

}  // namespace usher::admin
