// Seeing and revoking tokens.
#include <spdlog/spdlog.h>

#include <algorithm>

#include "admin/api/answers.h"
#include "admin/api/handlers.h"
#include "admin/api/token_json.h"

namespace usher::admin {
namespace {

// Whether `query` has all=1.
bool wants_all(std::string_view query) {
  while (!query.empty()) {
    const std::size_t end = std::min(query.find('&'), query.size());
    if (query.substr(0, end) == "all=1") return true;
    query.remove_prefix(std::min(end + 1, query.size()));
  }
  return false;
}

}  // namespace

Judged<Token> visible_token(Context& context, const Caller& caller, const std::string& jti) {
  Result<std::optional<Token>> found = context.services.tokens.find_by_jti(jti);
  if (!found) return std::unexpected(unavailable(found.error()));
  if (!*found) return std::unexpected(not_found());
  if (caller.operates((*found)->tenant)) return std::move(**found);
  if (!caller.is_agent()) return std::unexpected(not_found());
  Result<std::vector<Token>> chain = context.services.tokens.chain(jti);
  if (!chain && chain.error().kind != ErrorKind::not_found) return std::unexpected(unavailable(chain.error()));
  const bool is_below = chain && std::ranges::find(*chain, caller.token().jti, &Token::jti) != chain->end();
  if (!is_below) return std::unexpected(not_found());
  return std::move(**found);
}

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

Task<net::ServerResponse> get_tokens(Context& context, Call call) {
  const bool all = wants_all(call.query);
  Result<std::vector<Token>> tokens = context.services.tokens.list(call.caller.token().tenant, all);
  if (!tokens) co_return unavailable(tokens.error());
  json::array list;
  for (const Token& token : *tokens) {
    const bool is_usable = token.is_usable(context.clock.now());
    if (all || is_usable) list.push_back(token_json(token, is_usable));
  }
  co_return json_answer(200, {{"tokens", std::move(list)}});
}

Task<net::ServerResponse> get_token(Context& context, Call call) {
  Judged<Token> token = visible_token(context, call.caller, call.id);
  if (!token) co_return std::move(token.error());
  co_return json_answer(200, token_json_with_policy(*token, token->is_usable(context.clock.now())));
}

Task<net::ServerResponse> delete_token(Context& context, Call call) {
  Judged<Token> token = visible_token(context, call.caller, call.id);
  if (!token) co_return std::move(token.error());
  Result<std::vector<std::string>> revoked = co_await context.services.tokens.revoke(call.id, context.clock.now());
  if (!revoked && revoked.error().kind == ErrorKind::not_found) co_return not_found();
  if (!revoked) co_return unavailable(revoked.error());
  spdlog::info("api: {} revoked {} and {} below it", call.caller.token().jti, call.id,
               revoked->size() - (revoked->empty() ? 0 : 1));
  co_return json_answer(200, {{"revoked", json::array(revoked->begin(), revoked->end())}});
}

}  // namespace usher::admin
