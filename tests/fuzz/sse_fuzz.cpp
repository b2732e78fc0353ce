// links: net
// Bytes as an event stream: whole and in pieces must give the same events, within bounds.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "net/sse.h"

namespace {

constexpr std::size_t max_event_bytes = 256;

std::string events_of(std::string_view stream, std::size_t piece_bytes) {
  usher::net::SseParser parser(max_event_bytes);
  std::string events;
  while (!stream.empty()) {
    const std::string_view piece = stream.substr(0, piece_bytes);
    stream.remove_prefix(piece.size());
    const usher::Result<void> fed = parser.feed(piece, [&](const usher::net::SseEvent& event) {
      if (event.data.size() + event.type.size() > max_event_bytes) std::abort();
      events.append(event.type).append("\x1f").append(event.data).append("\x1e");
      return true;
    });
    if (!fed) return events + "error";
  }
  return events + (parser.is_inside_event() ? "inside" : "");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string_view stream(reinterpret_cast<const char*>(data) + 1, size - 1);
  const std::string whole = events_of(stream, stream.size() + 1);
  if (whole != events_of(stream, 1) || whole != events_of(stream, 1 + data[0] % 16)) std::abort();
  return 0;
}
