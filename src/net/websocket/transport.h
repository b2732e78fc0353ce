// What Beast's WebSocket reads from and writes to: a connection, plain or with TLS over it, behind one type, so that
// all of its templates are compiled once. Event-loop thread; an operation under way must be over before it is destroyed
// (closing the connection ends them).
#pragma once

#include <boost/beast/websocket/teardown.hpp>
#include <functional>
#include <memory>
#include <utility>

#include "net/http1/connection.h"

namespace usher::net {

class Transport {
 public:
  using executor_type = asio::any_io_executor;

  explicit Transport(std::shared_ptr<Connection> connection) : connection_(std::move(connection)) {}

  executor_type get_executor() { return connection_->socket().get_executor(); }

  template <class Buffers, class Handler>
  void async_read_some(const Buffers& buffers, Handler&& handler) {
    if (connection_->tls()) {
      connection_->tls()->async_read_some(buffers, std::forward<Handler>(handler));
    } else {
      connection_->socket().async_read_some(buffers, std::forward<Handler>(handler));
    }
  }

  template <class Buffers, class Handler>
  void async_write_some(const Buffers& buffers, Handler&& handler) {
    if (connection_->tls()) {
      connection_->tls()->async_write_some(buffers, std::forward<Handler>(handler));
    } else {
      connection_->socket().async_write_some(buffers, std::forward<Handler>(handler));
    }
  }

  // Says that nothing follows, then throws away what the peer still sends until it has closed, for a second and four
  // megabytes at most: closing at once with unread bytes would reset the connection and take our close frame along.
  void linger(std::move_only_function<void()> done);
  void close() { connection_->close(); }

 private:
  std::shared_ptr<Connection> connection_;
};

// Found by Beast. Never fails: why the connection ends is known by then and must not be replaced by how.
template <class Handler>
void async_teardown(boost::beast::role_type, Transport& transport, Handler&& handler) {
  transport.linger([done = std::forward<Handler>(handler)]() mutable { done(boost::system::error_code()); });
}

inline void beast_close_socket(Transport& transport) { transport.close(); }

}  // namespace usher::net
