// Seeing and revoking tokens.
#include <spdlog/spdlog.h>

#include <algorithm>

#include "admin/api/answers.h"
#include "admin/api/handlers.h"
#include "admin/records.h"
#include "admin/tokens/token_json.h"
#include "admin/tokens/visible_token.h"

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

Task<net::ServerResponse> get_tokens(Context& context, Call call) {
  const bool all = wants_all(call.query);
  Result<std::vector<Token>> tokens = context.services.tokens.list(call.caller.token().tenant, all);
  if (!tokens) co_return unavailable(tokens.error());
  json::array list;
  for (const Token& token : *tokens) {
    const bool is_usable = context.clock.would_be_usable(token);
    if (all || is_usable) list.push_back(token_json(token, is_usable));
  }
  co_return json_answer(200, {{"tokens", std::move(list)}});
}

Task<net::ServerResponse> get_token(Context& context, Call call) {
  Judged<Token> token = visible_token(context, call.caller, call.id);
  if (!token) co_return std::move(token.error());
  co_return json_answer(200, token_json_with_policy(*token, context.clock.is_usable(*token)));
}

Task<net::ServerResponse> delete_token(Context& context, Call call) {
  Judged<Token> token = visible_token(context, call.caller, call.id);
  if (!token) co_return std::move(token.error());
  Judged<void> written = co_await write_row(
      context, token_record(call.caller, "token:revoke:token", *token, "revoked with every token made from it"));
  if (!written) co_return std::move(written.error());
  Result<std::vector<std::string>> revoked = co_await context.services.tokens.revoke(call.id, context.clock.now());
  if (!revoked && revoked.error().kind == ErrorKind::not_found) co_return not_found();
  if (!revoked) co_return unavailable(revoked.error());
  spdlog::info("api: {} revoked {} and {} below it", call.caller.token().jti, call.id,
               revoked->size() - (revoked->empty() ? 0 : 1));
  co_return json_answer(200, {{"revoked", json::array(revoked->begin(), revoked->end())}});
}

}  // namespace usher::admin
