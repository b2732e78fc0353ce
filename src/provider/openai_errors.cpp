#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdio>

#include "base/secret.h"
#include "base/text.h"
#include "provider/openai_codec.h"

namespace usher::provider {

namespace {

using std::chrono::milliseconds;
using std::chrono::system_clock;

constexpr std::size_t max_error_json_bytes = 64u << 10;

std::optional<milliseconds> bounded(std::chrono::seconds wait) {
  return milliseconds(std::clamp<std::chrono::seconds>(wait, std::chrono::seconds(0), std::chrono::hours(24)));
}

// "Sun, 06 Nov 1994 08:49:37 GMT"
std::optional<system_clock::time_point> parse_http_date(const std::string& text) {
  static constexpr std::array<std::string_view, 12> months = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                              "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  int day = 0, year = 0, hour = 0, minute = 0, second = 0;
  char month[4] = {};
  if (std::sscanf(text.c_str(), "%*3s, %2d %3s %4d %2d:%2d:%2d GMT", &day, month, &year, &hour, &minute, &second) !=
      6) {
    return std::nullopt;
  }
  const auto found = std::ranges::find(months, std::string_view(month));
  if (found == months.end()) return std::nullopt;
  const std::chrono::year_month_day date{std::chrono::year(year),
                                         std::chrono::month(static_cast<unsigned>(found - months.begin()) + 1),
                                         std::chrono::day(static_cast<unsigned>(day))};
  const bool is_time = hour >= 0 && hour < 24 && minute >= 0 && minute < 60 && second >= 0 && second <= 60;
  if (!date.ok() || !is_time) return std::nullopt;
  return std::chrono::sys_days(date) + std::chrono::hours(hour) + std::chrono::minutes(minute) +
         std::chrono::seconds(second);
}

std::string vendor_message_of(std::string_view body) {
  if (body.empty() || body.size() > max_error_json_bytes) return "";
  const Result<json::value> parsed = parse_json(body, max_error_json_bytes);
  if (!parsed) return "";
  const json::value* error = member(&*parsed, "error");
  return vendor_message(error && !error->is_null() ? *error : *parsed);
}

}  // namespace

std::optional<milliseconds> parse_retry_after(std::string_view value, system_clock::time_point now) {
  const std::string_view text = trim(value);
  std::int64_t seconds = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), seconds);
  if (error == std::errc() && seconds >= 0) {
    const std::string_view rest(end, static_cast<std::size_t>(text.data() + text.size() - end));
    if (rest.empty()) return bounded(std::chrono::seconds(std::min<std::int64_t>(seconds, 1'000'000)));
    // Some servers send a fraction, against the standard: the next whole second.
    const bool is_fraction = rest.size() > 1 && rest.size() < 20 && rest.front() == '.' &&
                             rest.find_first_not_of("0123456789", 1) == std::string_view::npos;
    if (is_fraction) return bounded(std::chrono::seconds(std::min<std::int64_t>(seconds, 1'000'000) + 1));
    return std::nullopt;
  }
  const std::optional<system_clock::time_point> date = parse_http_date(std::string(text));
  if (!date) return std::nullopt;
  return bounded(std::chrono::ceil<std::chrono::seconds>(*date - now));
}

std::string vendor_message(const json::value& error) {
  std::string_view text;
  if (error.is_string()) {
    text = std::string_view(error.get_string());
  } else {
    for (const std::string_view name : {"message", "detail", "type", "code"}) {
      const std::optional<std::string_view> found = string_at(&error, name);
      if (found && !found->empty()) {
        text = *found;
        break;
      }
    }
  }
  return printable(redact(prefix_within_bytes(repair_utf8(text), 4096)), 200);
}

Error refusal_of(int status, std::string_view body, std::string_view retry_after, system_clock::time_point now) {
  if (status == 429 || status == 503 || status == 529) {
    return Error{ErrorKind::busy, fmt::format("the provider asks to wait (HTTP {})", status),
                 parse_retry_after(retry_after, now)};
  }
  if (status == 401 || status == 403) {
    return Error{ErrorKind::invalid, fmt::format("the provider refused the API key (HTTP {})", status)};
  }
  if (status == 408) return Error{ErrorKind::unavailable, "the provider gave up waiting (HTTP 408)"};
  if (status >= 400 && status < 500) {
    const std::string words = vendor_message_of(body);
    return Error{ErrorKind::invalid, fmt::format("the provider refused the request (HTTP {}){}{}", status,
                                                 words.empty() ? "" : ": ", words)};
  }
  if (status >= 500) return Error{ErrorKind::unavailable, fmt::format("the provider failed (HTTP {})", status)};
  return Error{ErrorKind::protocol, fmt::format("the provider answered HTTP {}", status)};
}

}  // namespace usher::provider
