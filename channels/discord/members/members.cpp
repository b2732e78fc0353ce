#include "channels/discord/members/members.h"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <cstdlib>
#include <optional>
#include <unordered_map>
#include <unordered_set>
#include <utility>

#include "channels/discord/events/snowflake.h"

namespace usher::discord {
namespace {

using Clock = std::chrono::steady_clock;
using Roles = std::vector<channel::GuildRoles>;

constexpr std::size_t kMaxGuilds = 16;
constexpr std::size_t kMaxUsers = 1024;  // cached
constexpr int kUnknownMember = 10007, kUnknownGuild = 10004, kMissingAccess = 50001;

struct Shard {
  std::int64_t number = 0, count = 1;
};

// Whose READY it is; a count of 0 where that cannot be read.
Shard shard_of(const json::value& ready) {
  const json::array* shard = array_at(&ready, "shard");
  if (!shard) return {};  // there is one
  if (shard->size() != 2 || !shard->front().is_int64() || !shard->back().is_int64()) return {0, 0};
  return {shard->front().get_int64(), shard->back().get_int64()};
}

// Whether a guild's events come to that READY's shard.
bool is_of_shard(const std::string& guild, const json::value& ready) {
  const Shard shard = shard_of(ready);
  return shard.count > 0 && shard.number == (std::strtoll(guild.c_str(), nullptr, 10) >> 22) % shard.count;
}

// One lookup under way, which whoever asks for the same person waits for.
struct Lookup {
  explicit Lookup(const asio::any_io_executor& loop) : done(loop, Clock::time_point::max()) {}
  std::optional<Result<Roles>> result;  // none when it was cancelled
  asio::steady_timer done;              // cancelled when it has ended
  bool is_stale = false;                // its person's roles have changed meanwhile
};

struct Known {
  Roles roles;
  Clock::time_point until;
};

Task<Result<void>> wait_for(std::shared_ptr<Lookup> lookup) {
  boost::system::error_code woken;
  co_await lookup->done.async_wait(asio::redirect_error(asio::use_awaitable, woken));
  co_return Result<void>{};
}

}  // namespace

struct Members::State {
  State(Rest& calls, const DiscordOptions& options)
      : rest(calls), name(options.name), roles(options.roles), keep(options.role_cache) {
    unplaced = roles;
    for (const std::string& guild : options.role_guilds) add_guild(guild);
    configured = guilds.size();
  }

  bool add_guild(const std::string& guild);
  void name_unplaced();
  void leave(const std::string& guild);
  void forget_all();
  const Roles* known_of(const std::string& user) const;
  void remember(const std::string& user, const Roles& held);
  static Task<Result<Roles>> roles_of(std::shared_ptr<State> self, std::string user, Deadline deadline);
  static Task<Result<Roles>> look_up(std::shared_ptr<State> self, std::string user, Deadline deadline);
  static Task<Result<std::optional<channel::GuildRoles>>> ask(std::shared_ptr<State> self, std::string guild,
                                                              std::string user, Deadline deadline);

  // Stands for a lookup as long as it lives, and wakes whoever waits for it.
  struct Leading;

  Rest& rest;
  std::string name;
  std::vector<std::string> roles;
  std::chrono::seconds keep;
  std::vector<std::string> guilds;  // first those that are configured
  std::size_t configured = 0;
  std::unordered_set<std::string> left;      // of the configured ones, by the bot, as far as has been heard
  std::vector<std::string> unplaced;         // of `roles`, whose guild was not heard of
  std::unordered_set<std::string> expected;  // guilds whose GUILD_CREATE is still to come
  std::unordered_set<std::int64_t> begun;    // shards whose READY has come
  std::int64_t shards = 0;                   // of the bot; 0 before the first READY
  bool has_named_unplaced = false;
  std::unordered_map<std::string, Known> known;  // by user
  std::unordered_map<std::string, std::shared_ptr<Lookup>> lookups;
};

struct Members::State::Leading {
  Leading(std::shared_ptr<State> in, std::string who, std::shared_ptr<Lookup> own)
      : state(std::move(in)), user(std::move(who)), lookup(std::move(own)) {
    state->lookups[user] = lookup;
  }
  ~Leading() {
    state->lookups.erase(user);
    lookup->done.cancel();
  }
  Leading(const Leading&) = delete;
  Leading& operator=(const Leading&) = delete;

