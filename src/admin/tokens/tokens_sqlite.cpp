#include <fmt/format.h>

#include "admin/database_sqlite.h"

namespace usher::admin {
namespace {

using store::Database;
using store::Row;
using store::Value;

constexpr std::size_t kPrefixDigits = 8;  // as the index has them

// Every statement that reads tokens reads the same columns; `digest` is the last.
std::string select(const std::string& with, const std::string& rest) {
  return with +
         "SELECT token.jti, token.kind, token.name, token.tenant, token.scopes, token.parent, token.depth, token.role,"
         " token.policy, token.created_at, token.expires_at, token.revoked_at, token.digest FROM token " +
         rest;
}

constexpr int kDigestColumn = 12;
const std::string kFindByPrefix = select("", "WHERE substr(digest, 1, 8) = ?");
const std::string kFindByJti = select("", "WHERE jti = ?");
const std::string kList = select("", "WHERE (?1 = '' OR tenant = ?1) AND (?2 OR revoked_at IS NULL) ORDER BY id DESC");
// One statement, so one snapshot. The level bounds a ring, which only a damaged file can hold.
const std::string kChain = select(
    "WITH RECURSIVE line(jti, parent, level) AS ("
    "  SELECT jti, parent, 0 FROM token WHERE jti = ?"
    "  UNION ALL SELECT token.jti, token.parent, level + 1 FROM line JOIN token ON token.jti = line.parent"
    "  WHERE level <= 4) ",
    "JOIN line ON line.jti = token.jti ORDER BY level");
constexpr const char* kFamily =
    "WITH RECURSIVE family(jti, level) AS ("
    "  SELECT jti, 0 FROM token WHERE jti = ?"
    "  UNION SELECT token.jti, level + 1 FROM family JOIN token ON token.parent = family.jti AND token.parent <> ''"
    "  WHERE level <= 4) "
    "SELECT token.jti, token.revoked_at IS NULL FROM"
    " (SELECT jti, min(level) AS level FROM family GROUP BY jti) AS each JOIN token ON token.jti = each.jti"
    " ORDER BY level, token.id";
static_assert(kMaxAgentDepth < 4, "the statements above go down four levels");

std::int64_t to_number(WallTime time) { return time.time_since_epoch().count(); }
WallTime to_time(std::int64_t number) { return WallTime(std::chrono::milliseconds(number)); }

std::unexpected<Error> no_token(std::string_view jti) {
  return fail(ErrorKind::not_found, fmt::format("there is no usable token '{}'", jti));
}

Result<Token> read_token(const Row& row) {
  Token token{.jti = std::string(row.text(0)),
              .kind = row.text(1) == "agent" ? TokenKind::agent : TokenKind::operator_,
              .name = std::string(row.text(2)),
              .tenant = std::string(row.text(3)),
              .parent = std::string(row.text(5)),
              .depth = static_cast<int>(row.integer(6)),
              .role = std::string(row.text(7)),
              .created_at = to_time(row.integer(9)),
              .expires_at = to_time(row.integer(10))};
  if (!row.is_null(11)) token.revoked_at = to_time(row.integer(11));
  const std::optional<Scopes> scopes = Scopes::parse(row.text(4));
  if (!scopes) return fail(ErrorKind::io, fmt::format("token {}: unknown scopes '{}'", token.jti, row.text(4)));
  token.scopes = *scopes;
  if (token.kind == TokenKind::operator_) return token;
  Result<policy::PolicyDocument> policy = policy::parse_policy(row.text(8));
  if (!policy) {
    return fail(ErrorKind::io, fmt::format("token {}: its policy is damaged: {}", token.jti, policy.error().message));
  }
  token.policy = std::move(*policy);
  return token;
}

// The tokens of all rows; the first one that cannot be read fails the whole.
Result<std::vector<Token>> read_tokens(Database& database, const std::string& sql,
                                       std::initializer_list<Value> values) {
  std::vector<Token> found;
  std::optional<Error> damage;
  Result<void> read = database.query(sql.c_str(), values, [&](const Row& row) {
    Result<Token> token = read_token(row);
    if (token) {
      found.push_back(std::move(*token));
    } else if (!damage) {
      damage = std::move(token.error());
    }
  });
  if (!read) return fail(std::move(read.error()));
  if (damage) return fail(std::move(*damage));
  return found;
}

Result<std::vector<Token>> read_chain(Database& database, std::string_view jti) {
  Result<std::vector<Token>> chain = read_tokens(database, kChain, {Value(jti)});
  if (!chain) return chain;
  const bool is_whole = !chain->empty() && chain->back().parent.empty() && chain->back().depth == 0 &&
                        chain->size() <= std::size_t{kMaxAgentDepth} + 1;
  if (!is_whole) return no_token(jti);
  return chain;
}

Result<void> check_parent(const Token& token, const std::vector<Token>& chain, WallTime now) {
  for (const Token& above : chain) {
    if (!above.is_usable(now)) return no_token(above.jti);
  }
  const Token& parent = chain.front();
  const bool fits = parent.kind == TokenKind::agent && token.depth == parent.depth + 1 &&
                    token.depth <= kMaxAgentDepth && token.tenant == parent.tenant &&
                    token.expires_at <= parent.expires_at;
  if (!fits) return fail(ErrorKind::invalid, fmt::format("token {} is no child of {}", token.jti, parent.jti));
  return {};
}

Result<std::int64_t> size_of_family(Database& database, std::string_view root) {
  std::int64_t count = 0;
  Result<void> counted = database.query("SELECT count(*) FROM token WHERE root = ?", {Value(root)},
                                        [&](const Row& row) { count = row.integer(0); });
  if (!counted) return fail(std::move(counted.error()));
  return count;
}

// What an agent makes in a loop, revoked or not, does not fill the disk. Nothing usable hangs below what is deleted: a
// revocation takes all descendants along, and no child outlives its parent.
Result<void> make_room(Database& database, std::string_view root, WallTime now) {
  Result<std::int64_t> count = size_of_family(database, root);
  if (!count) return fail(std::move(count.error()));
  if (*count < kMaxFamily) return {};
  Result<void> forgotten =
      database.run("DELETE FROM token WHERE root = ?1 AND jti <> ?1 AND (revoked_at IS NOT NULL OR expires_at <= ?2)",
                   {Value(root), Value(to_number(now))});
  if (!forgotten) return forgotten;
  count = size_of_family(database, root);
  if (!count) return fail(std::move(count.error()));
  if (*count < kMaxFamily) return {};
  return fail(ErrorKind::limit, fmt::format("agent {} has {} usable tokens below it already", root, kMaxFamily - 1));
}

Result<void> insert(Database& database, const Token& token, const std::string& digest, WallTime now) {
  std::string root = token.jti;
  if (!token.parent.empty()) {
    Result<std::vector<Token>> chain = read_chain(database, token.parent);
    if (!chain) return fail(std::move(chain.error()));
    Result<void> checked = check_parent(token, *chain, now);
    if (!checked) return checked;
    root = chain->back().jti;
    Result<void> has_room = make_room(database, root, now);
    if (!has_room) return has_room;
  }
  const bool is_agent = token.kind == TokenKind::agent;
  const std::string policy = is_agent ? policy::to_json(token.policy) : "";
  const std::string scopes = token.scopes.words();
  const auto text = [](const std::string& value) { return Value(std::string_view(value)); };
  return database.run(
      "INSERT INTO token(jti, digest, kind, name, tenant, scopes, parent, root, depth, role, policy, created_at,"
      " expires_at) VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
      {text(token.jti), text(digest), Value(std::string_view(is_agent ? "agent" : "operator")), text(token.name),
       text(token.tenant), text(scopes), text(token.parent), text(root), Value(std::int64_t{token.depth}),
       text(token.role), text(policy), Value(to_number(token.created_at)), Value(to_number(token.expires_at))});
}

Result<std::vector<std::string>> revoke_family(Database& database, const std::string& jti, WallTime now) {
  bool exists = false;
  std::vector<std::string> names;
  Result<void> read = database.query(kFamily, {Value(std::string_view(jti))}, [&](const Row& row) {
    exists = true;
    if (row.integer(1) != 0) names.emplace_back(row.text(0));
  });
  if (!read) return fail(std::move(read.error()));
  if (!exists) return no_token(jti);
  for (const std::string& name : names) {
    Result<void> revoked = database.run("UPDATE token SET revoked_at = ? WHERE jti = ?",
                                        {Value(to_number(now)), Value(std::string_view(name))});
    if (!revoked) return fail(std::move(revoked.error()));
  }
  return names;
}

// Its writing functions copy what they were given before they suspend for the first time.
class SqliteTokenStore final : public TokenStore {
 public:
  explicit SqliteTokenStore(std::shared_ptr<ApiDatabase> database) : database_(std::move(database)) {}

