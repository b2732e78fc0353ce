#include "net/server/listener.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <spdlog/spdlog.h>
#include <boost/asio/ip/v6_only.hpp>
#include <boost/asio/redirect_error.hpp>

#include <utility>

namespace usher::net {

namespace {

namespace ip = asio::ip;
using ErrorCode = boost::system::error_code;
using Clock = std::chrono::steady_clock;

constexpr std::chrono::milliseconds pause_time{100};
constexpr std::chrono::minutes log_interval{1};

// Asio leaves this out; a child process must not hold our port or a client's connection.
void close_on_exec(int descriptor) { ::fcntl(descriptor, F_SETFD, FD_CLOEXEC); }

ErrorCode bind_and_listen(ip::tcp::acceptor& acceptor, const ip::tcp::endpoint& endpoint) {
  ErrorCode error;
  acceptor.open(endpoint.protocol(), error);
  if (error) return error;
  close_on_exec(acceptor.native_handle());
  acceptor.set_option(ip::tcp::acceptor::reuse_address(true), error);
  // "::" means every address, IPv4 too, whatever net.ipv6.bindv6only says.
  if (!error && endpoint.address().is_v6()) acceptor.set_option(ip::v6_only(false), error);
  if (!error) acceptor.bind(endpoint, error);
  if (!error) acceptor.listen(asio::socket_base::max_listen_connections, error);
  return error;
}

}  // namespace

Result<Listener> Listener::open(const asio::any_io_executor& executor, const std::string& address, std::uint16_t port) {
  ErrorCode error;
  const ip::address bound = ip::make_address(address == "localhost" ? "127.0.0.1" : address, error);
  if (error) return fail(ErrorKind::invalid, fmt::format("cannot listen on '{}': not a numeric address", address));
  Listener listener(executor);
  error = bind_and_listen(listener.acceptor_, ip::tcp::endpoint(bound, port));
  if (!error) listener.port_ = listener.acceptor_.local_endpoint(error).port();
  if (error) {
    return fail(ErrorKind::unavailable, fmt::format("cannot listen on {}{}{}:{}: {}", bound.is_v6() ? "[" : "", address,
                                                    bound.is_v6() ? "]" : "", port, error.message()));
  }
  return listener;
}

Task<std::optional<ip::tcp::socket>> Listener::accept() {
  while (acceptor_.is_open()) {
    ErrorCode error;
    ip::tcp::socket socket = co_await acceptor_.async_accept(asio::redirect_error(asio::use_awaitable, error));
    if (!error) {
      close_on_exec(socket.native_handle());
      co_return std::move(socket);
    }
    if (error == asio::error::operation_aborted || !acceptor_.is_open()) break;
    if (error == asio::error::connection_aborted) continue;
    // Out of descriptors or memory: the connection stays in the queue, so asking again at once would spin.
    log(error);
    pause_.expires_after(pause_time);
    co_await pause_.async_wait(asio::redirect_error(asio::use_awaitable, error));
    if (error) break;
  }
  co_return std::nullopt;
}

void Listener::close() {
  ErrorCode ignored;
  acceptor_.close(ignored);
  pause_.cancel();
}

void Listener::log(const ErrorCode& error) {
  const Clock::time_point now = Clock::now();
  if (last_log_ && now - *last_log_ < log_interval) return;
  last_log_ = now;
  spdlog::error("HTTP server: cannot accept connections on port {}: {}", port_, error.message());
}

}  // namespace usher::net
