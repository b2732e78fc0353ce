// The listening socket: binds, hands out connections, and lives through a shortage of descriptors. Event-loop thread.
#pragma once

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

#include "base/async.h"
#include "base/result.h"

namespace usher::net {

class Listener {
 public:
  static Result<Listener> open(const asio::any_io_executor& executor, const std::string& address, std::uint16_t port);

  std::uint16_t port() const { return port_; }
  // The next connection; nullopt when it was closed or the coroutine cancelled.
  Task<std::optional<asio::ip::tcp::socket>> accept();
  // Ends a running accept().
  void close();

 private:
  explicit Listener(const asio::any_io_executor& executor) : acceptor_(executor), pause_(executor) {}

  void log(const boost::system::error_code& error);

  asio::ip::tcp::acceptor acceptor_;
  asio::steady_timer pause_;
  std::optional<std::chrono::steady_clock::time_point> last_log_;
  std::uint16_t port_ = 0;
};

}  // namespace usher::net
