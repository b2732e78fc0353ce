// Finds the end of a request's head, byte by byte, and refuses at the first byte what another server might read
// differently: bare CR or LF, obs-fold, blanks around a header's name, control characters; and what is too large. The
// verdict does not depend on the pieces in which the bytes arrive. Pure; one object a request.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace usher::net {

// Why a request cannot be served; `detail` lives for ever.
struct Refusal {
  int status = 400;
  std::string_view detail;
};

constexpr std::size_t max_request_headers = 100;

class HeadScanner {
 public:
  // Half of `max_head_bytes` may be the request line.
  explicit HeadScanner(std::size_t max_head_bytes) : max_head_bytes_(max_head_bytes) {}

  // Takes bytes up to the end of the head or the first wrong one; returns how many.
  std::size_t feed(std::string_view bytes);

  // True from the first byte of the request line on; one blank line before it is skipped (RFC 9112, 2.2).
  bool has_begun() const { return !head_.empty(); }
  bool is_complete() const { return place_ == Place::end; }
  const std::optional<Refusal>& refusal() const { return refusal_; }
  // With the blank line that ends it.
  const std::string& head() const { return head_; }
  void release() { head_ = {}; }

 private:
  enum class Place { start, start_lf, request_line, line_lf, line_start, name, value, end_lf, end };

  void take(char c);
  Place after_line_start(char c);
  Place refuse(int status, std::string_view detail);

  std::size_t max_head_bytes_;
  std::size_t headers_ = 0;
  Place place_ = Place::start;
  bool has_skipped_line_ = false;
  std::string head_;
  std::optional<Refusal> refusal_;
};

}  // namespace usher::net
