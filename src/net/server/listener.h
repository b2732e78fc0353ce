// The listening socket, TCP or Unix: binds, hands out connections, and lives through a shortage of descriptors.
// Event-loop thread.
#pragma once

#include <boost/asio/basic_socket_acceptor.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>

#include "base/async.h"
#include "base/result.h"
#include "net/unix_address.h"

namespace usher::net {

class Listener {
 public:
  static Result<Listener> open(const asio::any_io_executor& executor, const std::string& address, std::uint16_t port);
  // Takes the place of a socket that is left there; anything else is left alone.
  static Result<Listener> open_unix(const asio::any_io_executor& executor, const std::filesystem::path& file);

  std::uint16_t port() const { return port_; }
  // The next connection; nullopt when it was closed or the coroutine cancelled.
  Task<std::optional<StreamSocket>> accept();
  // Ends a running accept() and removes the socket file.
  void close();

 private:
  explicit Listener(const asio::any_io_executor& executor) : acceptor_(executor), pause_(executor) {}

  void log(const std::string& what);

  asio::basic_socket_acceptor<asio::generic::stream_protocol> acceptor_;
  asio::steady_timer pause_;
  std::optional<std::chrono::steady_clock::time_point> last_log_;
  std::uint16_t port_ = 0;
  std::filesystem::path socket_file_;
};

}  // namespace usher::net
