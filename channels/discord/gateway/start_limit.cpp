#include "channels/discord/gateway/start_limit.h"

#include <algorithm>

namespace usher::discord {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds kDay = std::chrono::hours(24);
constexpr std::size_t kMaxUrl = 100;

int bounded(const json::value* in, std::string_view name, int otherwise, int low, int high) {
  const std::int64_t value = integer_at(in, name).value_or(otherwise);
  return static_cast<int>(std::clamp<std::int64_t>(value, low, high));
}

// "wss://a.discord.gg:443/x" → "discord.gg"; of a host without a name the whole.
std::string_view site_of(std::string_view url) {
  std::string_view host = url.substr(std::min(url.size(), url.find("://") + 3));
  host = host.substr(0, host.find('/'));
  const std::size_t bracket = host.find(']');
  host = host.substr(0, host.find(':', bracket == std::string_view::npos ? 0 : bracket));
  const bool is_number = host.empty() || host.back() == ']' || (host.back() >= '0' && host.back() <= '9');
  const std::size_t last = host.rfind('.');
  if (is_number || last == std::string_view::npos || last == 0) return host;
  const std::size_t before = host.rfind('.', last - 1);
  return before == std::string_view::npos ? host : host.substr(before + 1);
}

}  // namespace

Result<GatewayInfo> decode_gateway(const json::value& answer, bool allows_plain) {
  GatewayInfo info;
  info.url = string_at(&answer, "url").value_or("");
  if (!is_gateway_url(info.url, allows_plain))
    return fail(ErrorKind::protocol, "Discord's GET /gateway/bot names no gateway that can be connected to");
  info.shards = bounded(&answer, "shards", 1, 1, 1'000'000);
  const json::value* limit = member(&answer, "session_start_limit");
  info.total = bounded(limit, "total", 1000, 1, 1'000'000);
  info.remaining = bounded(limit, "remaining", info.total, 0, info.total);
  info.reset_after = milliseconds(bounded(limit, "reset_after", 0, 0, static_cast<int>(kDay.count())));
  info.max_concurrency = bounded(limit, "max_concurrency", 1, 1, 1024);
  return info;
}

bool is_gateway_url(std::string_view url, bool allows_plain) {
  if (url.size() > kMaxUrl) return false;
  const bool is_plain = url.starts_with("ws://");
  if (!url.starts_with("wss://") && !(is_plain && allows_plain)) return false;
  const std::string_view rest = url.substr(is_plain ? 5 : 6);
  const bool is_clean = std::ranges::all_of(rest, [](char c) {
    return c > ' ' && c < 0x7F && std::string_view("?#@\\\"<>").find(c) == std::string_view::npos;
  });
  return is_clean && !rest.empty() && rest.front() != '/' && rest.front() != ':';
}

bool is_same_service(std::string_view url, std::string_view gateway_url) {
  return site_of(url) == site_of(gateway_url);
}

std::string with_query(std::string_view gateway_url) {
  std::string url(gateway_url);
  // Behind the authority some path has to stand before a query.
  if (url.find('/', url.find("://") + 3) == std::string::npos) url += '/';
  return url + "?v=10&encoding=json&compress=zlib-stream";
}

StartLimit::StartLimit(const GatewayInfo& info, Time now, milliseconds apart)
    : apart_(apart),
      total_(info.total),
      remaining_(info.remaining),
      reset_at_(now + (info.reset_after.count() > 0 ? info.reset_after : kDay)),
      free_at_(static_cast<std::size_t>(info.max_concurrency), Time::min()) {}

Time StartLimit::blocked_until(Time now) {
  if (now >= reset_at_) {
    remaining_ = total_;
    reset_at_ = now + kDay;
  }
  return remaining_ > 0 ? Time::min() : reset_at_;
}

Time StartLimit::reserve(int shard, Time now) {
  const Time blocked = blocked_until(now);
  if (blocked > now) return blocked;
  Time& free_at = free_at_[static_cast<std::size_t>(shard) % free_at_.size()];
  const Time turn = std::max(now, free_at);
  free_at = turn + apart_;
  --remaining_;
  return turn;
}

}  // namespace usher::discord
