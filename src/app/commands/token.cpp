#include "app/commands/token.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/thread_pool.hpp>
#include <charconv>
#include <exception>
#include <functional>
#include <optional>

#include "admin/tokens.h"
#include "admin/tokens/token_json.h"
#include "app/exit_status.h"
#include "app/ledger.h"
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

// What a command works with, on a loop of its own, for its length.
struct Opened {
  admin::TokenStore& tokens;
  audit::DurableLedger& ledger;
};

int with_stores(const config::Config& config, const std::function<Task<int>(Opened)>& command) {
  Result<void> made = make_private_directories(config.gateway.data_dir);
  if (!made) return complain(made.error());
  asio::io_context loop(1);
  asio::thread_pool pool(1);
  const SystemClock clock;
  Result<admin::ApiStores> stores = admin::open_api_stores(config.gateway.data_dir / "api.db", loop.get_executor());
  if (!stores) return complain(stores.error());
  auto ledger = open_ledger(config, clock, loop.get_executor(), pool.get_executor(), nullptr);
  if (!ledger) return complain(ledger.error());
  int status = kError;
  asio::co_spawn(loop, command({*stores->tokens, **ledger}), [&](std::exception_ptr error, int ended) {
    status = ended;
    if (error) std::rethrow_exception(error);
  });
  loop.run();
  pool.join();
  return status;
}

// The row of what is about to be done, signed at once: nobody may be running who would do so later.
Task<Result<void>> record(Opened opened, audit::Record row) {
  row.kind = audit::Kind::token;
  row.outcome = audit::Outcome::allowed;
  row.who = "operator";
  row.source = "shell";
  Result<void> written = co_await opened.ledger.append(std::move(row));
  if (!written)
    co_return fail(written.error().kind, "nothing was done, as it cannot be recorded: " + written.error().message);
  Result<void> is_signed = co_await opened.ledger.checkpoint();
  if (!is_signed) fmt::print(stderr, "usher: the ledger has no new checkpoint: {}\n", is_signed.error().message);
  co_return Result<void>();
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
  return with_stores(config, [&](Opened opened) -> Task<int> {
    Result<void> recorded =
        co_await record(opened, {.tenant = token.tenant,
                                 .action = "token:make:operator",
                                 .resource = token.jti,
                                 .rule = "shell",
                                 .detail = fmt::format("operator '{}', scopes {}, until {}", token.name,
                                                       token.scopes.words(), to_iso8601(token.expires_at))});
    if (!recorded) co_return complain(recorded.error());
    Result<void> added = co_await opened.tokens.add(token, secret, now);
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
  return with_stores(config, [&](Opened opened) -> Task<int> {
    const Result<std::vector<admin::Token>> found = opened.tokens.list(tenant, with_unusable);
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
  return with_stores(config, [&](Opened opened) -> Task<int> {
    const Result<std::optional<admin::Token>> token = opened.tokens.find_by_jti(jti);
    if (!token) co_return complain(token.error());
    if (!*token) co_return complain({ErrorKind::not_found, fmt::format("there is no token '{}'", printable(jti, 60))});
    Result<void> recorded = co_await record(opened, {.tenant = (*token)->tenant,
                                                     .action = "token:revoke:token",
                                                     .resource = jti,
                                                     .rule = "shell",
                                                     .detail = "revoked with every token made from it"});
    if (!recorded) co_return complain(recorded.error());
    const Result<std::vector<std::string>> revoked = co_await opened.tokens.revoke(jti, SystemClock().wall());
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
