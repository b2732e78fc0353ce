#include "net/server/response_head.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <iterator>
#include <utility>

#include "base/json.h"
#include "net/http1/field_text.h"

namespace usher::net {

namespace {

constexpr std::array<std::string_view, 7> own_headers = {"content-length", "transfer-encoding", "connection", "date",
                                                         "content-type",   "upgrade",           "trailer"};

// Only for people who read a trace: RFC 9112 lets the phrase be empty.
constexpr std::array<std::pair<int, std::string_view>, 27> reasons = {{
    {200, "OK"},
    {201, "Created"},
    {202, "Accepted"},
    {204, "No Content"},
    {301, "Moved Permanently"},
    {302, "Found"},
    {303, "See Other"},
    {304, "Not Modified"},
    {307, "Temporary Redirect"},
    {308, "Permanent Redirect"},
    {400, "Bad Request"},
    {401, "Unauthorized"},
    {403, "Forbidden"},
    {404, "Not Found"},
    {405, "Method Not Allowed"},
    {406, "Not Acceptable"},
    {408, "Request Timeout"},
    {409, "Conflict"},
    {413, "Content Too Large"},
    {414, "URI Too Long"},
    {415, "Unsupported Media Type"},
    {417, "Expectation Failed"},
    {422, "Unprocessable Content"},
    {429, "Too Many Requests"},
    {431, "Request Header Fields Too Large"},
    {500, "Internal Server Error"},
    {503, "Service Unavailable"},
}};

std::string_view reason_of(int status) {
  const auto found = std::ranges::find(reasons, status, &std::pair<int, std::string_view>::first);
  return found == reasons.end() ? std::string_view() : found->second;
}

bool is_own_header(std::string_view name) {
  return std::ranges::any_of(own_headers, [name](std::string_view own) { return equals_ignoring_case(name, own); });
}

// "Sun, 06 Nov 1994 08:49:37 GMT", whatever the locale.
void append_date(std::string& out, std::chrono::sys_seconds now) {
  constexpr std::array<std::string_view, 7> days = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
  constexpr std::array<std::string_view, 12> months = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                       "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  const auto midnight = std::chrono::floor<std::chrono::days>(now);
  const std::chrono::year_month_day date(midnight);
  const std::chrono::hh_mm_ss time(now - midnight);
  fmt::format_to(std::back_inserter(out), "{}, {:02} {} {:04} {:02}:{:02}:{:02} GMT",
                 days[std::chrono::weekday(midnight).c_encoding()], static_cast<unsigned>(date.day()),
                 months[static_cast<unsigned>(date.month()) - 1], static_cast<int>(date.year()), time.hours().count(),
                 time.minutes().count(), time.seconds().count());
}

}  // namespace

ServerResponse error_response(int status, std::string_view detail) {
  return {.status = status, .body = json::serialize(json::object{{"detail", detail}})};
}

Result<void> check_response(const ServerResponse& response) {
  if (response.status < 200 || response.status > 599) {
    return fail(ErrorKind::internal, fmt::format("response with status {}", response.status));
  }
  if (!is_field_value(response.content_type)) {
    return fail(ErrorKind::internal, "content type with a forbidden character");
  }
  for (const Header& header : response.headers) {
    if (!is_token(header.name)) return fail(ErrorKind::internal, "response header with a malformed name");
    if (is_own_header(header.name)) {
      return fail(ErrorKind::internal, fmt::format("response header {} is set by the server only", header.name));
    }
    if (!is_field_value(header.value)) {
      return fail(ErrorKind::internal, fmt::format("response header {} with a forbidden character", header.name));
    }
  }
  return {};
}

bool may_have_body(int status) { return status / 100 != 1 && status != 204 && status != 304; }

void append_response_head(std::string& out, const ServerResponse& response, bool keeps_alive,
                          std::chrono::sys_seconds now) {
  fmt::format_to(std::back_inserter(out), "HTTP/1.1 {} {}\r\nDate: ", response.status, reason_of(response.status));
  append_date(out, now);
  out += keeps_alive ? "\r\nConnection: keep-alive\r\n" : "\r\nConnection: close\r\n";
  if (may_have_body(response.status)) {
    if (!response.content_type.empty() && !response.body.empty()) {
      out.append("Content-Type: ").append(response.content_type).append("\r\n");
    }
    fmt::format_to(std::back_inserter(out), "Content-Length: {}\r\n", response.body.size());
  }
  for (const Header& header : response.headers) {
    out.append(header.name).append(": ").append(header.value).append("\r\n");
  }
  out += "\r\n";
}

}  // namespace usher::net
