#include "app/commands/token.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <charconv>
#include <cstdio>
#include <optional>

#include "admin/tokens.h"
#include "app/cli/output.h"
#include "app/exit_status.h"
#include "app/operator/operator.h"
#include "base/json.h"
#include "base/text.h"

namespace usher::app {
namespace {

using std::chrono::seconds;

int complain(const Error& error) {
  fmt::print(stderr, "usher: {}\n", error.message);
  return kError;
}

// "90d" → 90 days.
Result<seconds> parse_lifetime(std::string_view text) {
  std::int64_t count = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), count);
  const std::string_view unit(end, text.data() + text.size());
  const std::int64_t unit_s = unit == "s" ? 1 : unit == "m" ? 60 : unit == "h" ? 3600 : unit == "d" ? 86'400 : 0;
  if (error != std::errc() || unit_s == 0 || count < 1 || count > admin::kMaxLifetime.count() / unit_s) {
    return fail(ErrorKind::invalid,
                fmt::format("'{}' is no lifetime: write a number with s, m, h or d, at most {}d", printable(text, 40),
                            std::chrono::duration_cast<std::chrono::days>(admin::kMaxLifetime).count()));
  }
  return seconds(count * unit_s);
}

Result<admin::Scopes> parse_scopes(const std::vector<std::string>& words) {
  const std::optional<admin::Scopes> scopes = admin::Scopes::parse(fmt::format("{}", fmt::join(words, ",")));
  if (!scopes || scopes->is_empty()) {
    return fail(ErrorKind::invalid, fmt::format("'{}' is no scope: choose among read, operate, approve and admin",
                                                printable(fmt::format("{}", fmt::join(words, ",")), 60)));
  }
  return *scopes;
}

std::string_view text_of(const json::value& token, std::string_view name) {
  return string_at(&token, name).value_or(std::string_view());
}

void print_token(const json::value& token) {
  const bool is_agent = text_of(token, "kind") == "agent";
  const std::string what = is_agent ? fmt::format("agent, depth {}", integer_at(&token, "depth").value_or(0))
                                    : std::string(text_of(token, "scopes"));
  const std::string_view tenant = text_of(token, "tenant");
  fmt::print("{:22} {:20} {:24} {:12} {}\n", text_of(token, "jti"), printable(text_of(token, "name"), 60), what,
             tenant.empty() ? "all tenants" : tenant,
             string_at(&token, "revoked_at")              ? "revoked"
             : !bool_at(&token, "usable").value_or(false) ? "expired"
                                                          : fmt::format("until {}", text_of(token, "expires_at")));
}

// Whatever stderr does, the secret goes out.
Result<void> show_token(const json::value& token, bool as_json) {
  if (as_json) return write_out(json::serialize(token) + "\n");
  std::fputs(fmt::format("{} ({}), valid until {}; it is not shown again:\n", text_of(token, "jti"),
                         text_of(token, "scopes"), text_of(token, "expires_at"))
                 .c_str(),
             stderr);
  return write_out(fmt::format("{}\n", text_of(token, "token")));
}

// A token that nobody has seen, or somebody else where the output went, shall not stay valid.
int take_back(Operator& gateway, std::string_view jti, const Error& why) {
  const Result<OperatorAnswer> revoked = gateway.ask("DELETE", fmt::format("/tokens/{}", jti));
  if (revoked && revoked->is_fine()) {
    return complain({why.kind, fmt::format("{}; {} is revoked, as it was not shown", why.message, jti)});
  }
  return complain({why.kind, fmt::format("{0}; {1} was not shown and is still valid, as revoking it failed ({2}): "
                                         "usher token revoke {1}",
                                         why.message, jti, revoked ? revoked->detail() : revoked.error().message)});
}

}  // namespace

int create_token(std::shared_ptr<const config::Config> config, const TokenRequest& request, bool as_json) {
  const Result<seconds> lifetime = parse_lifetime(request.lifetime);
  if (!lifetime) return complain(lifetime.error());
  const Result<admin::Scopes> scopes = parse_scopes(request.scopes);
  if (!scopes) return complain(scopes.error());
  json::object body{{"name", request.name}, {"scopes", scopes->words()}, {"expires_in_s", lifetime->count()}};
  if (!request.tenant.empty()) body["tenant"] = request.tenant;
  Result<std::unique_ptr<Operator>> reached = reach_operator(std::move(config));
  if (!reached) return complain(reached.error());
  Result<OperatorAnswer> made = (*reached)->ask("POST", "/tokens/operator", std::move(body));
  if (!made) return complain(made.error());
  if (!made->is_fine()) return complain({ErrorKind::invalid, made->detail()});
  const json::value token(std::move(made->body));
  const Result<void> shown = show_token(token, as_json);
  return shown ? kFine : take_back(**reached, text_of(token, "jti"), shown.error());
}

int list_tokens(std::shared_ptr<const config::Config> config, const std::string& tenant, bool with_unusable,
                bool as_json) {
  const std::optional<json::object> answer =
      ask_or_complain(std::move(config), "GET", with_unusable ? "/tokens?all=1" : "/tokens");
  if (!answer) return kError;
  json::array list;
  for (const json::value& token : answer->at("tokens").as_array()) {
    if (tenant.empty() || text_of(token, "tenant") == tenant) list.push_back(token);
  }
  if (as_json) {
    fmt::print("{}\n", json::serialize(json::object{{"tokens", std::move(list)}}));
  } else {
    for (const json::value& token : list) print_token(token);
  }
  return kFine;
}

int revoke_token(std::shared_ptr<const config::Config> config, const std::string& jti, bool as_json) {
  const auto no_token = [&] {
    return Error{ErrorKind::not_found, fmt::format("there is no token '{}'", printable(jti, 60))};
  };
  // It becomes part of a path.
  if (!jti.starts_with("tok_") || jti.find_first_not_of("0123456789abcdef", 4) != jti.npos) return complain(no_token());
  Result<std::unique_ptr<Operator>> reached = reach_operator(std::move(config));
  if (!reached) return complain(reached.error());
  const Result<OperatorAnswer> answer = (*reached)->ask("DELETE", "/tokens/" + jti);
  if (!answer) return complain(answer.error());
  if (answer->status == 404) return complain(no_token());
  if (!answer->is_fine()) return complain({ErrorKind::internal, answer->detail()});
  if (as_json) {
    fmt::print("{}\n", json::serialize(answer->body));
  } else {
    for (const json::value& each : answer->body.at("revoked").as_array())
      fmt::print("revoked {}\n", json::value_to<std::string>(each));
  }
  return kFine;
}

}  // namespace usher::app
