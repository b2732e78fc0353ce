#include "net/sse.h"

#include <fmt/format.h>

#include <cstddef>

namespace usher::net {

namespace {

constexpr std::string_view byte_order_mark = "\xEF\xBB\xBF";

// The value of a field: what follows the colon, less one space.
std::string_view value_after(std::string_view line, std::size_t colon) {
  std::string_view value = line.substr(colon + 1);
  if (value.starts_with(' ')) value.remove_prefix(1);
  return value;
}

}  // namespace

SseParser::SseParser(std::size_t max_event_bytes) : max_event_bytes_(max_event_bytes) {}

void SseParser::take_line(std::string_view line) {
  if (at_start_ && line.starts_with(byte_order_mark)) line.remove_prefix(byte_order_mark.size());
  at_start_ = false;
  const std::size_t colon = line.find(':');
  const std::string_view name = line.substr(0, colon);
  const std::string_view value = colon == std::string_view::npos ? std::string_view() : value_after(line, colon);
  if (name == "data") {
    if (has_data_) data_ += '\n';
    data_ += value;
    has_data_ = true;
  } else if (name == "event") {
    type_ = value;
  }
}

bool SseParser::end_event(const EventSink& on_event) {
  at_start_ = false;
  const bool goes_on = !has_data_ || on_event(SseEvent{type_, data_});
  has_data_ = false;
  data_.clear();
  type_.clear();
  return goes_on;
}

Result<void> SseParser::feed(std::string_view piece, const EventSink& on_event) {
  const auto is_too_big = [this](std::size_t more) {
    return line_.size() + type_.size() + data_.size() + more > max_event_bytes_;
  };
  while (!piece.empty()) {
    if (last_was_cr_ && piece.front() == '\n') piece.remove_prefix(1);
    last_was_cr_ = false;
    const std::size_t end = piece.find_first_of("\r\n");
    const std::string_view part = piece.substr(0, end);
    if (is_too_big(part.size())) {
      return fail(ErrorKind::limit, fmt::format("an event of the stream is larger than {} bytes", max_event_bytes_));
    }
    if (end == std::string_view::npos) {
      line_ += part;
      return {};
    }
    last_was_cr_ = piece[end] == '\r';
    piece.remove_prefix(end + 1);
    if (!line_.empty()) line_ += part;
    const std::string_view line = line_.empty() ? part : std::string_view(line_);
    const bool is_blank = line.empty() || (at_start_ && line == byte_order_mark);
    bool goes_on = true;
    if (is_blank) {
      goes_on = end_event(on_event);
    } else {
      take_line(line);
    }
    line_.clear();
    if (!goes_on) return {};
  }
  return {};
}

bool SseParser::is_inside_event() const { return !line_.empty() || has_data_ || !type_.empty(); }

}  // namespace usher::net
