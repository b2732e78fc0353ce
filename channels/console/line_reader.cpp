#include "channels/console/line_reader.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/post.hpp>
#include <cerrno>
#include <cstring>

namespace usher::console {
namespace {

constexpr std::size_t kPiece = 16 * 1024;

// Asio makes a descriptor non-blocking, and that mode belongs to what the descriptor is open on, which a shell and our
// own output share. So the terminal or pipe is opened once more, where the system can do that.
int open_again(int descriptor) {
  const std::string path = "/proc/self/fd/" + std::to_string(descriptor);
  return ::open(path.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);
}

bool is_regular(int descriptor) {
  struct stat status{};
  return ::fstat(descriptor, &status) == 0 && S_ISREG(status.st_mode);
}

}  // namespace

LineReader::LineReader(int descriptor, std::size_t max_line_bytes)
    : descriptor_(descriptor), max_line_bytes_(max_line_bytes), is_direct_(is_regular(descriptor)) {}

LineReader::~LineReader() {
  stream_.reset();
  if (flags_to_restore_) ::fcntl(descriptor_, F_SETFL, *flags_to_restore_);
}

void LineReader::cancel() {
  is_cancelled_ = true;
  boost::system::error_code ignored;
  if (stream_) stream_->cancel(ignored);
}

Task<Result<std::optional<Line>>> LineReader::next() {
  for (;;) {
    if (is_cancelled_) co_return fail(ErrorKind::cancelled, "no more input is wanted");
    if (std::optional<Line> line = take_line()) co_return line;
    if (has_ended_) co_return std::optional<Line>{};
    const Result<std::size_t> got = co_await fill();
    if (!got) co_return fail(got.error());
    if (*got == 0) has_ended_ = true;
  }
}

// A line that is complete, or the rest at the end of the input. A line over the bound is reported once and its rest
// skipped, so that the buffer stays bounded.
std::optional<Line> LineReader::take_line() {
  for (;;) {
    const std::size_t end = buffer_.find('\n');
    const bool is_complete = end != std::string::npos;
    if (!is_complete && !has_ended_) {
      if (buffer_.size() <= max_line_bytes_) return std::nullopt;
      buffer_.clear();
      if (std::exchange(is_skipping_, true)) return std::nullopt;
      return Line{"", true};
    }
    if (!is_complete && buffer_.empty()) return std::nullopt;
    Line line{buffer_.substr(0, end), false};
    buffer_.erase(0, is_complete ? end + 1 : std::string::npos);
    if (std::exchange(is_skipping_, false)) continue;  // the tail of a line that was refused
    if (line.text.ends_with('\r')) line.text.pop_back();
    if (line.text.size() > max_line_bytes_) line = {"", true};
    return line;
  }
}

Result<void> LineReader::open(asio::any_io_executor executor) {
  int own = open_again(descriptor_);
  if (own < 0) {
    flags_to_restore_ = ::fcntl(descriptor_, F_GETFL);
    own = ::fcntl(descriptor_, F_DUPFD_CLOEXEC, 0);
  }
  if (own < 0) return fail(ErrorKind::io, std::string("cannot read the input: ") + std::strerror(errno));
  boost::system::error_code error;
  stream_.emplace(executor);
  stream_->assign(own, error);
  if (!error) return {};
  ::close(own);
  stream_.reset();
  is_direct_ = true;
  return {};
}

Task<Result<std::size_t>> LineReader::fill() {
  if (!is_direct_ && !stream_) {
    const Result<void> opened = open(co_await asio::this_coro::executor);
    if (!opened) co_return fail(opened.error());
  }
  if (is_direct_) {
    co_await asio::post(asio::use_awaitable);  // a large file must not keep the loop for itself
    co_return read_directly();
  }
  char piece[kPiece];
  const auto [error, size] =
      co_await stream_->async_read_some(asio::buffer(piece), asio::as_tuple(asio::use_awaitable));
  buffer_.append(piece, size);
  if (!error) co_return size;
  if (error == asio::error::eof || error == boost::system::errc::io_error)
    co_return std::size_t{0};  // EIO: terminal gone
  if (error == asio::error::operation_aborted) co_return fail(ErrorKind::cancelled, "reading was given up");
  if (error == asio::error::operation_not_supported) {  // the system cannot poll this kind of file
    is_direct_ = true;
    co_return read_directly();
  }
  co_return fail(ErrorKind::io, "reading the input failed: " + error.message());
}

Result<std::size_t> LineReader::read_directly() {
  char piece[kPiece];
  ssize_t size = 0;
  do {
    size = ::read(descriptor_, piece, sizeof piece);
  } while (size < 0 && errno == EINTR);
  if (size < 0) return fail(ErrorKind::io, std::string("reading the input failed: ") + std::strerror(errno));
  buffer_.append(piece, static_cast<std::size_t>(size));
  return static_cast<std::size_t>(size);
}

}  // namespace usher::console