  std::shared_ptr<State> state;
  std::string user;
  std::shared_ptr<Lookup> lookup;
};

bool Members::State::add_guild(const std::string& guild) {
  if (!is_snowflake(guild) || std::ranges::find(guilds, guild) != guilds.end()) return false;
  if (guilds.size() >= kMaxGuilds) {
    spdlog::warn("{}: the roles of guild {} are not looked up: more than {} guilds have roles that count", name, guild,
                 kMaxGuilds);
    return false;
  }
  guilds.push_back(guild);
  return true;
}

void Members::State::leave(const std::string& guild) {
  const auto learned = guilds.begin() + static_cast<std::ptrdiff_t>(configured);
  expected.erase(guild);
  if (std::find(guilds.begin(), learned, guild) != learned) {
    const bool is_new = left.insert(guild).second;
    if (is_new) spdlog::warn("{}: the bot is not in guild {}, whose roles count; nobody holds them now", name, guild);
  } else if (const auto known_one = std::find(learned, guilds.end(), guild); known_one != guilds.end()) {
    guilds.erase(known_one);
    unplaced = roles;  // which of them were its own nobody has noted
  }
  forget_all();
}

// The likeliest mistake in a first config: a role's id that is another's, or a person's.
void Members::State::name_unplaced() {
  if (std::exchange(has_named_unplaced, true)) return;
  for (const std::string& role : unplaced) {
    spdlog::warn("{}: no server of the bot has a role {}: the assignments of that discord_role fit nobody", name, role);
  }
}

void Members::State::forget_all() {
  known.clear();
  for (const auto& [user, lookup] : lookups) lookup->is_stale = true;
}

const Roles* Members::State::known_of(const std::string& user) const {
  const auto found = known.find(user);
  return found == known.end() || found->second.until <= Clock::now() ? nullptr : &found->second.roles;
}

void Members::State::remember(const std::string& user, const Roles& held) {
  const Clock::time_point now = Clock::now();
  if (known.size() >= kMaxUsers) std::erase_if(known, [&](const auto& entry) { return entry.second.until <= now; });
  if (known.size() >= kMaxUsers) known.erase(known.begin());
  known[user] = {held, now + keep};
}

Task<Result<Roles>> Members::State::roles_of(std::shared_ptr<State> self, std::string user, Deadline deadline) {
  if (!is_snowflake(user)) co_return fail(ErrorKind::invalid, "the sender is no Discord user");
  if (!self->expected.empty() && !self->unplaced.empty()) {
    co_return fail(ErrorKind::unavailable, "Discord has not told of all guilds yet, and one may have roles that count");
  }
  while (true) {
    if (const Roles* held = self->known_of(user)) co_return *held;
    const auto under_way = self->lookups.find(user);
    if (under_way == self->lookups.end()) break;
    const std::shared_ptr<Lookup> lookup = under_way->second;
    const Result<void> waited = co_await with_deadline(wait_for(lookup), deadline);
    if (!waited) co_return fail(waited.error());
    if (lookup->result) co_return *lookup->result;
  }
  const asio::any_io_executor loop = co_await asio::this_coro::executor;
  const Leading leading(self, user, std::make_shared<Lookup>(loop));
  Result<Roles> held = co_await look_up(self, user, deadline);
  leading.lookup->result = held;
  if (held && !leading.lookup->is_stale) self->remember(user, *held);
  co_return held;
}

Task<Result<Roles>> Members::State::look_up(std::shared_ptr<State> self, std::string user, Deadline deadline) {
  Roles all;
  const std::vector<std::string> guilds = self->guilds;
  for (const std::string& guild : guilds) {
    Result<std::optional<channel::GuildRoles>> held = co_await ask(self, guild, user, deadline);
    if (!held) co_return fail(std::move(held.error()));
    if (*held) all.push_back(std::move(**held));
  }
  co_return all;
}

Task<Result<std::optional<channel::GuildRoles>>> Members::State::ask(std::shared_ptr<State> self, std::string guild,
                                                                     std::string user, Deadline deadline) {
  RestCall call;
  call.target = fmt::format("/guilds/{}/members/{}", guild, user);
  call.route = fmt::format("/guilds/{}/members/:user", guild);
  call.is_repeatable = true;
  Result<RestResult> answer = co_await self->rest.call(std::move(call), deadline);
  if (!answer) co_return fail(std::move(answer.error()));
  if (*answer) {
    // Somebody else's roles must not come in by a proxy's mistake.
    if (string_at(member(&**answer, "user"), "id") != user || !array_at(&**answer, "roles")) {
      co_return fail(ErrorKind::protocol, "Discord answered with another member than it was asked for");
    }
    self->left.erase(guild);
    co_return channel::GuildRoles{guild, roles_in(&**answer)};
  }
  const int code = answer->error().code;
  const bool is_stranger = answer->error().status == 404 && code == kUnknownMember;
  if (is_stranger) self->left.erase(guild);
  const bool is_outside = (code == kUnknownGuild || code == kMissingAccess) && self->left.contains(guild);
  if (is_stranger || is_outside) co_return std::optional<channel::GuildRoles>();
  co_return fail(to_error(answer->error(), "who is a member of guild " + guild));
}

Members::Members(Rest& rest, const DiscordOptions& options) : state_(std::make_shared<State>(rest, options)) {}
Members::~Members() = default;

void Members::begin(const json::value& ready) {
  const json::array* listed = array_at(&ready, "guilds");
  if (!listed) return;
  std::unordered_set<std::string> all;
  for (const json::value& each : *listed) {
    const std::string_view guild = string_at(&each, "id").value_or("");
    if (is_snowflake(guild)) all.emplace(guild);
  }
  const std::vector<std::string> known = state_->guilds;
  for (const std::string& guild : known) {
    if (!all.contains(guild) && is_of_shard(guild, ready)) state_->leave(guild);
  }
  if (!state_->roles.empty()) state_->expected.merge(all);
  state_->begun.insert(shard_of(ready).number);
  state_->shards = shard_of(ready).count;
}

void Members::learn(const json::value& guild_create) {
  const std::string_view guild = string_at(&guild_create, "id").value_or("");
  const json::array* roles = array_at(&guild_create, "roles");
  if (!roles) return;  // not to be had at the moment
  state_->expected.erase(std::string(guild));
  bool matters = false;
  for (std::size_t i = 0; i < roles->size(); ++i) {
    const std::string_view role = string_at(&(*roles)[i], "id").value_or("");
    std::erase(state_->unplaced, role);
    matters = matters || std::ranges::find(state_->roles, role) != state_->roles.end();
  }
  const bool has_heard_of_all = std::ssize(state_->begun) == state_->shards && state_->expected.empty();
  if (has_heard_of_all) state_->name_unplaced();
  if (!matters) return;
  if (!state_->add_guild(std::string(guild))) return;
  state_->forget_all();  // what was asked for until now knows nothing of it
}

std::vector<std::string> Members::learned() const {
  return {state_->guilds.begin() + static_cast<std::ptrdiff_t>(state_->configured), state_->guilds.end()};
}

void Members::recall(const std::vector<std::string>& learned) {
  for (const std::string& guild : learned) state_->add_guild(guild);
}

void Members::leave(const std::string& guild) { state_->leave(guild); }

Task<Result<Roles>> Members::roles_of(const std::string& user, Deadline deadline) {
  return State::roles_of(state_, user, deadline);
}

void Members::forget(const std::string& user) {
  state_->known.erase(user);
  const auto under_way = state_->lookups.find(user);
  if (under_way != state_->lookups.end()) under_way->second->is_stale = true;
}

}  // namespace usher::discord
