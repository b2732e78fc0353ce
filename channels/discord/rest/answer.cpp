#include "channels/discord/rest/answer.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <string>

#include "base/text.h"

namespace usher::discord {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds kShortestWait{100};
constexpr milliseconds kLongestWait = std::chrono::hours(1);
// What never goes through, however often: where the bot may not write, and whom it cannot reach.
constexpr int kGone[] = {
    10003,  // unknown channel
    10004,  // unknown guild
    10013,  // unknown user
    10015,  // unknown webhook: the interaction is over
    10062,  // unknown interaction
    40007,  // banned from the guild
    50001,  // no access to the channel
    50007,  // the person takes no messages from the bot
    50008,  // no text channel
    50013,  // the bot lacks a permission there
    50027,  // invalid webhook token: the interaction is over
    50083,  // the thread is archived
    50278,  // no guild in common with the person
};
constexpr int kMessageTooOld = 30046;  // edits of it are limited for hours

std::string_view header(const net::HttpResponse& response, std::string_view name) {
  for (const net::Header& one : response.headers) {
    if (one.name == name) return trim(one.value);
  }
  return {};
}

std::optional<double> number_of(std::string_view text) {
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || !std::isfinite(value)) return std::nullopt;
  return value;
}

milliseconds clamped(double seconds, milliseconds shortest) {
  const double most = std::chrono::duration<double>(kLongestWait).count();
  const milliseconds wait(static_cast<std::int64_t>(std::ceil(std::clamp(seconds, 0.0, most) * 1000)));
  return std::max(wait, shortest);
}

int count_of(std::string_view text) { return static_cast<int>(std::clamp(number_of(text).value_or(0), 0.0, 1e6)); }

std::optional<RateLimits> limits_of(const net::HttpResponse& response) {
  const std::string_view bucket = header(response, "x-ratelimit-bucket");
  const std::optional<double> reset = number_of(header(response, "x-ratelimit-reset-after"));
  if (bucket.empty() || bucket.size() > 128 || !reset) return std::nullopt;
  return RateLimits{std::string(bucket), count_of(header(response, "x-ratelimit-limit")),
                    count_of(header(response, "x-ratelimit-remaining")), clamped(*reset, milliseconds(0))};
}

double seconds_at(const json::value* in, std::string_view name, double otherwise) {
  const json::value* value = member(in, name);
  if (!value || !value->is_number()) return otherwise;
  const double seconds = value->to_number<double>();
  return std::isfinite(seconds) ? seconds : otherwise;
}

// A 429 whose body is not Discord's comes from the proxy before it, and means the address.
TooMany too_many_of(const net::HttpResponse& response, const json::value* body) {
  const double in_header = number_of(response.retry_after).value_or(1);
  TooMany told;
  told.retry_after = clamped(seconds_at(body, "retry_after", in_header), kShortestWait);
  const std::string_view scope = header(response, "x-ratelimit-scope");
  if (!body || scope == "global" || bool_at(body, "global").value_or(false))
    told.scope = TooMany::Scope::global;
  else if (scope == "shared")
    told.scope = TooMany::Scope::shared;
  return told;
}

RestErrorKind kind_of(int status, int code, bool is_interaction) {
  if (std::ranges::find(kGone, code) != std::end(kGone)) return RestErrorKind::gone;
  if (status == 401) return is_interaction ? RestErrorKind::gone : RestErrorKind::token_refused;
  if (status == 429) return RestErrorKind::too_many;
  return RestErrorKind::refused;
}

// An answer without Discord's JSON: a proxy's page. Below 500 it let nothing through.
RestError foreign(const net::HttpResponse& response) {
  RestError error;
  error.status = response.status;
  error.message = "an answer that is not Discord's (" + printable(response.content_type, 60) + ")";
  error.may_have_happened = response.status < 400 || response.status >= 500;
  if (response.status == 429) error.kind = RestErrorKind::too_many;
  return error;
}

RestError error_of(const net::HttpResponse& response, const json::value& body, bool is_interaction) {
  if (!body.is_object()) return foreign(response);
  RestError error;
  error.status = response.status;
  error.code = static_cast<int>(std::clamp<std::int64_t>(integer_at(&body, "code").value_or(0), 0, 1'000'000'000));
  error.message = printable(string_at(&body, "message").value_or(""));
  if (response.status >= 500) {
    error.may_have_happened = true;
    return error;
  }
  error.kind = kind_of(response.status, error.code, is_interaction);
  return error;
}

}  // namespace

RestAnswer read_answer(const net::HttpResponse& response, bool is_interaction) {
  RestAnswer answer;
  answer.limits = limits_of(response);
  const bool is_success = response.status >= 200 && response.status < 300;
  if (is_success && response.body.empty()) return answer;
  const Result<json::value> body = parse_json(response.body);
  if (is_success) {
    if (body)
      answer.result = *body;
    else
      answer.result = std::unexpected(foreign(response));
    return answer;
  }
  RestError error = body ? error_of(response, *body, is_interaction) : foreign(response);
  if (response.status == 429) {
    const TooMany told = too_many_of(response, body && body->is_object() ? &*body : nullptr);
    error.retry_after = told.retry_after;
    if (error.code != kMessageTooOld) answer.too_many = told;
    answer.counts_for_ban = told.scope != TooMany::Scope::shared;
  }
  if (response.status == 401 || response.status == 403) answer.counts_for_ban = true;
  answer.result = std::unexpected(std::move(error));
  return answer;
}

Error to_error(const RestError& error, std::string_view what) {
  Error out;
  out.message = "Discord answered " + std::string(what) + " with HTTP " + std::to_string(error.status);
  if (error.code != 0) out.message += ", code " + std::to_string(error.code);
  if (!error.message.empty()) out.message += ": " + error.message;
  switch (error.kind) {
    case RestErrorKind::gone:
      out.kind = ErrorKind::not_found;
      break;
    case RestErrorKind::token_refused:
      out.kind = ErrorKind::denied;
      out.message += " (is the bot's token still valid?)";
      break;
    case RestErrorKind::too_many:
      out.kind = ErrorKind::busy;
      out.retry_after = error.retry_after;
      break;
    case RestErrorKind::unavailable:
      out.kind = ErrorKind::unavailable;
      break;
    case RestErrorKind::refused:
      out.kind = ErrorKind::invalid;
      break;
  }
  return out;
}

}  // namespace usher::discord
