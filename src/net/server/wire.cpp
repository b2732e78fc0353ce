#include "net/server/wire.h"

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/write.hpp>

#include <array>
#include <cstring>
#include <utility>

namespace usher::net {

namespace {

constexpr std::size_t max_linger_bytes = 4u << 20;

}  // namespace

Wire::Wire(StreamSocket socket, asio::ssl::context* tls)
    : socket_(std::move(socket)), watchdog_(socket_.get_executor(), [this] {
        has_expired_ = true;
        ErrorCode ignored;
        socket_.cancel(ignored);
      }) {
  ErrorCode ignored;
  socket_.set_option(asio::ip::tcp::no_delay(true), ignored);
  if (tls) tls_.emplace(socket_, *tls);
}

std::string Wire::peer_address() const {
  ErrorCode error;
  const StreamEndpoint peer = socket_.remote_endpoint(error);
  if (error) return "";
  if (peer.protocol().family() == AF_UNIX) return "unix";
  asio::ip::tcp::endpoint tcp;
  if (peer.size() > tcp.capacity()) return "";
  std::memcpy(tcp.data(), peer.data(), peer.size());
  tcp.resize(peer.size());
  const asio::ip::address address = tcp.address();
  // An IPv4 client of a socket that is bound to "::".
  if (address.is_v6() && address.to_v6().is_v4_mapped()) {
    return asio::ip::make_address_v4(asio::ip::v4_mapped, address.to_v6()).to_string();
  }
  return address.to_string();
}

void Wire::give_until(Time due) {
  has_expired_ = false;
  watchdog_.give_until(due);
}

Task<void> Wire::handshake(ErrorCode& error) {
  error = {};
  if (!tls_) co_return;
  co_await tls_->async_handshake(asio::ssl::stream_base::server, asio::redirect_error(asio::use_awaitable, error));
}

Task<std::size_t> Wire::read_some(asio::mutable_buffer into, ErrorCode& error) {
  error = {};
  std::size_t got = 0;
  if (has_expired_) {
    error = asio::error::operation_aborted;
  } else if (tls_) {
    got = co_await tls_->async_read_some(into, asio::redirect_error(asio::use_awaitable, error));
  } else {
    got = co_await socket_.async_read_some(into, asio::redirect_error(asio::use_awaitable, error));
  }
  co_return got;
}

Task<void> Wire::write(std::string& head, std::string_view body, ErrorCode& error) {
  error = {};
  if (tls_) {
    head += body;  // one TLS record for both where they are small
    co_await asio::async_write(*tls_, asio::buffer(head), asio::redirect_error(asio::use_awaitable, error));
  } else {
    const std::array<asio::const_buffer, 2> buffers = {asio::buffer(head), asio::buffer(body)};
    co_await asio::async_write(socket_, buffers, asio::redirect_error(asio::use_awaitable, error));
  }
  if (has_expired_ && !error) error = asio::error::operation_aborted;
}

Task<void> Wire::linger(Time due, asio::mutable_buffer scratch) {
  give_until(due);
  ErrorCode error;
  if (tls_) co_await tls_->async_shutdown(asio::redirect_error(asio::use_awaitable, error));
  socket_.shutdown(asio::socket_base::shutdown_send, error);
  std::size_t left = max_linger_bytes;
  while (!error && !has_expired_ && left > 0) {
    const std::size_t got = co_await socket_.async_read_some(scratch, asio::redirect_error(asio::use_awaitable, error));
    left -= std::min(left, got);
  }
  socket_.close(error);
}

}  // namespace usher::net
