#include <algorithm>
#include <array>
#include <map>
#include <utility>

#include "base/hash.h"
#include "base/random.h"
#include "gateway/links/links.h"
#include "store/sqlite.h"
#include "store/writer.h"

namespace usher::gateway {
namespace {

using store::Database;
using store::Row;
using store::Value;

constexpr const char* kMigrations[] = {
    "CREATE TABLE link(tenant TEXT NOT NULL, kind TEXT NOT NULL, id TEXT NOT NULL,"
    "  to_kind TEXT NOT NULL, to_id TEXT NOT NULL, at INTEGER NOT NULL,"
    "  PRIMARY KEY(tenant, kind, id)) STRICT, WITHOUT ROWID;"
    // Of a code only its digest.
    "CREATE TABLE code(tenant TEXT NOT NULL, kind TEXT NOT NULL, id TEXT NOT NULL,"
    "  digest TEXT NOT NULL, expires_at INTEGER NOT NULL, PRIMARY KEY(tenant, kind, id)) STRICT, WITHOUT ROWID;"
    "CREATE UNIQUE INDEX code_digest ON code(digest);"};

constexpr std::size_t kCodeCharacters = 10;
// 32 signs, none that is easily taken for another.
constexpr std::string_view kAlphabet = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";

std::int64_t millis(WallTime time) { return time.time_since_epoch().count(); }
Value text(const std::string& value) { return std::string_view(value); }

std::string make_code() {
  std::array<unsigned char, kCodeCharacters> random{};
  fill_with_random(random);
  std::string code;
  for (const unsigned char byte : random) code += kAlphabet[byte % kAlphabet.size()];
  return code;
}

// "k7qd-m3xp a1" → the digest of "K7QDM3XPA1"; "" for what cannot be a code.
std::string digest_of(std::string_view written) {
  std::string code;
  for (char c : written) {
    if (c == ' ' || c == '-') continue;
    if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
    if (c == 'O') c = '0';
    if (c == 'I' || c == 'L') c = '1';
    if (!kAlphabet.contains(c) || code.size() == kCodeCharacters) return "";
    code += c;
  }
  return code.size() == kCodeCharacters ? to_hex(sha256(code)) : "";
}

Result<std::optional<Sender>> find_issuer(Database& database, const std::string& tenant, const std::string& digest,
                                          WallTime now) {
  std::optional<Sender> issuer;
  Result<void> read = database.query("SELECT kind, id FROM code WHERE tenant = ? AND digest = ? AND expires_at > ?",
                                     {text(tenant), text(digest), Value(millis(now))}, [&](const Row& row) {
                                       issuer = Sender{tenant, std::string(row.text(0)), std::string(row.text(1))};
                                     });
  if (!read) return fail(std::move(read.error()));
  return issuer;
}

// Three accounts are never one behind the other: whom the first had joined would no longer be who they were.
Result<bool> would_be_chain(Database& database, const Sender& sender, const Sender& issuer) {
  bool is_chain = false;
  Result<void> read = database.query(
      "SELECT 1 FROM link WHERE tenant = ? AND ((kind = ? AND id = ?) OR (to_kind = ? AND to_id = ?)"
      "  OR (kind = ? AND id = ?)) LIMIT 1",
      {text(sender.tenant), text(sender.kind), text(sender.id), text(sender.kind), text(sender.id), text(issuer.kind),
       text(issuer.id)},
      [&](const Row&) { is_chain = true; });
  if (!read) return fail(std::move(read.error()));
  return is_chain;
}

Result<void> forget_code_of(Database& database, const Sender& keeper) {
  return database.run("DELETE FROM code WHERE tenant = ? AND kind = ? AND id = ?",
                      {text(keeper.tenant), text(keeper.kind), text(keeper.id)});
}

class SqliteLinks final : public Links {
 public:
  SqliteLinks(Database database, std::map<Sender, Sender> links, asio::any_io_executor loop, const Clock& clock)
      : clock_(clock), links_(std::move(links)), writer_(std::move(database), std::move(loop)) {}

  std::optional<Sender> joined_to(const Sender& sender) const override {
    const auto found = links_.find(sender);
    return found == links_.end() ? std::nullopt : std::optional(found->second);
  }

  std::vector<Sender> joined_by(const Sender& keeper) const override {
    std::vector<Sender> found;
    for (const auto& [sender, to] : links_) {
      if (to == keeper) found.push_back(sender);
    }
    return found;
  }

  Task<Result<std::string>> issue_code(const Sender& keeper) override {
    std::string code = make_code();
    const WallTime now = clock_.wall();
    Result<void> stored =
        co_await writer_.submit([keeper, digest = digest_of(code), now](Database& database) -> Result<void> {
          Result<void> swept = database.run("DELETE FROM code WHERE expires_at <= ?", {Value(millis(now))});
          if (!swept) return swept;
          return database.run("INSERT OR REPLACE INTO code VALUES(?, ?, ?, ?, ?)",
                              {text(keeper.tenant), text(keeper.kind), text(keeper.id), text(digest),
                               Value(millis(now + kLinkCodeLifetime))});
        });
    if (!stored) co_return fail(std::move(stored.error()));
    co_return code;
  }

