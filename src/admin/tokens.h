// Bearer tokens: of operators (scopes) and of outside agents (a policy, narrowed from parent to child). A token is 256
// random bits behind the prefix "ush_"; only its SHA-256 is kept. TokenStore keeps them durably in <data_dir>/api.db,
// which the gateway and the `usher token` command may have open at the same time.
//
// Event-loop thread; reads answer at once, writes resolve when they are committed (synchronous=FULL). Errors of a
// store: io, busy; not_found where the named token does not exist or is not usable.
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/async.h"
#include "base/clock.h"
#include "base/hash.h"
#include "base/result.h"
#include "policy/policy.h"

namespace usher::admin {

// What an operator's token may do; each is a bit of its own, none implies another but `admin`, which implies all.
enum class Scope : std::uint8_t { read = 1, operate = 2, approve = 4, admin = 8 };
const char* to_string(Scope scope);
std::optional<Scope> parse_scope(std::string_view word);

class Scopes {
 public:
  Scopes() = default;
  Scopes(std::initializer_list<Scope> scopes);
  void add(Scope scope) { bits_ |= static_cast<std::uint8_t>(scope); }
  bool includes(Scope scope) const;
  bool is_empty() const { return bits_ == 0; }
  std::string words() const;  // "read,admin"
  static std::optional<Scopes> parse(std::string_view words);

  friend bool operator==(const Scopes&, const Scopes&) = default;

 private:
  std::uint8_t bits_ = 0;
};

constexpr int kMaxAgentDepth = 3;  // of the deepest subagent; an agent made by an operator has 0
constexpr int kMaxFamily = 1000;   // tokens below one agent that an operator made, and itself
constexpr std::chrono::seconds kMaxLifetime = std::chrono::days(366);

enum class TokenKind { operator_, agent };

struct Token {
  std::string jti;  // "tok_" + 16 hex digits: public name
  TokenKind kind = TokenKind::operator_;
  std::string name;    // for people
  std::string tenant;  // of an operator "" = all tenants; of an agent always one
  Scopes scopes;       // operators
  std::string parent;  // jti; "" = none
  int depth = 0;
  std::string role;               // agents: the role whose policy binds too; "" = none
  policy::PolicyDocument policy;  // agents
  WallTime created_at;
  WallTime expires_at;
  std::optional<WallTime> revoked_at;

  bool is_usable(WallTime now) const;  // not revoked, not expired, not from the future (60 s of leeway)
};

// A new secret: "ush_" + 43 characters of base64url. From the kernel's random source; throws when there is none.
std::string make_token_secret();
std::string make_jti();
std::string make_event_id();
bool looks_like_token(std::string_view text);

class TokenStore {
 public:
  virtual ~TokenStore() = default;

  // The token of that secret, usable or not; nullopt for none. The digests are compared in constant time.
  virtual Result<std::optional<Token>> find(std::string_view secret) = 0;
  virtual Result<std::optional<Token>> find_by_jti(std::string_view jti) = 0;
  // The token and its ancestors, itself first. At most kMaxAgentDepth + 1; a broken chain is not_found.
  virtual Result<std::vector<Token>> chain(std::string_view jti) = 0;
  // Newest first; `tenant` "" = all. Without `with_revoked` the revoked ones are left out; the expired never are: who
  // has the clock judges them with is_usable().
  virtual Result<std::vector<Token>> list(std::string_view tenant, bool with_revoked) = 0;

  // not_found when its parent or one above is not usable at `now` (judged in the same transaction: a revocation cannot
  // slip between); invalid when it is not one deeper than its parent, of another tenant or outlives it; limit when the
  // agent at the top has kMaxFamily usable tokens already. Beyond that bound unusable ones make room.
  virtual Task<Result<void>> add(Token token, std::string_view secret, WallTime now) = 0;
  // Revokes it and every descendant that is not revoked yet; the names of those, itself first (none when all were
  // revoked before). not_found for an unknown one.
  virtual Task<Result<std::vector<std::string>>> revoke(std::string_view jti, WallTime now) = 0;
  virtual Task<Result<void>> replace_policy(std::string_view jti, policy::PolicyDocument policy) = 0;
};

// What an agent was allowed to do and did, as it reported it.
struct Event {
  std::string id;         // "evt_" + 16 hex digits
  std::string principal;  // a jti, or "legacy:<name>"
  std::string tenant;
  std::string action;
  std::string resource;
  int sensitivity = 0;
  std::string metadata;         // JSON object
  bool skipped_policy = false;  // a legacy key with legacy_keys_skip_rbac
  WallTime at;
};

class EventStore {
 public:
  virtual ~EventStore() = default;
  virtual Task<Result<void>> add(Event event) = 0;
  virtual Result<std::optional<Event>> find(std::string_view id) = 0;
};

struct ApiStores {
  std::unique_ptr<TokenStore> tokens;
  std::unique_ptr<EventStore> events;
};

// Creates the file (0600). Blocks: before the loop runs. `max_events`: of one tenant; its oldest beyond it are dropped.
Result<ApiStores> open_api_stores(const std::filesystem::path& file, asio::any_io_executor loop,
                                  std::size_t max_events = 1'000'000);

}  // namespace usher::admin
