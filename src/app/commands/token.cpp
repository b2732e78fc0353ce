#include "app/commands/token.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <charconv>
#include <exception>
#include <functional>
#include <optional>

#include "admin/tokens.h"
#include "admin/tokens/token_json.h"
#include "app/exit_status.h"
#include "base/clock.h"
#include "base/files.h"
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

// The stores with a loop of their own, for the length of one command.
int with_stores(const config::Config& config, const std::function<Task<int>(admin::TokenStore&)>& command) {
  Result<void> made = make_private_directories(config.gateway.data_dir);
  if (!made) return complain(made.error());
  asio::io_context loop(1);
  Result<admin::ApiStores> stores = admin::open_api_stores(config.gateway.data_dir / "api.db", loop.get_executor());
  if (!stores) return complain(stores.error());
  int status = kError;
  asio::co_spawn(loop, command(*stores->tokens), [&](std::exception_ptr error, int ended) {
    status = ended;
    if (error) std::rethrow_exception(error);
  });
  loop.run();
  return status;
}

void print_token(const admin::Token& token, WallTime now) {
  const bool is_agent = token.kind == admin::TokenKind::agent;
  const std::string what = is_agent ? fmt::format("agent, depth {}", token.depth) : token.scopes.words();
  fmt::print("{:22} {:20} {:24} {:12} {}\n", token.jti, printable(token.name, 60), what,
             token.tenant.empty() ? "all tenants" : token.tenant,
             token.revoked_at        ? "revoked"
             : !token.is_usable(now) ? "expired"
                                     : fmt::format("until {}", to_iso8601(token.expires_at)));
}

}  // namespace

int create_token(const config::Config& config, const TokenRequest& request, bool as_json) {
  const Result<seconds> lifetime = parse_lifetime(request.lifetime);
  if (!lifetime) return complain(lifetime.error());
  const Result<admin::Scopes> scopes = parse_scopes(request.scopes);
  if (!scopes) return complain(scopes.error());
  if (!request.tenant.empty() && !config.tenants.contains(request.tenant)) {
    return complain({ErrorKind::not_found, fmt::format("there is no tenant '{}'", printable(request.tenant))});
  }
  const WallTime now = SystemClock().wall();
  const admin::Token token{.jti = admin::make_jti(),
                           .kind = admin::TokenKind::operator_,
                           .name = request.name,
                           .tenant = request.tenant,
                           .scopes = *scopes,
                           .created_at = now,
                           .expires_at = now + *lifetime};
  const std::string secret = admin::make_token_secret();
  return with_stores(config, [&](admin::TokenStore& tokens) -> Task<int> {
    Result<void> added = co_await tokens.add(token, secret, now);
    if (!added) co_return complain(added.error());
    if (as_json) {
      json::object out = admin::token_json(token, token.is_usable(now));
      out["token"] = secret;
      fmt::print("{}\n", json::serialize(out));
    } else {
      fmt::print(stderr, "{} ({}), valid until {}; it is not shown again:\n", token.jti, token.scopes.words(),
                 to_iso8601(token.expires_at));
      fmt::print("{}\n", secret);
    }
    co_return kFine;
  });
}

int list_tokens(const config::Config& config, const std::string& tenant, bool with_unusable, bool as_json) {
  return with_stores(config, [&](admin::TokenStore& tokens) -> Task<int> {
    const Result<std::vector<admin::Token>> found = tokens.list(tenant, with_unusable);
    if (!found) co_return complain(found.error());
    const WallTime now = SystemClock().wall();
    json::array list;
    for (const admin::Token& token : *found) {
      if (!with_unusable && !token.is_usable(now)) continue;
      if (as_json) {
        list.push_back(admin::token_json(token, token.is_usable(now)));
      } else {
        print_token(token, now);
      }
    }
    if (as_json) fmt::print("{}\n", json::serialize(json::object{{"tokens", std::move(list)}}));
    co_return kFine;
  });
}

int revoke_token(const config::Config& config, const std::string& jti, bool as_json) {
  return with_stores(config, [&](admin::TokenStore& tokens) -> Task<int> {
    const Result<std::vector<std::string>> revoked = co_await tokens.revoke(jti, SystemClock().wall());
    if (!revoked && revoked.error().kind == ErrorKind::not_found) {
      co_return complain({ErrorKind::not_found, fmt::format("there is no token '{}'", printable(jti, 60))});
    }
    if (!revoked) co_return complain(revoked.error());
    if (as_json) {
      fmt::print("{}\n", json::serialize(json::object{{"revoked", json::array(revoked->begin(), revoked->end())}}));
    } else {
      for (const std::string& each : *revoked) fmt::print("revoked {}\n", each);
    }
    co_return kFine;
  });
}

}  // namespace usher::app
