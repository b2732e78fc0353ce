// One bot's calls to Discord's REST API, paced by the limits that its answers teach (buckets by route and major
// parameter, the global limit, 429s of every scope), and stopped altogether before so many refusals, this bot's and
// others', that Discord would ban the address. Event-loop thread only.
#pragma once

#include <chrono>
#include <cstdint>
#include <expected>
#include <memory>
#include <string>
#include <string_view>

#include "base/async.h"
#include "base/json.h"
#include "base/result.h"
#include "base/secret.h"
#include "channel/channel.h"
#include "net/http_client.h"

namespace usher::discord {

class BanGuard;

struct RestCall {
  std::string_view method = "GET";
  std::string target;  // "/channels/1/messages"; may hold an interaction's token: never logged
  // What limits are learned by: the target with every id but the major parameter (channel, guild, webhook, interaction)
  // named instead, and without tokens: "/channels/1/messages/:message". Of a webhook with a token the major parameter
  // is both: then a digest of the token stands behind the id.
  std::string route;
  std::string body;
  std::string content_type = "application/json";
  bool is_interaction = false;  // exempt from the global limit; carries no Authorization
  bool is_repeatable = false;   // harmless when Discord sees it twice
  bool is_patient = true;       // false: fails where it would have to wait for a limit, before or after it was tried
  std::size_t max_response_bytes = 1u << 20;
  // Told before each attempt leaves, when its turn has come, and that it came back when it has to wait after a 429.
  channel::Passage* passage = nullptr;
  bool* was_sent = nullptr;  // as of net::HttpRequest
};

enum class RestErrorKind {
  gone,           // no such channel, no access, blocked by the person: never again
  token_refused,  // 401
  too_many,       // a 429 that did not end within the deadline
  unavailable,    // 5xx, or an answer that is not Discord's
  refused,        // any other 4xx
};

struct RestError {
  RestErrorKind kind = RestErrorKind::unavailable;
  int status = 0;
  int code = 0;         // Discord's own: 10062, 50013 …
  std::string message;  // Discord's words, shortened and printable
  std::chrono::milliseconds retry_after{0};
  bool may_have_happened = false;  // the call may have had its effect all the same
};

// The JSON of a 2xx answer; null for 204.
using RestResult = std::expected<json::value, RestError>;

Error to_error(const RestError& error, std::string_view what);

class Rest {
 public:
  // `http` must outlive it and its calls. An api_root or token that cannot be used makes every call fail with invalid.
  // `guard` is that of all bots which call from this address; null = of this one alone.
  Rest(net::HttpClient& http, Secret token, std::string api_root, std::string name,
       std::shared_ptr<BanGuard> guard = nullptr);
  ~Rest();
  Rest(const Rest&) = delete;
  Rest& operator=(const Rest&) = delete;

  // Waits for its bucket, then calls, then waits out 429s, all within the deadline. The outer result fails when no
  // answer came (see net/http_client.h), or with busy before anything went out: where the deadline leaves no time for
  // the limits, too many calls wait already, or the guard against bans holds everything back. After a 401 every call is
  // answered token_refused for some minutes without being made. Fails too where the passage does not let it leave.
  Task<Result<RestResult>> call(RestCall call, Deadline deadline);
  // Whether a call on that route (method and route) would go out at once.
  bool can_call_now(std::string_view method, std::string_view route) const;
  // GET of an absolute https address on one of Discord's file hosts (or on api_root's host), without the token.
  Task<Result<std::string>> download(std::string url, std::size_t max_bytes, Deadline deadline);

 private:
  struct State;
  std::shared_ptr<State> state_;  // shared with the calls under way
};

}  // namespace usher::discord
