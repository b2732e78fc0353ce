#include "net/server/head_scanner.h"

#include "net/http1/field_text.h"

namespace usher::net {

namespace {

constexpr std::string_view bad_request_line = "malformed request line";
constexpr std::string_view bad_header_line = "malformed header line";
constexpr std::string_view bad_line_end = "a line of the head does not end with CRLF";

// Visible ASCII and the blanks between the three parts.
bool is_request_line_char(char c) { return c >= 0x20 && c < 0x7f; }

}  // namespace

std::size_t HeadScanner::feed(std::string_view bytes) {
  std::size_t taken = 0;
  while (taken < bytes.size() && !refusal_ && place_ != Place::end) take(bytes[taken++]);
  return taken;
}

void HeadScanner::take(char c) {
  if (place_ == Place::start && c == '\r' && !has_skipped_line_) {
    place_ = Place::start_lf;
    return;
  }
  if (place_ == Place::start_lf) {
    has_skipped_line_ = true;
    place_ = c == '\n' ? Place::start : refuse(400, bad_line_end);
    return;
  }
  head_ += c;
  switch (place_) {
    case Place::start:
    case Place::request_line:
      place_ = c == '\r' ? Place::line_lf : Place::request_line;
      if (c != '\r' && !is_request_line_char(c)) refuse(400, bad_request_line);
      if (head_.size() > max_head_bytes_ / 2) refuse(414, "the request target is too long");
      break;
    case Place::line_lf:
      place_ = c == '\n' ? Place::line_start : refuse(400, bad_line_end);
      break;
    case Place::line_start:
      place_ = after_line_start(c);
      break;
    case Place::name:
      if (c == ':') {
        place_ = Place::value;
      } else if (!is_token_char(c)) {
        refuse(400, bad_header_line);
      }
      break;
    case Place::value:
      if (c == '\r') {
        place_ = Place::line_lf;
      } else if (!is_field_char(c)) {
        refuse(400, bad_header_line);
      }
      break;
    default:
      place_ = c == '\n' ? Place::end : refuse(400, bad_line_end);
  }
  if (head_.size() > max_head_bytes_) refuse(431, "the request head is too large");
}

HeadScanner::Place HeadScanner::after_line_start(char c) {
  if (c == '\r') return Place::end_lf;
  if (!is_token_char(c)) return refuse(400, bad_header_line);
  if (++headers_ > max_request_headers) return refuse(431, "the request has too many headers");
  return Place::name;
}

HeadScanner::Place HeadScanner::refuse(int status, std::string_view detail) {
  if (!refusal_) refusal_ = Refusal{status, detail};
  return place_;
}

}  // namespace usher::net
