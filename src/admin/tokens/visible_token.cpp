#include "admin/tokens/visible_token.h"

#include <algorithm>

namespace usher::admin {

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

}  // namespace usher::admin
