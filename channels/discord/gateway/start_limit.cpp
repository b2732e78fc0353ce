#include "channels/discord/gateway/start_limit.h"

#include <algorithm>

namespace usher::discord {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds kDay = std::chrono::hours(24);

int bounded(const json::value* in, std::string_view name, int otherwise, int low, int high) {
  const std::int64_t value = integer_at(in, name).value_or(otherwise);
  return static_cast<int>(std::clamp<std::int64_t>(value, low, high));
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
  if (url.size() > 256) return false;
  const bool is_plain = url.starts_with("ws://");
  if (!url.starts_with("wss://") && !(is_plain && allows_plain)) return false;
  const std::string_view rest = url.substr(is_plain ? 5 : 6);
  const bool is_clean = std::ranges::all_of(rest, [](char c) {
    return c > ' ' && c < 0x7F && std::string_view("?#@\\\"<>").find(c) == std::string_view::npos;
  });
  return is_clean && !rest.empty() && rest.front() != '/' && rest.front() != ':';
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