  Task<Result<std::optional<Sender>>> issuer_of(std::string tenant, std::string_view code) override {
    auto issuer = std::make_shared<std::optional<Sender>>();
    const std::string digest = digest_of(code);
    if (digest.empty()) co_return std::optional<Sender>();
    Result<void> read = co_await writer_.submit(
        [issuer, tenant = std::move(tenant), digest, now = clock_.wall()](Database& database) -> Result<void> {
          Result<std::optional<Sender>> found = find_issuer(database, tenant, digest, now);
          if (!found) return fail(std::move(found.error()));
          *issuer = std::move(*found);
          return {};
        });
    if (!read) co_return fail(std::move(read.error()));
    co_return std::move(*issuer);
  }

  Task<Result<void>> join(const Sender& sender, std::string_view code) override {
    auto keeper = std::make_shared<std::optional<Sender>>();
    Result<void> stored = co_await writer_.submit(
        [keeper, sender, digest = digest_of(code), now = clock_.wall()](Database& database) -> Result<void> {
          Result<std::optional<Sender>> issuer = find_issuer(database, sender.tenant, digest, now);
          if (!issuer) return fail(std::move(issuer.error()));
          if (!*issuer) return fail(ErrorKind::not_found, "no such code");
          Result<bool> is_chain = would_be_chain(database, sender, **issuer);
          if (!is_chain) return fail(std::move(is_chain.error()));
          if (*is_chain) return fail(ErrorKind::denied, "one of the two is joined already");
          Result<void> used = database.run("DELETE FROM code WHERE digest = ?", {text(digest)});
          if (!used) return used;
          *keeper = std::move(*issuer);
          return database.run("INSERT OR REPLACE INTO link VALUES(?, ?, ?, ?, ?, ?)",
                              {text(sender.tenant), text(sender.kind), text(sender.id), text((*keeper)->kind),
                               text((*keeper)->id), Value(millis(now))});
        });
    if (stored) links_[sender] = **keeper;
    co_return stored;
  }

  Task<Result<void>> forget(std::string tenant, std::string_view code) override {
    Result<void> stored = co_await writer_.submit(
        [tenant = std::move(tenant), digest = digest_of(code)](Database& database) -> Result<void> {
          return database.run("DELETE FROM code WHERE tenant = ? AND digest = ?", {text(tenant), text(digest)});
        });
    co_return stored;
  }

  Task<Result<void>> separate(const Sender& sender) override {
    Result<void> stored = co_await writer_.submit([sender](Database& database) -> Result<void> {
      // Whoever was joined may have asked for one in the sender's name.
      Result<void> forgotten = forget_code_of(database, sender);
      if (!forgotten) return forgotten;
      return database.run(
          "DELETE FROM link WHERE tenant = ? AND ((kind = ? AND id = ?) OR (to_kind = ? AND to_id = ?))",
          {text(sender.tenant), text(sender.kind), text(sender.id), text(sender.kind), text(sender.id)});
    });
    if (stored) std::erase_if(links_, [&](const auto& link) { return link.first == sender || link.second == sender; });
    co_return stored;
  }

 private:
  const Clock& clock_;
  std::map<Sender, Sender> links_;
  store::Writer writer_;  // last: its thread is joined before anything else goes
};

Result<std::map<Sender, Sender>> read_links(Database& database) {
  std::map<Sender, Sender> links;
  Result<void> read = database.query("SELECT tenant, kind, id, to_kind, to_id FROM link", {}, [&](const Row& row) {
    const std::string tenant(row.text(0));
    links[{tenant, std::string(row.text(1)), std::string(row.text(2))}] = {tenant, std::string(row.text(3)),
                                                                           std::string(row.text(4))};
  });
  if (!read) return fail(std::move(read.error()));
  return links;
}

}  // namespace

Result<std::unique_ptr<Links>> open_links(const std::filesystem::path& file, asio::any_io_executor loop,
                                          const Clock& clock) {
  Result<Database> database = Database::open(
      file, {.durability = store::Durability::full, .sharing = store::Sharing::shared, .autocheckpoint_pages = 100});
  if (!database) return fail(std::move(database.error()));
  Result<void> migrated = store::migrate(*database, kMigrations);
  if (!migrated) return fail(std::move(migrated.error()));
  Result<std::map<Sender, Sender>> links = read_links(*database);
  if (!links) return fail(std::move(links.error()));
  return std::make_unique<SqliteLinks>(std::move(*database), std::move(*links), std::move(loop), clock);
}

Result<std::optional<Sender>> read_joined_to(const std::filesystem::path& file, const Sender& sender) {
  std::error_code ignored;
  if (!std::filesystem::exists(file, ignored)) return std::optional<Sender>();
  Result<Database> database = Database::open(file, {.sharing = store::Sharing::shared, .is_read_only = true});
  if (!database) return fail(std::move(database.error()));
  std::optional<Sender> keeper;
  Result<void> read = database->query(
      "SELECT to_kind, to_id FROM link WHERE tenant = ? AND kind = ? AND id = ?",
      {text(sender.tenant), text(sender.kind), text(sender.id)},
      [&](const Row& row) { keeper = Sender{sender.tenant, std::string(row.text(0)), std::string(row.text(1))}; });
  if (!read) return fail(std::move(read.error()));
  return keeper;
}

}  // namespace usher::gateway
