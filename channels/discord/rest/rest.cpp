#include "channels/discord/rest/rest.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <array>
#include <optional>
#include <utility>

#include "channels/discord/discord.h"
#include "channels/discord/rest/answer.h"
#include "channels/discord/rest/ban_guard.h"
#include "channels/discord/rest/turns.h"

namespace usher::discord {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::chrono::minutes kRefusedPause{5};
constexpr std::array<std::string_view, 2> kFileHosts = {"cdn.discordapp.com", "media.discordapp.net"};

// The token becomes part of a header.
bool is_token(std::string_view token) {
  return !token.empty() && token.size() <= 256 && std::ranges::all_of(token, [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '.' || c == '-' ||
           c == '_';
  });
}

Result<net::Endpoint> endpoint_of(const Secret& token, const std::string& api_root) {
  if (!is_token(token.expose())) return fail(ErrorKind::invalid, "this is no Discord bot token");
  return net::parse_endpoint(api_root);
}

}  // namespace

struct Rest::State {
  State(net::HttpClient& client, Secret secret, const std::string& api_root, std::string bot,
        std::shared_ptr<BanGuard> refusals)
      : http(client),
        token(std::move(secret)),
        endpoint(endpoint_of(token, api_root)),
        authorization("Bot " + token.expose()),
        name(std::move(bot)),
        guard(refusals ? std::move(refusals) : std::make_shared<BanGuard>()) {}

  static Task<Result<RestResult>> run(std::shared_ptr<State> self, RestCall call, Deadline deadline);
  // The answer to a call that must not be made now.
  std::optional<Result<RestResult>> held_back(const RestCall& call) const;
  net::HttpRequest request_of(const RestCall& call) const;
  void note_refusals(const RestAnswer& answer, const RestCall& call);

  net::HttpClient& http;
  Secret token;
  Result<net::Endpoint> endpoint;
  std::string authorization, name;
  Turns turns;
  std::shared_ptr<BanGuard> guard;
  RestTime refused_until = RestTime::min();
};

Task<Result<RestResult>> Rest::State::run(std::shared_ptr<State> self, RestCall call, Deadline deadline) {
  if (!self->endpoint) co_return fail(self->endpoint.error());
  const TurnWish wish{bucket_route(call.method, call.route), !call.is_interaction, call.is_patient};
  while (true) {
    if (auto held = self->held_back(call)) co_return std::move(*held);
    Result<Turn> turn = co_await self->turns.wait(wish, deadline);
    if (!turn) co_return fail(std::move(turn.error()));
    if (auto held = self->held_back(call)) co_return std::move(*held);
    if (call.passage) {
      Result<void> left = co_await call.passage->leave();
      if (!left) co_return fail(std::move(left.error()));
    }
    Result<net::HttpResponse> response = co_await self->http.send(self->request_of(call), deadline);
    if (!response) co_return fail(std::move(response.error()));
    RestAnswer answer = read_answer(*response, call.is_interaction);
    self->note_refusals(answer, call);
    turn->end(answer.limits, answer.too_many);
    const bool is_tried_again =
        answer.too_many && call.is_patient && Clock::now() + answer.too_many->retry_after < deadline.time();
    if (!is_tried_again) co_return std::move(answer.result);
    if (call.was_sent) *call.was_sent = false;
    if (call.passage) call.passage->came_back();
  }
}

std::optional<Result<RestResult>> Rest::State::held_back(const RestCall& call) const {
  const RestTime now = Clock::now();
  const std::chrono::milliseconds wait = guard->wait(now);
  if (wait.count() > 0) {
    return fail({ErrorKind::busy, "so many calls were refused that Discord would ban this address; waiting", wait});
  }
  if (refused_until <= now || call.is_interaction) return std::nullopt;
  RestError refused;
  refused.kind = RestErrorKind::token_refused;
  refused.status = 401;
  refused.message = "not called: Discord refused the bot's token";
  refused.retry_after = std::chrono::ceil<std::chrono::milliseconds>(refused_until - now);
  return RestResult(std::unexpected(std::move(refused)));
}