  Result<std::optional<Token>> find(std::string_view secret) override {
    if (!looks_like_token(secret)) return std::nullopt;
    const std::string digest = to_hex(sha256(secret));
    const std::string_view prefix = std::string_view(digest).substr(0, kPrefixDigits);
    Result<std::optional<Token>> found = std::optional<Token>();
    Result<void> read = database_->reader.query(kFindByPrefix.c_str(), {Value(prefix)}, [&](const Row& row) {
      if (!equal_in_constant_time(row.text(kDigestColumn), digest)) return;
      Result<Token> token = read_token(row);
      if (token) {
        found = std::move(*token);
      } else {
        found = fail(std::move(token.error()));
      }
    });
    if (!read) return fail(std::move(read.error()));
    return found;
  }

  Result<std::optional<Token>> find_by_jti(std::string_view jti) override {
    Result<std::vector<Token>> found = read_tokens(database_->reader, kFindByJti, {Value(jti)});
    if (!found) return fail(std::move(found.error()));
    if (found->empty()) return std::nullopt;
    return std::move(found->front());
  }

  Result<std::vector<Token>> chain(std::string_view jti) override { return read_chain(database_->reader, jti); }

  Result<std::vector<Token>> list(std::string_view tenant, bool with_revoked) override {
    return read_tokens(database_->reader, kList, {Value(tenant), Value(std::int64_t{with_revoked})});
  }

