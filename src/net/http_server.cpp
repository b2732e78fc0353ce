#include "net/http_server.h"

#include <spdlog/spdlog.h>
#include <sys/socket.h>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>

#include <algorithm>
#include <array>
#include <list>
#include <utility>

#include "net/server/listener.h"
#include "net/server/response_head.h"
#include "net/server/session.h"
#include "net/server/tls_context.h"

namespace usher::net {

namespace {

using ErrorCode = boost::system::error_code;
using Clock = std::chrono::steady_clock;

// Answers without waiting: what the kernel takes at once is enough for so few bytes, and no descriptor is held longer
// than that. A client of a TLS port could not read it.
void turn_away(StreamSocket socket, bool is_tls) {
  if (is_tls) return;
  ServerResponse response = error_response(503, "too many connections");
  std::string bytes;
  append_response_head(bytes, response, false,
                       std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now()));
  bytes += response.body;
  ::send(socket.native_handle(), bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
  ::shutdown(socket.native_handle(), SHUT_WR);
  // Closing with unread bytes would reset the connection.
  std::array<char, 4096> unread;
  ::recv(socket.native_handle(), unread.data(), unread.size(), MSG_DONTWAIT);
}

// What run(), the connections and the server's owner share; the last of them frees it.
class Serving final : public std::enable_shared_from_this<Serving> {
 public:
  Serving(const asio::any_io_executor& executor, Listener listener, HttpServerOptions options, HttpService& service)
      : context_(std::move(options), service), listener_(std::move(listener)), executor_(executor), ended_(executor) {}

  SessionContext& context() { return context_; }
  std::uint16_t port() const { return listener_.port(); }
  void stop(Clock::time_point due);
  static Task<void> run(std::shared_ptr<Serving> self);

 private:
  struct Connection {
    Connection(SessionContext& context, StreamSocket socket) : session(context, std::move(socket)) {}
    Session session;
    asio::cancellation_signal cancellation;
    bool is_closing = false;  // cancelled, and not ended yet

    void close() {
      is_closing = true;
      cancellation.emit(asio::cancellation_type::terminal);
    }
  };
  using Place = std::list<Connection>::iterator;

  bool has_room();
  void start(StreamSocket socket);
  void end(Place connection, const std::exception_ptr& error);
  Task<void> wait_for_the_last();
  void cancel_all();

