#include "net/server/listener.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <spdlog/spdlog.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ip/v6_only.hpp>
#include <boost/asio/redirect_error.hpp>

#include <cstring>
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

using Acceptor = asio::basic_socket_acceptor<asio::generic::stream_protocol>;

ErrorCode bind_and_listen(Acceptor& acceptor, const ip::tcp::endpoint& endpoint) {
  ErrorCode error;
  acceptor.open(endpoint.protocol(), error);
  if (error) return error;
  close_on_exec(acceptor.native_handle());
  acceptor.set_option(asio::socket_base::reuse_address(true), error);
  // "::" means every address, IPv4 too, whatever net.ipv6.bindv6only says.
  if (!error && endpoint.address().is_v6()) acceptor.set_option(ip::v6_only(false), error);
  if (!error) acceptor.bind(endpoint, error);
  if (!error) acceptor.listen(asio::socket_base::max_listen_connections, error);
  return error;
}

// The file gets the mode that the socket has before it is bound, less the umask: private from its first moment, and no
// other thread's files are made under a changed umask.
ErrorCode bind_and_listen(Acceptor& acceptor, const StreamEndpoint& endpoint) {
  ErrorCode error;
  acceptor.open(endpoint.protocol(), error);
  if (error) return error;
  close_on_exec(acceptor.native_handle());
  if (::fchmod(acceptor.native_handle(), 0600) != 0) return ErrorCode(errno, boost::system::system_category());
  acceptor.bind(endpoint, error);
  if (!error) acceptor.listen(asio::socket_base::max_listen_connections, error);
  return error;
}

std::uint16_t port_of(const StreamEndpoint& endpoint) {
  ip::tcp::endpoint tcp;
  if (endpoint.size() > tcp.capacity()) return 0;
  std::memcpy(tcp.data(), endpoint.data(), endpoint.size());
  return tcp.port();
}

// This user, or root, who could become any.
bool is_owner(int descriptor) {
  ucred peer{};
  socklen_t size = sizeof peer;
  if (::getsockopt(descriptor, SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0) return false;
  return peer.uid == ::geteuid() || peer.uid == 0;
}

bool is_socket_file(const std::filesystem::path& file) {
  struct stat info{};
  return ::lstat(file.c_str(), &info) == 0 && S_ISSOCK(info.st_mode);
}

}  // namespace

Result<Listener> Listener::open(const asio::any_io_executor& executor, const std::string& address, std::uint16_t port) {
  ErrorCode error;
  const ip::address bound = ip::make_address(address == "localhost" ? "127.0.0.1" : address, error);
  if (error) return fail(ErrorKind::invalid, fmt::format("cannot listen on '{}': not a numeric address", address));
  Listener listener(executor);
  error = bind_and_listen(listener.acceptor_, ip::tcp::endpoint(bound, port));
  if (!error) listener.port_ = port_of(listener.acceptor_.local_endpoint(error));
  if (error) {
    return fail(ErrorKind::unavailable, fmt::format("cannot listen on {}{}{}:{}: {}", bound.is_v6() ? "[" : "", address,
                                                    bound.is_v6() ? "]" : "", port, error.message()));
  }
  return listener;
}

Result<Listener> Listener::open_unix(const asio::any_io_executor& executor, const std::filesystem::path& file) {
  Result<UnixAddress> address = UnixAddress::of(file);
  if (!address) return fail(ErrorKind::unavailable, "cannot listen: " + address.error().message);
  if (is_socket_file(file)) ::unlink(file.c_str());
  Listener listener(executor);
  const ErrorCode error = bind_and_listen(listener.acceptor_, address->endpoint());
  if (error) {
    return fail(ErrorKind::unavailable, fmt::format("cannot listen on {}: {}", file.native(), error.message()));
  }
  listener.socket_file_ = file;
  return listener;
}

Task<std::optional<StreamSocket>> Listener::accept() {
  while (acceptor_.is_open()) {
    ErrorCode error;
    StreamSocket socket = co_await acceptor_.async_accept(asio::redirect_error(asio::use_awaitable, error));
    if (!error) {
      close_on_exec(socket.native_handle());
      if (socket_file_.empty() || is_owner(socket.native_handle())) co_return std::move(socket);
      log("another user was turned away");
      continue;
    }
    if (error == asio::error::operation_aborted || !acceptor_.is_open()) break;
    if (error == asio::error::connection_aborted) continue;
    // Out of descriptors or memory: the connection stays in the queue, so asking again at once would spin.
    log("cannot accept connections: " + error.message());
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
  if (!socket_file_.empty()) ::unlink(std::exchange(socket_file_, {}).c_str());
}

void Listener::log(const std::string& what) {
  const Clock::time_point now = Clock::now();
  if (last_log_ && now - *last_log_ < log_interval) return;
  last_log_ = now;
  spdlog::error("HTTP server: {}: {}", socket_file_.empty() ? fmt::format("port {}", port_) : socket_file_.native(),
                what);
}

}  // namespace usher::net
