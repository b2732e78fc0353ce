#include "admin/api/credentials.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "base/text.h"

namespace usher::admin {
namespace {

int hex_value(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  const char letter = static_cast<char>(c | 0x20);  // in lower case, when it is one
  return letter >= 'a' && letter <= 'f' ? letter - 'a' + 10 : -1;
}

std::string decoded(std::string_view text) {
  std::string plain;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool is_escape = text[i] == '%' && i + 2 < text.size();
    const int high = is_escape ? hex_value(text[i + 1]) : -1;
    const int low = is_escape ? hex_value(text[i + 2]) : -1;
    if (high >= 0 && low >= 0) {
      plain.push_back(static_cast<char>(high * 16 + low));
      i += 2;
    } else {
      plain.push_back(text[i]);
    }
  }
  return plain;
}

std::unexpected<Refusal> refuse(net::ServerResponse answer, std::string why) {
  return std::unexpected(Refusal{std::move(answer), std::move(why)});
}

// The same answer whatever is wrong with a credential.
std::unexpected<Refusal> refuse_credential(std::string why) { return refuse(unauthorized(), std::move(why)); }

// The token of "Bearer ush_…".
std::optional<std::string_view> bearer_of(std::string_view authorization) {
  constexpr std::string_view scheme = "bearer ";
  if (lower_ascii(authorization.substr(0, scheme.size())) != scheme) return std::nullopt;
  const std::string_view secret = trim(authorization.substr(scheme.size()));
  if (!looks_like_token(secret)) return std::nullopt;
  return secret;
}

// The chain of a token that was found, all of it usable.
Admitted<Caller> caller_of(Context& context, const std::string& jti) {
  Result<std::vector<Token>> chain = context.services.tokens.chain(jti);
  if (!chain && chain.error().kind == ErrorKind::not_found) {
    return refuse_credential(fmt::format("{}: a token above it is missing", jti));
  }
  if (!chain) return refuse(unavailable(chain.error()), "the store");
  for (const Token& token : *chain) {
    if (!context.clock.is_usable(token)) {
      return refuse_credential(fmt::format("{}: {} is {}", jti, token.jti, token.revoked_at ? "revoked" : "expired"));
    }
  }
  const std::string& tenant = chain->front().tenant;
  if (!tenant.empty() && !context.services.is_tenant(tenant)) {
    return refuse_credential(fmt::format("{}: there is no tenant '{}' any more", jti, tenant));
  }
  return Caller{.chain = std::move(*chain), .legacy_key = nullptr};
}

Admitted<Caller> by_token(Context& context, const net::RequestHead& head) {
  const std::optional<std::string_view> header = head.header("authorization");
  if (!header) return refuse(refusal(400, "Authorization was sent more than once"), "two Authorization headers");
  const std::optional<std::string_view> secret = bearer_of(*header);
  if (!secret) return refuse_credential("no bearer token");
  Result<std::optional<Token>> token = context.services.tokens.find(*secret);
  if (!token) return refuse(unavailable(token.error()), "the store");
  if (!*token) return refuse_credential("an unknown token");
  return caller_of(context, (*token)->jti);
}

// Digests, so that a comparison tells nothing of a key's length; every key, so that none tells which it was.
Admitted<Caller> by_legacy_key(Context& context, const net::RequestHead& head) {
  const std::optional<std::string_view> header = head.header("x-api-key");
  if (!header) return refuse(refusal(400, "X-API-Key was sent more than once"), "two X-API-Key headers");
  const std::string given = to_hex(sha256(*header));
  const LegacyKey* found = nullptr;
  for (std::size_t i = 0; i < context.legacy_digests.size(); ++i) {
    const bool is_equal = equal_in_constant_time(to_hex(context.legacy_digests[i]), given);
    const LegacyKey& key = context.options.legacy_keys[i];
    if (is_equal && !key.key.empty()) found = &key;
  }
  if (!found) return refuse_credential("an unknown legacy key");
  if (!context.services.is_tenant(found->tenant)) {
    return refuse_credential(fmt::format("legacy key '{}': there is no tenant '{}'", found->name, found->tenant));
  }
  return Caller{.chain = {}, .legacy_key = found};
}

}  // namespace

std::optional<Refusal> check_host(const net::RequestHead& head, const std::vector<std::string>& hosts) {
  const std::optional<std::string_view> host = head.header("host");
  if (!host) return Refusal{refusal(400, "one Host header is needed"), "no Host, or two"};
  if (std::ranges::find(hosts, lower_ascii(*host)) != hosts.end()) return std::nullopt;
  return Refusal{refusal(421, "this server does not answer for that Host"),
                 fmt::format("foreign Host '{}'", printable(*host, 100))};
}

std::optional<Refusal> check_origin(const net::RequestHead& head, const std::vector<std::string>& hosts) {
  if (head.has_header("sec-fetch-site")) {
    const std::optional<std::string_view> site = head.header("sec-fetch-site");
    if (!site || lower_ascii(*site) == "cross-site") {
      return Refusal{refusal(403, "requests of other sites are refused"), "Sec-Fetch-Site: cross-site"};
    }
  }
  if (!head.has_header("origin")) return std::nullopt;
  const std::string origin = lower_ascii(head.header("origin").value_or("null"));
  const bool is_own = std::ranges::any_of(
      hosts, [&](const std::string& host) { return origin == "http://" + host || origin == "https://" + host; });
  if (is_own) return std::nullopt;
  return Refusal{refusal(403, "requests of other sites are refused"),
                 fmt::format("foreign Origin '{}'", printable(origin, 100))};
}

std::optional<Refusal> check_query(std::string_view query) {
  constexpr std::array<std::string_view, 8> names{"token",  "access_token", "bearer",        "api_key",
                                                  "apikey", "x-api-key",    "authorization", "auth"};
  while (!query.empty()) {
    const std::size_t end = std::min(query.find('&'), query.size());
    const std::string parameter = decoded(query.substr(0, end));
    const std::string name = lower_ascii(std::string_view(parameter).substr(0, parameter.find('=')));
    if (parameter.find("ush_") != parameter.npos || std::ranges::find(names, name) != names.end()) {
      return Refusal{refusal(400, "credentials do not belong into the query: send Authorization: Bearer"),
                     "a credential in the query"};
    }
    query.remove_prefix(std::min(end + 1, query.size()));
  }
  return std::nullopt;
}

Caller operator_at_socket() {
  return {.is_at_socket = true,
          .chain = {Token{.jti = kOperator, .name = kOperator, .scopes = {Scope::admin}}},
          .legacy_key = nullptr};
}

Admitted<Caller> authenticate(Context& context, const net::RequestHead& head) {
  const bool has_key = head.has_header("x-api-key");
  if (head.has_header("authorization")) {
    if (has_key) return refuse(refusal(400, "send either Authorization or X-API-Key"), "two credentials");
    return by_token(context, head);
  }
  if (has_key) return by_legacy_key(context, head);
  return refuse_credential("no credentials");
}

Admitted<Caller> authenticate_again(Context& context, const Caller& caller) {
  if (caller.is_at_socket || caller.chain.empty()) return caller;
  return caller_of(context, caller.token().jti);
}

}  // namespace usher::admin
