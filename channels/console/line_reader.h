// Lines from a descriptor, awaited on the event loop. Event-loop thread only.
#pragma once

#include <boost/asio/posix/stream_descriptor.hpp>
#include <cstddef>
#include <optional>
#include <string>

#include "base/async.h"
#include "base/result.h"

namespace usher::console {

struct Line {
  std::string text;  // without its line ending
  bool is_too_long = false;
};

class LineReader {
 public:
  // `descriptor` must outlive the reader and stays the caller's.
  LineReader(int descriptor, std::size_t max_line_bytes);
  ~LineReader();
  LineReader(const LineReader&) = delete;
  LineReader& operator=(const LineReader&) = delete;

  // The next line, nothing at the end of the input; cancelled after cancel(), io when reading fails.
  Task<Result<std::optional<Line>>> next();
  // Ends a waiting next(), and all later ones.
  void cancel();

 private:
  Task<Result<std::size_t>> fill();
  Result<void> open(asio::any_io_executor executor);
  Result<std::size_t> read_directly();
  std::optional<Line> take_line();

  int descriptor_;
  std::size_t max_line_bytes_;
  std::optional<asio::posix::stream_descriptor> stream_;
  std::optional<int> flags_to_restore_;
  bool is_direct_ = false;  // cannot be polled: a regular file
  bool is_cancelled_ = false, has_ended_ = false, is_skipping_ = false;
  std::string buffer_;
};

}  // namespace usher::console