  Task<Result<void>> add(Token token, std::string_view secret, WallTime now) override {
    return database_->writer.submit(
        [token = std::move(token), digest = to_hex(sha256(secret)), now](Database& database) -> Result<void> {
          return insert(database, token, digest, now);
        });
  }

  Task<Result<std::vector<std::string>>> revoke(std::string_view jti, WallTime now) override {
    return revoke_named(std::string(jti), now);
  }

  Task<Result<void>> replace_policy(std::string_view jti, policy::PolicyDocument policy) override {
    return database_->writer.submit([jti = std::string(jti), json = policy::to_json(policy)](Database& database) {
      Result<void> replaced = database.run("UPDATE token SET policy = ? WHERE jti = ? AND kind = 'agent'",
                                           {Value(std::string_view(json)), Value(std::string_view(jti))});
      if (replaced && database.changes() == 0) return Result<void>(no_token(jti));
      return replaced;
    });
  }

 private:
  Task<Result<std::vector<std::string>>> revoke_named(std::string jti, WallTime now) {
    auto names = std::make_shared<std::vector<std::string>>();
    Result<void> committed = co_await database_->writer.submit([jti, now, names](Database& database) -> Result<void> {
      Result<std::vector<std::string>> revoked = revoke_family(database, jti, now);
      if (!revoked) return fail(std::move(revoked.error()));
      *names = std::move(*revoked);
      return {};
    });
    if (!committed) co_return fail(std::move(committed.error()));
    co_return std::move(*names);
  }

  std::shared_ptr<ApiDatabase> database_;
};

}  // namespace

std::unique_ptr<TokenStore> make_token_store(std::shared_ptr<ApiDatabase> database) {
  return std::make_unique<SqliteTokenStore>(std::move(database));
}

}  // namespace usher::admin
