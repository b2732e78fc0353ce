#include "net/http1/connection.h"

#include <sys/socket.h>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/write.hpp>

#include <array>
#include <cerrno>

#include "net/http1/answer.h"

namespace usher::net {

namespace {

constexpr std::size_t read_bytes = 16u << 10;
constexpr std::size_t kept_bytes = 32u << 10;

}  // namespace

Connection::Connection(const asio::any_io_executor& executor)
    : socket_(executor), watchdog_(executor, [this] { expire(); }), buffer_(max_head_bytes + read_bytes) {}

bool Connection::is_fresh() {
  if (!socket_.is_open() || buffer_.size() != 0) return false;
  char byte = 0;
  const ssize_t got = ::recv(socket_.native_handle(), &byte, 1, MSG_PEEK | MSG_DONTWAIT);
  return got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK);
}

void Connection::close() {
  ErrorCode ignored;
  socket_.close(ignored);
  watchdog_.stop();
}

void Connection::shrink() {
  if (head_.capacity() > kept_bytes) head_ = {};
  if (buffer_.capacity() > kept_bytes) buffer_.shrink_to_fit();
}

void Connection::expire() {
  has_expired_ = true;
  close();
  if (keeper_) keeper_->forget(*this);
}

std::size_t Connection::write_now(std::string_view head, std::string_view body, ErrorCode& error) {
  error = {};
  if (tls_) return 0;
  const std::array<asio::const_buffer, 2> buffers = {asio::buffer(head), asio::buffer(body)};
  const std::size_t written = socket_.write_some(buffers, error);
  if (error == asio::error::would_block || error == asio::error::try_again) error = {};
  return written;
}

Task<std::size_t> Connection::write_rest(std::string& head, std::string_view body, std::size_t written,
                                         ErrorCode& error) {
  if (tls_) {
    head += body;  // one TLS record for both
    return asio::async_write(*tls_, asio::buffer(head), asio::redirect_error(asio::use_awaitable, error));
  }
  const std::string_view head_rest = std::string_view(head).substr(std::min(written, head.size()));
  const std::string_view body_rest = body.substr(written > head.size() ? written - head.size() : 0);
  const std::array<asio::const_buffer, 2> buffers = {asio::buffer(head_rest), asio::buffer(body_rest)};
  return asio::async_write(socket_, buffers, asio::redirect_error(asio::use_awaitable, error));
}

Task<std::size_t> Connection::read_some(asio::mutable_buffer into, ErrorCode& error) {
  if (tls_) return tls_->async_read_some(into, asio::redirect_error(asio::use_awaitable, error));
  return socket_.async_read_some(into, asio::redirect_error(asio::use_awaitable, error));
}

std::size_t Connection::read_now(asio::mutable_buffer into, ErrorCode& error) {
  error = {};
  if (tls_) return 0;
  const std::size_t got = socket_.read_some(into, error);
  if (error == asio::error::would_block || error == asio::error::try_again) error = {};
  return got;
}

}  // namespace usher::net
