// A Discord bot as a channel: one object per bot, any number of shards within. Several live side by side.
//
// run() asks GET /gateway/bot, opens its shards and hands what people write to the intake; a place in the event stream
// is bookmarked only after the intake has taken what stands before it, so the next start resumes there. Every platform
// error is waited out and named in health(); a fatal close code ends this bot's shards only: run() then waits for
// stop(). Event-loop thread only. Destroy the channel after run() has ended, or when its loop runs no more.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/secret.h"
#include "channel/channel.h"
#include "channel/group_mode.h"
#include "net/http_client.h"
#include "net/websocket.h"

namespace usher::discord {

using channel::GroupMode;  // a guild's channels are groups

// What an answer longer than one message becomes.
enum class LongReply { messages, file };

inline constexpr std::uint32_t kDefaultIntents = 1u << 0 | 1u << 9 | 1u << 12 | 1u << 15;

// Discord turns away who does not name itself like this.
inline constexpr std::string_view kUserAgent = "DiscordBot (https://usher.example, " USHER_VERSION ")";

class BanGuard;

struct DiscordOptions {
  std::string name;  // the channel's, unique in the process
  std::string tenant = "default";
  Secret token;
  std::string api_root = "https://discord.com/api/v10";  // no trailing slash
  std::uint32_t intents = kDefaultIntents;
  GroupMode groups = GroupMode::mention;
  LongReply long_reply = LongReply::messages;
  int shards = 0;             // 0 = as many as Discord recommends
  std::string acknowledge;    // emoji put under an accepted message until it is answered; "" = none
  bool sets_commands = true;  // registers the slash commands when they differ from what is registered
  // Guilds whose roles mean something here: a direct message's sender is looked up in these. At most 16.
  std::vector<std::string> role_guilds;
  // Roles that mean something in whatever guild they belong to; their guilds are learned from GUILD_CREATE.
  std::vector<std::string> roles;
  std::string public_key;  // 64 hex digits of the application: verifies interactions that come over HTTP; "" = none do

  // Discord bans addresses, not bots: shared by all that call from this one. Null = this bot is alone.
  std::shared_ptr<BanGuard> ban_guard;

  std::chrono::milliseconds call_timeout{15'000};
  std::chrono::milliseconds first_backoff{500};  // after an error; doubled up to max_backoff, with jitter
  std::chrono::milliseconds max_backoff{30'000};
  std::chrono::milliseconds identify_interval{5'000};  // as Discord asks, between two sessions that begin
  std::chrono::milliseconds edit_interval{2'000};      // between two edits of a growing answer
  std::chrono::milliseconds typing_interval{8'000};
  std::chrono::milliseconds place_interval{1'000};  // so late may be on disk how far a session's events were taken
  std::chrono::seconds role_cache{60};
};

// An interaction that came over HTTP (the application's "interactions endpoint URL"), judged and answered.
struct HttpInteraction {
  std::string timestamp, signature;  // X-Signature-Timestamp, X-Signature-Ed25519
  std::string body;                  // as received, at most 256 KiB
};
struct HttpInteractionAnswer {
  int status = 401;
  std::string body;  // JSON, or "" with 401
};

class Discord : public channel::Channel {
 public:
  // 401 for a signature that does not verify, before the body is parsed. A ping is answered at once; anything else
  // after the intake has taken it, within 2.5 s.
  virtual Task<HttpInteractionAnswer> take(HttpInteraction interaction) = 0;
};

// `http`, `sockets` and `bookmark` must outlive the channel.
std::unique_ptr<Discord> make_discord(net::HttpClient& http, net::WebSocketConnector& sockets,
                                      channel::Bookmark& bookmark, DiscordOptions options);

}  // namespace usher::discord