net::HttpRequest Rest::State::request_of(const RestCall& call) const {
  net::HttpRequest request;
  request.endpoint = &*endpoint;
  request.method = call.method;
  request.target = call.target;
  if (!call.is_interaction) request.headers.push_back({"Authorization", authorization});
  request.body = call.body;
  request.content_type = call.content_type;
  request.user_agent = kUserAgent;
  request.max_response_bytes = call.max_response_bytes;
  request.is_repeatable = call.is_repeatable;
  request.keeps_headers = true;
  request.was_sent = call.was_sent;
  return request;
}

void Rest::State::note_refusals(const RestAnswer& answer, const RestCall& call) {
  const RestTime now = Clock::now();
  if (answer.counts_for_ban && guard->note(now)) {
    spdlog::warn(
        "{}: Discord has refused this process {} calls within ten minutes and bans addresses at 10000; none goes out "
        "from {}",
        name, guard->count(now), BanGuard::kTooMany);
  }
  if (answer.too_many) {
    spdlog::warn("{}: Discord asks {} {} to wait {} ms", name, call.method, call.route,
                 answer.too_many->retry_after.count());
  }
  if (answer.result || answer.result.error().kind != RestErrorKind::token_refused) return;
  spdlog::error("{}: Discord refuses the bot's token; nothing is called for {} minutes", name, kRefusedPause.count());
  refused_until = now + kRefusedPause;
}

Rest::Rest(net::HttpClient& http, Secret token, std::string api_root, std::string name, std::shared_ptr<BanGuard> guard)
    : state_(std::make_shared<State>(http, std::move(token), api_root, std::move(name), std::move(guard))) {}
Rest::~Rest() = default;

Task<Result<RestResult>> Rest::call(RestCall call, Deadline deadline) {
  return State::run(state_, std::move(call), deadline);
}

bool Rest::can_call_now(std::string_view method, std::string_view route) const {
  const RestTime now = Clock::now();
  return state_->guard->wait(now).count() == 0 && state_->refused_until <= now &&
         state_->turns.may_go_now({bucket_route(method, route), true, false});
}

Task<Result<std::string>> Rest::download(std::string url, std::size_t max_bytes, Deadline deadline) {
  if (!state_->endpoint) co_return fail(state_->endpoint.error());
  const std::size_t scheme = url.find("://");
  const std::size_t path = scheme == std::string::npos ? scheme : url.find('/', scheme + 3);
  if (path == std::string::npos) co_return fail(ErrorKind::invalid, "an attachment without an address");
  const Result<net::Endpoint> host = net::parse_endpoint(std::string_view(url).substr(0, path));
  if (!host) co_return fail(ErrorKind::invalid, "an attachment whose address is malformed");
  const net::Endpoint& api = *state_->endpoint;
  const bool is_api = host->is_tls == api.is_tls && host->host == api.host && host->port == api.port;
  const bool is_file_host =
      host->is_tls && host->port == 443 && std::ranges::find(kFileHosts, host->host) != kFileHosts.end();
  // Whoever can make an address up must not make us call other machines.
  if (!is_api && !is_file_host) co_return fail(ErrorKind::denied, "an attachment that lies outside Discord");
  net::HttpRequest request;
  request.endpoint = &*host;
  request.method = "GET";
  request.target = url.substr(path, url.find('#') - path);
  request.user_agent = kUserAgent;
  request.max_response_bytes = max_bytes;
  request.is_repeatable = true;
  Result<net::HttpResponse> response = co_await state_->http.send(std::move(request), deadline);
  if (!response) co_return fail(std::move(response.error()));
  if (response->status == 200) co_return std::move(response->body);
  const bool is_missing = response->status == 403 || response->status == 404;
  co_return fail(is_missing ? ErrorKind::not_found : ErrorKind::unavailable,
                 "Discord answered the download of a file with HTTP " + std::to_string(response->status));
}

}  // namespace usher::discord
