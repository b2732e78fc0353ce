// What the Discord simulator is told and what it shows: plain values.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/json.h"
#include "support/http/http_server.h"

namespace usher::testing {

struct DiscordFile {
  std::string name, media_type, bytes;
  std::string id;  // given by the platform
};

// What a person (or another bot, or a webhook) writes.
struct DiscordWords {
  std::string user;
  std::string content;
  std::string channel;  // "" = the first channel of the first guild
  std::string reply_to;
  bool reply_pings = true;
  std::vector<DiscordFile> files;
  bool is_bot = false;
  std::string webhook;  // id of the webhook that speaks; such a message has no member
  int type = 0;         // not 0: a system message, such as 7 (somebody joined)
};

// A message in a channel, whoever wrote it.
struct DiscordMessage {
  std::string id, channel, guild, author;
  std::string content;
  std::string nonce, reply_to;
  std::int64_t flags = 0;
  int type = 0;
  std::vector<std::string> earlier;  // what it said before each edit, oldest first
  std::vector<DiscordFile> files;
  json::array components, embeds;
  json::object request;             // the last create or edit of the bot
  std::vector<std::string> pinged;  // "everyone", "here", user ids, "&" + role ids: by the create and by any edit
  bool is_deleted = false;
  std::string interaction;  // id of the interaction that it answers
  bool is_loading = false;  // "… is thinking"
  bool is_bot = false;
  std::string webhook;
  std::chrono::system_clock::time_point created, edited;
  // What the content mentions, shown as the platform shows it.
  bool mentions_everyone = false;
  std::vector<std::string> mentions, mentioned_roles;

  bool is_ephemeral() const { return (flags & 64) != 0; }
};

// A person runs a slash command. In a direct message when `channel` is one.
struct DiscordCommand {
  std::string user;
  std::string name;
  json::array options;       // as Discord sends them: {name, type, value}
  std::string channel;       // "" = the first channel of the first guild
  bool over_gateway = true;  // false: the test carries interaction(id) to the HTTP endpoint itself
};

// How the bot acknowledged an interaction.
struct DiscordAck {
  std::string interaction;
  int type = 0;
  std::chrono::milliseconds delay{0};
  json::object data;
};

struct DiscordReaction {
  std::string channel, message, emoji;
  bool is_added = true;
};

// So many calls a window; 0 calls = no limit. Routes that name the same bucket share it.
struct DiscordLimit {
  int calls = 50;
  std::chrono::milliseconds window{1000};
  std::string bucket;
};

struct DiscordSimulatorOptions {
  std::string token = "MTAwMDAwMDAwMDAwMDAwMDAwMQ.Gtests.usher-simulator-token-usher-simulator";
  std::string bot = "1000000000000000001";
  std::string application = "1000000000000000002";  // not the bot's, as with old applications: nobody may mix them up
  std::string guild = "1000000000000000100";        // exists from the start, with one text channel
  std::string channel = "1000000000000000101";
  std::string verify_key;  // the public key of interactions over HTTP, 64 hex digits
  std::uint16_t port = 0;
  std::optional<TestCertificate> certificate;  // with one, https and wss

  int shards = 1;  // what /gateway/bot recommends
  int session_starts = 1000;
  int max_concurrency = 1;
  std::chrono::milliseconds identify_window{5000};
  std::chrono::milliseconds heartbeat_interval{41'250};
  int events_per_minute = 120;       // that a connection may send
  std::int64_t refused_intents = 0;  // intents that the portal does not allow: 4014
  std::size_t kept_events = 10'000;  // a session remembers so many for a resume

  DiscordLimit limit;                          // of every route that `limits` does not name
  std::map<std::string, DiscordLimit> limits;  // by route: "POST /channels/:channel/messages"
  int calls_per_second = 50;                   // the global limit; 0 = none
  int ban_after = 10'000;                      // refused calls, before every answer is Cloudflare's

  std::chrono::milliseconds acknowledge_within{3000};
  std::chrono::minutes interaction_life{15};
  std::chrono::minutes nonce_life{3};

  HttpServer::Handler other;  // answers what is neither the API nor a file; without it that is 404
  // Told of every call of the API when it has come (`reply` is null), and when it has taken effect but its answer has
  // not left. On the executor; may call the simulator.
  std::function<void(const std::string& route, const json::object& body, const HttpReply* reply)> watch;
};

// What goes wrong with one gateway connection, decided before it opens.
struct ConnectionScript {
  bool is_refused = false;                      // the upgrade is answered with 503
  bool says_hello = true;                       // false: silence
  bool acknowledges = true;                     // false: a zombie
  bool reconnect_before_hello = false;          // op 7 instead of op 10
  std::optional<std::uint16_t> close_at_login;  // answers identify or resume with this close code
  std::optional<bool> invalid_session;          // answers identify or resume with op 9
  std::size_t repeats = 0;                      // a resume replays so many events that were seen already
  std::size_t piece_bytes = 0;                  // compressed frames come as messages of at most so many bytes
  std::optional<std::size_t> cut_after_bytes;   // of payload, at whatever point of a frame; then the socket is cut
  std::optional<std::size_t> corrupt_byte;      // the payload byte at this place of the stream is turned over
  std::optional<std::chrono::milliseconds> heartbeat;  // instead of the options'
};

// One gateway connection, as the simulator saw it.
struct GatewayConnection {
  int number = 0;  // counts from 1
  std::string target;
  bool is_at_resume_url = false;
  bool is_open = true;
  std::string session;  // "" before READY or RESUMED
  int shard = 0;
  std::size_t heartbeats = 0;
  std::chrono::milliseconds first_heartbeat_after{0};  // after HELLO
  std::vector<json::object> received;                  // but heartbeats
  std::vector<std::string> sent;                       // names: "HELLO", "READY", "MESSAGE_CREATE" …, "op 7", "op 9"
  std::optional<std::uint16_t> client_close;           // the client's close code, 0 when it just went away
};

}  // namespace usher::testing
