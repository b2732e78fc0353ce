// One accepted socket, TCP or Unix, plain or with TLS over it, and the moment until which it waits: past it the running
// read or write fails with operation_aborted, has_expired() holds and every other one fails at once, until give_until()
// names a new moment. The socket stays open, so that a client that was too slow can be told. Event-loop thread.
#pragma once

#include <boost/asio/ssl/stream.hpp>
#include <optional>
#include <string>
#include <string_view>

#include "base/async.h"
#include "net/unix_address.h"
#include "net/watchdog.h"

namespace usher::net {

class Wire {
 public:
  using Time = Watchdog::Time;
  using ErrorCode = boost::system::error_code;

  // `tls` may be nullptr; it must outlive the wire.
  Wire(StreamSocket socket, asio::ssl::context* tls);

  std::string peer_address() const;  // "" when the client has gone; "unix" on a Unix socket

  void give_until(Time due);
  bool has_expired() const { return has_expired_; }

  // The TLS handshake; nothing on a plain wire.
  Task<void> handshake(ErrorCode& error);
  Task<std::size_t> read_some(asio::mutable_buffer into, ErrorCode& error);
  // Writes head and body; `head` is the caller's no more.
  Task<void> write(std::string& head, std::string_view body, ErrorCode& error);
  // Says that nothing follows, then throws away what the client still sends (a bounded lot of it) until it has closed
  // or `due` has come: closing at once with unread bytes would reset the connection and take our answer along.
  Task<void> linger(Time due, asio::mutable_buffer scratch);

 private:
  StreamSocket socket_;
  std::optional<asio::ssl::stream<StreamSocket&>> tls_;
  Watchdog watchdog_;
  bool has_expired_ = false;
};

}  // namespace usher::net