  SessionContext context_;
  Listener listener_;
  asio::any_io_executor executor_;
  std::list<Connection> connections_;
  asio::steady_timer ended_;  // cancelled when the last connection has ended or the end has come nearer
  Clock::time_point due_ = Clock::time_point::max();
};

Task<void> Serving::run(std::shared_ptr<Serving> self) {
  // Cancelled, we still have to wait for the connections.
  co_await asio::this_coro::throw_if_cancelled(false);
  for (;;) {
    std::optional<StreamSocket> socket = co_await self->listener_.accept();
    if (!socket) break;
    if (self->context_.is_stopping) continue;
    if (self->has_room()) {
      self->start(std::move(*socket));
    } else {
      turn_away(std::move(*socket), self->context_.tls.has_value());
    }
  }
  co_await self->wait_for_the_last();
}

// Closes the connection that has been idle longest when there are too many: whoever only holds connections locks nobody
// out.
bool Serving::has_room() {
  const auto is_open = [](const Connection& connection) { return !connection.is_closing; };
  const auto open = static_cast<std::size_t>(std::ranges::count_if(connections_, is_open));
  if (open < context_.options.max_connections) return true;
  Connection* idlest = nullptr;
  for (Connection& connection : connections_) {
    if (connection.is_closing || !connection.session.is_idle()) continue;
    if (!idlest || connection.session.idle_since() < idlest->session.idle_since()) idlest = &connection;
  }
  if (idlest) idlest->close();
  return idlest != nullptr;
}

Task<void> Serving::wait_for_the_last() {
  bool has_cancelled = false;
  for (;;) {
    const asio::cancellation_state cancellation = co_await asio::this_coro::cancellation_state;
    if (cancellation.cancelled() != asio::cancellation_type::none) {
      co_await asio::this_coro::reset_cancellation_state(asio::disable_cancellation());
      stop(Clock::now());
    }
    if (connections_.empty()) co_return;
    if (!has_cancelled && Clock::now() >= due_) {
      has_cancelled = true;
      cancel_all();
    }
    ended_.expires_at(has_cancelled ? Clock::time_point::max() : due_);
    ErrorCode ignored;
    co_await ended_.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
  }
}

void Serving::stop(Clock::time_point due) {
  context_.is_stopping = true;
  due_ = std::min(due_, due);
  listener_.close();
  for (Connection& connection : connections_) {
    if (connection.session.is_idle()) connection.close();
  }
  ended_.cancel();
}

void Serving::cancel_all() {
  for (Connection& connection : connections_) connection.close();
}

void Serving::start(StreamSocket socket) {
  connections_.emplace_back(context_, std::move(socket));
  const Place place = std::prev(connections_.end());
  asio::co_spawn(executor_, place->session.run(),
                 asio::bind_cancellation_slot(
                     place->cancellation.slot(),
                     [self = shared_from_this(), place](const std::exception_ptr& error) { self->end(place, error); }));
}

void Serving::end(Place connection, const std::exception_ptr& error) {
  connections_.erase(connection);
  if (connections_.empty()) ended_.cancel();
  if (!error || detail::is_cancellation(error)) return;
  try {
    std::rethrow_exception(error);
  } catch (const std::exception& e) {
    spdlog::error("HTTP server: a connection ended: {}", e.what());
  } catch (...) {
    spdlog::error("HTTP server: a connection ended");
  }
}

class Server final : public HttpServer {
 public:
  Server(asio::any_io_executor executor, std::shared_ptr<Serving> serving)
      : executor_(std::move(executor)), serving_(std::move(serving)) {}
  // A run() that is under way still needs the loop to end.
  ~Server() override { serving_->stop(Clock::now()); }

  std::uint16_t port() const override { return serving_->port(); }
  // A coroutine of its own, so that its handling of cancellation does not become the caller's.
  Task<void> run() override { return asio::co_spawn(executor_, Serving::run(serving_), asio::use_awaitable); }
  void stop(std::chrono::milliseconds grace) override { serving_->stop(Clock::now() + grace); }

 private:
  asio::any_io_executor executor_;
  std::shared_ptr<Serving> serving_;
};

}  // namespace

std::optional<std::string_view> RequestHead::header(std::string_view lower_case_name) const {
  const auto found = std::ranges::find(headers, lower_case_name, &Header::name);
  if (found == headers.end()) return std::nullopt;
  const bool is_repeated = std::find_if(std::next(found), headers.end(), [&](const Header& other) {
                             return other.name == lower_case_name;
                           }) != headers.end();
  if (is_repeated) return std::nullopt;
  return found->value;
}

bool RequestHead::has_header(std::string_view lower_case_name) const {
  return std::ranges::find(headers, lower_case_name, &Header::name) != headers.end();
}

Result<std::unique_ptr<HttpServer>> make_http_server(asio::any_io_executor executor, HttpServerOptions options,
                                                     HttpService& service) {
  std::optional<asio::ssl::context> tls;
  if (options.tls) {
    Result<asio::ssl::context> made = make_server_tls(*options.tls);
    if (!made) return fail(std::move(made.error()));
    tls.emplace(std::move(*made));
  }
  Result<Listener> listener = options.socket_file.empty() ? Listener::open(executor, options.address, options.port)
                                                          : Listener::open_unix(executor, options.socket_file);
  if (!listener) return fail(std::move(listener.error()));
  auto serving = std::make_shared<Serving>(executor, std::move(*listener), std::move(options), service);
  serving->context().tls = std::move(tls);
  return std::make_unique<Server>(std::move(executor), std::move(serving));
}

}  // namespace usher::net
