#include "admin/records.h"

#include <fmt/format.h>

namespace usher::admin {

Task<Judged<void>> write_row(Context& context, audit::Record record) {
  record.source = "api";
  Result<void> written = co_await context.services.ledger.append(std::move(record));
  if (!written) co_return std::unexpected(unavailable(written.error()));
  co_return Judged<void>();
}

std::string who_is(const Caller& caller) {
  return caller.legacy_key ? "legacy:" + caller.legacy_key->name : caller.token().jti;
}

audit::Record token_record(const Caller& caller, std::string action, const Token& token, std::string detail) {
  return {.kind = audit::Kind::token,
          .outcome = audit::Outcome::allowed,
          .tenant = token.tenant,
          .who = who_is(caller),
          .role = token.role,
          .action = std::move(action),
          .resource = token.jti,
          .rule = caller.is_agent() ? "its own descendant" : "scope " + caller.token().scopes.words(),
          .detail = std::move(detail),
          .policy_hash = token.kind == TokenKind::agent ? to_hex(policy::digest_of(token.policy)) : ""};
}

}  // namespace usher::admin
