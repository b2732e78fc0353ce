// Server-sent events, incrementally: bytes in any pieces → events. A line ends with LF, CRLF or CR, also when they are
// split between two pieces; a BOM at the start is skipped. Pure, one stream per object.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace usher::net {

struct SseEvent {
  std::string_view type;  // "" = message
  std::string_view data;  // lines joined by '\n'
};

class SseParser {
 public:
  using EventSink = std::function<bool(const SseEvent&)>;

  explicit SseParser(std::size_t max_event_bytes = 1u << 20);
  // Calls on_event for every event completed by this piece. Fails with limit past max_event_bytes; then the stream is
  // unusable. on_event returning false stops early.
  Result<void> feed(std::string_view piece, const EventSink& on_event);
  // True when bytes of an unfinished event are pending: the stream was cut.
  bool is_inside_event() const;

 private:
  void take_line(std::string_view line);
  bool end_event(const EventSink& on_event);

  std::size_t max_event_bytes_;
  std::string line_, type_, data_;
  bool has_data_ = false, last_was_cr_ = false, at_start_ = true;
};

}  // namespace usher::net
