// HTTP/1.1 requests out of a byte stream, for simulators: Content-Length and chunked bodies, pipelining, bounded. Pure.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "support/http/http_server.h"

namespace usher::testing {

class RequestReader {
 public:
  static constexpr std::size_t max_head_bytes = 64u << 10;
  static constexpr std::size_t max_body_bytes = 64u << 20;

  void feed(std::string_view bytes);
  // False once a whole request is there, or none ever will be.
  bool needs_bytes() const { return stage_ != Stage::complete && stage_ != Stage::broken; }
  bool is_broken() const { return stage_ == Stage::broken; }
  // The complete request; the reader goes on with what follows it.
  HttpCall take();
  // True once per request that waits for "100 Continue".
  bool takes_continue();

 private:
  enum class Stage { head, sized_body, chunk_size, chunk_data, trailer, complete, broken };
  void advance();
  bool step();
  bool read_head();
  bool read_chunk_size();
  void parse_head(std::string_view head);

  Stage stage_ = Stage::head;
  std::string buffer_;
  std::size_t position_ = 0;   // of the first unread byte in buffer_
  std::size_t remaining_ = 0;  // bytes of the body or chunk still to come
  bool wants_continue_ = false;
  HttpCall call_;
};

}  // namespace usher::testing
