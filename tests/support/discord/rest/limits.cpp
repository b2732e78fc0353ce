#include "support/discord/rest/limits.h"

#include <cmath>
#include <cstdio>

#include "base/hash.h"
#include "base/json.h"

namespace usher::testing {
namespace {

std::string three_digits(double seconds) {
  char out[32];
  std::snprintf(out, sizeof out, "%.3f", seconds);
  return out;
}

double seconds_until(DiscordLimits::Time time, DiscordLimits::Time now) {
  return std::max(0.0, std::chrono::duration<double>(time - now).count());
}

}  // namespace

HttpReply too_many_reply(const std::string& scope, double retry_after_seconds) {
  HttpReply reply;
  reply.status = 429;
  const char* words = scope == "shared" ? "The resource is being rate limited." : "You are being rate limited.";
  reply.body = json::serialize(
      json::object{{"message", words}, {"retry_after", retry_after_seconds}, {"global", scope == "global"}});
  reply.headers = {{"Retry-After", std::to_string(static_cast<int>(std::ceil(retry_after_seconds)))},
                   {"X-RateLimit-Scope", scope}};
  if (scope == "global") reply.headers.push_back({"X-RateLimit-Global", "true"});
  return reply;
}

DiscordLimits::DiscordLimits(DiscordLimit common, std::map<std::string, DiscordLimit> by_route, int calls_per_second)
    : common_(std::move(common)), by_route_(std::move(by_route)), calls_per_second_(calls_per_second) {}

std::optional<HttpReply> DiscordLimits::check_global(Time now) {
  if (calls_per_second_ == 0) return std::nullopt;
  const Time second_ago = now - std::chrono::seconds(1);
  while (!recent_.empty() && recent_.front() <= second_ago) recent_.pop_front();
  if (recent_.size() >= static_cast<std::size_t>(calls_per_second_)) {
    return too_many_reply("global", seconds_until(recent_.front() + std::chrono::seconds(1), now));
  }
  recent_.push_back(now);
  return std::nullopt;
}

DiscordLimits::Verdict DiscordLimits::admit(const std::string& route, const std::string& major,
                                            bool is_exempt_from_global, Time now) {
  Verdict verdict;
  if (!is_exempt_from_global) verdict.refusal = check_global(now);
  const auto own = by_route_.find(route);
  const DiscordLimit& limit = own == by_route_.end() ? common_ : own->second;
  if (verdict.refusal || limit.calls == 0) return verdict;

  const std::string& name = limit.bucket.empty() ? route : limit.bucket;
  Bucket& bucket = buckets_[{name, major}];
  if (now >= bucket.reset) bucket = {0, now + limit.window};
  const double wait = seconds_until(bucket.reset, now);
  if (bucket.used >= limit.calls) {
    verdict.refusal = too_many_reply("user", wait);
  } else {
    ++bucket.used;
  }
  const double epoch = std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
  HttpHeaders& headers = verdict.refusal ? verdict.refusal->headers : verdict.headers;
  headers.insert(headers.end(), {{"X-RateLimit-Bucket", to_hex(sha256(name)).substr(0, 32)},
                                 {"X-RateLimit-Limit", std::to_string(limit.calls)},
                                 {"X-RateLimit-Remaining", std::to_string(limit.calls - bucket.used)},
                                 {"X-RateLimit-Reset", three_digits(epoch + wait)},
                                 {"X-RateLimit-Reset-After", three_digits(wait)}});
  return verdict;
}

}  // namespace usher::testing
