// One connection to one endpoint: the socket, TLS over it where asked for, the buffer for what was read ahead, and a
// watchdog that closes the socket when a moment has passed. Event-loop thread; owned by whoever runs a request, or by
// the pool.
#pragma once

#include <boost/asio/ssl/stream.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/async.h"
#include "net/http_client.h"
#include "net/unix_address.h"
#include "net/watchdog.h"

namespace usher::net {

class Connection;

// Whoever keeps idle connections; told when the watchdog has closed one.
class IdleKeeper {
 public:
  virtual void forget(Connection& connection) = 0;

 protected:
  ~IdleKeeper() = default;
};

class Connection final {
 public:
  using Time = Watchdog::Time;
  using ErrorCode = boost::system::error_code;
  using TlsStream = asio::ssl::stream<StreamSocket&>;

  explicit Connection(const asio::any_io_executor& executor);

  StreamSocket& socket() { return socket_; }
  TlsStream& start_tls(asio::ssl::context& context) { return tls_.emplace(socket_, context); }
  TlsStream* tls() { return tls_ ? &*tls_ : nullptr; }

  // True when the peer has neither closed nor said anything since the last answer.
  bool is_fresh();
  bool is_open() const { return socket_.is_open(); }
  void close();
  // Gives back what one large request or answer has taken.
  void shrink();

  // The socket is closed at `due`, whatever is waiting on it then fails with operation_aborted and has_expired() holds.
  void give_until(Time due) { watchdog_.give_until(due); }
  bool has_expired() const { return has_expired_; }
  // Parked connections tell `keeper` when their time is over; nullptr for one in use.
  void park_in(IdleKeeper* keeper) { keeper_ = keeper; }

  // Writes what the kernel takes at once and returns the number of bytes; 0 on TLS. `error` is never would_block.
  std::size_t write_now(std::string_view head, std::string_view body, ErrorCode& error);
  // Writes the rest of head + body, `written` bytes of which are out already.
  Task<std::size_t> write_rest(std::string& head, std::string_view body, std::size_t written, ErrorCode& error);
  // Waits for bytes and reads some of them.
  Task<std::size_t> read_some(asio::mutable_buffer into, ErrorCode& error);
  // Reads what is there without waiting; 0 when there is nothing (always on TLS).
  std::size_t read_now(asio::mutable_buffer into, ErrorCode& error);

  boost::beast::flat_buffer& buffer() { return buffer_; }
  std::string& head() { return head_; }

 private:
  void expire();

  StreamSocket socket_;
  std::optional<TlsStream> tls_;
  Watchdog watchdog_;
  bool has_expired_ = false;
  IdleKeeper* keeper_ = nullptr;
  boost::beast::flat_buffer buffer_;
  std::string head_;  // of the request being sent; kept for its capacity
};

}  // namespace usher::net
