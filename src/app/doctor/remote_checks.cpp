#include "app/doctor/remote_checks.h"

#include <fmt/format.h>
#include <time.h>

#include <cstdlib>

#include "base/json.h"
#include "base/text.h"
#include "channels/discord/discord.h"

namespace usher::app {
namespace {

constexpr std::size_t kMaxAnswerBytes = 1u << 20;

std::string where_of(const config::Telegram& bot) { return fmt::format("[[channels.telegram]] {}", bot.name); }
std::string where_of(const config::Discord& bot) { return fmt::format("[[channels.discord]] {}", bot.name); }

Finding unreachable(const Error& error, std::string where) {
  return {Health::error, fmt::format("cannot be reached: {}", error.message), std::move(where),
          "look at the address, the network, name resolution and firewalls; nobody is answered meanwhile"};
}

Finding judge_bot(const net::HttpResponse& response, const config::Telegram& bot) {
  const Result<json::value> parsed = parse_json(response.body, kMaxAnswerBytes);
  const json::value* root = parsed ? &*parsed : nullptr;
  if (response.status == 200 && bool_at(root, "ok") == true) {
    const json::value* me = member(root, "result");
    return {Health::ok, fmt::format("answers as @{}", printable(string_at(me, "username").value_or("?"), 64)),
            where_of(bot), ""};
  }
  if (response.status == 401 || response.status == 404) {
    return {Health::error, fmt::format("Telegram refuses the bot's token (status {})", response.status), where_of(bot),
            "get a valid one from @BotFather and put it where config.toml says"};
  }
  return {Health::warning, fmt::format("answers with status {}", response.status), where_of(bot),
          "look again in a while; does it stay so, look at api_root"};
}

Finding judge_bot(const net::HttpResponse& response, const config::Discord& bot) {
  const Result<json::value> parsed = parse_json(response.body, kMaxAnswerBytes);
  if (response.status == 200 && parsed) {
    return {Health::ok, fmt::format("answers as {}", printable(string_at(&*parsed, "username").value_or("?"), 64)),
            where_of(bot), ""};
  }
  if (response.status == 401) {
    return {Health::error, "Discord refuses the bot's token (status 401)", where_of(bot),
            "reset it on the developer portal's page Bot and put the new one where config.toml says"};
  }
  return {Health::warning, fmt::format("answers with status {}", response.status), where_of(bot),
          "look again in a while; does it stay so, look at api_root"};
}

}  // namespace

Task<RemoteFinding> check_discord(net::HttpClient& http, const config::Discord& bot, Deadline deadline) {
  const Result<net::Endpoint> endpoint = net::parse_endpoint(bot.api_root);
  if (!endpoint) co_return RemoteFinding{unreachable(endpoint.error(), where_of(bot)), {}};
  net::HttpRequest request{.endpoint = &*endpoint,
                           .method = "GET",
                           .target = "/users/@me",
                           .user_agent = discord::kUserAgent,
                           .max_response_bytes = kMaxAnswerBytes};
  request.headers.push_back({"Authorization", "Bot " + std::string(bot.token.expose())});
  const Result<net::HttpResponse> response = co_await http.send(std::move(request), deadline);
  if (!response) co_return RemoteFinding{unreachable(response.error(), where_of(bot)), {}};
  co_return RemoteFinding{judge_bot(*response, bot), parse_http_date(response->date)};
}

Task<RemoteFinding> check_telegram(net::HttpClient& http, const config::Telegram& bot, Deadline deadline) {
  const Result<net::Endpoint> endpoint = net::parse_endpoint(bot.api_root);
  if (!endpoint) co_return RemoteFinding{unreachable(endpoint.error(), where_of(bot)), {}};
  net::HttpRequest request{.endpoint = &*endpoint, .method = "GET", .max_response_bytes = kMaxAnswerBytes};
  request.target.append("/bot").append(bot.token.expose()).append("/getMe");
  const Result<net::HttpResponse> response = co_await http.send(std::move(request), deadline);
  if (!response) co_return RemoteFinding{unreachable(response.error(), where_of(bot)), {}};
  co_return RemoteFinding{judge_bot(*response, bot), parse_http_date(response->date)};
}

Task<RemoteFinding> check_provider(net::HttpClient& http, const config::Provider& provider, Deadline deadline) {
  const std::string where = fmt::format("[providers.{}] {}", provider.name, provider.base_url);
  const Result<net::Endpoint> endpoint = net::parse_endpoint(provider.base_url);
  if (!endpoint) co_return RemoteFinding{unreachable(endpoint.error(), where), {}};
  net::HttpRequest request{.endpoint = &*endpoint, .method = "HEAD", .target = "/"};
  const Result<net::HttpResponse> response = co_await http.send(std::move(request), deadline);
  if (!response && response.error().kind == ErrorKind::protocol) {
    co_return RemoteFinding{
        {Health::warning, fmt::format("answers, but not as HTTP should: {}", response.error().message), where,
         "see whether base_url names the right server"},
        {}};
  }
  if (!response) co_return RemoteFinding{unreachable(response.error(), where), {}};
  co_return RemoteFinding{{Health::ok, "answers; the key was not tried, since a call may cost", where, ""},
                          parse_http_date(response->date)};
}

std::optional<std::chrono::sys_seconds> parse_http_date(const std::string& text) {
  tm parts{};
  const char* end = ::strptime(text.c_str(), "%a, %d %b %Y %H:%M:%S GMT", &parts);
  if (!end || *end != '\0') return std::nullopt;
  return std::chrono::sys_seconds(std::chrono::seconds(::timegm(&parts)));
}

Finding judge_clock(WallTime ours, std::chrono::sys_seconds theirs, const std::string& where) {
  const auto apart = std::chrono::duration_cast<std::chrono::seconds>(ours - theirs).count();
  Finding finding{Health::ok, fmt::format("this machine's clock and theirs are {} s apart", std::abs(apart)), where,
                  ""};
  if (std::abs(apart) <= 30) return finding;
  finding.health = std::abs(apart) > 300 ? Health::error : Health::warning;
  finding.what =
      fmt::format("this machine's clock is {} s {} theirs", std::abs(apart), apart > 0 ? "ahead of" : "behind");
  finding.advice = "synchronise the clock (NTP): tokens, budgets and certificates depend on it";
  return finding;
}

}  // namespace usher::app
