#include "support/http/http_server.h"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/ssl.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/write.hpp>
#include <cstdio>
#include <optional>
#include <stdexcept>
#include <thread>

#include "support/http/http_request_reader.h"
#include "support/process/open_sockets.h"

namespace usher::testing {

namespace {

using asio::ip::tcp;
namespace ssl = asio::ssl;

Task<void> pause(std::chrono::milliseconds duration) {
  if (duration.count() <= 0) co_return;
  asio::steady_timer timer(co_await asio::this_coro::executor, duration);
  co_await timer.async_wait(asio::use_awaitable);
}

template <class Stream>
Task<void> write_bytes(Stream& stream, std::string bytes, bool shred) {
  if (!shred) {
    co_await asio::async_write(stream, asio::buffer(bytes), asio::use_awaitable);
    co_return;
  }
  for (const char& byte : bytes) co_await asio::async_write(stream, asio::buffer(&byte, 1), asio::use_awaitable);
}

std::string head_of(const HttpReply& reply) {
  std::string head = "HTTP/1.1 " + std::to_string(reply.status) + " simulated\r\n";
  if (!reply.content_type.empty()) head += "Content-Type: " + reply.content_type + "\r\n";
  for (const auto& [name, value] : reply.headers) head += name + ": " + value + "\r\n";
  if (reply.chunks.empty()) {
    head += "Content-Length: " + std::to_string(reply.body.size()) + "\r\n";
  } else {
    head += "Transfer-Encoding: chunked\r\n";
  }
  if (reply.close) head += "Connection: close\r\n";
  return head + "\r\n";
}

std::string framed(const std::string& chunk) {
  char size[32];
  std::snprintf(size, sizeof size, "%zx\r\n", chunk.size());
  return size + chunk + "\r\n";
}

template <class Stream>
Task<void> write_chunks(Stream& stream, const HttpReply& reply) {
  do {
    for (const std::string& chunk : reply.chunks) {
      if (chunk.empty()) continue;  // would end the body
      co_await pause(reply.chunk_delay);
      co_await write_bytes(stream, framed(chunk), reply.shred);
    }
  } while (reply.endless);
  if (!reply.cut) co_await write_bytes(stream, "0\r\n\r\n", reply.shred);
}

// Answers one call; false when the connection ends with it.
template <class Stream>
Task<bool> write_reply(Stream& stream, const HttpReply& reply) {
  auto& socket = stream.lowest_layer();
  if (reply.delay.count() > 0) co_await pause(reply.delay);
  if (reply.reset) {
    socket.set_option(asio::socket_base::linger(true, 0));
    socket.close();
    co_return false;
  }
  if (reply.hang) {
    co_await socket.async_wait(asio::socket_base::wait_read, asio::use_awaitable);
    co_return false;
  }
  if (!reply.raw.empty()) {
    co_await write_bytes(stream, reply.raw, reply.shred);
    co_return false;
  }
  if (!reply.chunks.empty()) {
    co_await write_bytes(stream, head_of(reply), reply.shred);
    co_await write_chunks(stream, reply);
  } else {
    std::string bytes = head_of(reply) + reply.body;
    if (reply.cut) bytes.pop_back();
    co_await write_bytes(stream, std::move(bytes), reply.shred);
  }
  co_return !reply.cut && !reply.close;
}

template <class Stream>
Task<void> serve_calls(Stream& stream, HttpServer::Handler handler, int connection) {
  RequestReader reader;
  while (true) {
    while (reader.needs_bytes()) {
      char piece[16384];
      std::size_t size = co_await stream.async_read_some(asio::buffer(piece), asio::use_awaitable);
      reader.feed(std::string_view(piece, size));
      if (reader.takes_continue()) co_await write_bytes(stream, "HTTP/1.1 100 Continue\r\n\r\n", false);
    }
    if (reader.is_broken()) {
      HttpReply refusal{.status = 400, .body = "{}", .close = true};
      co_await write_reply(stream, refusal);
      co_return;
    }
    HttpCall call = reader.take();
    call.connection = connection;
    HttpReply reply = co_await handler(std::move(call));
    bool stays = co_await write_reply(stream, reply);
    if (!stays) co_return;
  }
}

struct Listener {
  tcp::acceptor acceptor;
  Registration registration;
};

tcp::acceptor listen_on(asio::any_io_executor executor, std::uint16_t port) {
  return tcp::acceptor(executor, tcp::endpoint(asio::ip::address_v4::loopback(), port), true);
}

ssl::context server_context(const std::string& certificate_pem, const std::string& key_pem) {
  ssl::context context(ssl::context::tls_server);
  context.use_certificate_chain(asio::buffer(certificate_pem));
  context.use_private_key(asio::buffer(key_pem), ssl::context::pem);
  return context;
}

}  // namespace

struct HttpServer::State {
  Handler handler;
  std::shared_ptr<OpenSockets> sockets = std::make_shared<OpenSockets>();
  std::optional<ssl::context> tls;
  std::uint16_t port = 0;

  static Task<void> serve(std::shared_ptr<State> self, tcp::socket socket, int connection) {
    Registration registration(self->sockets, socket.native_handle());
    socket.set_option(tcp::no_delay(true));
    if (!self->tls) {
      co_await serve_calls(socket, self->handler, connection);
      co_return;
    }
    ssl::stream<tcp::socket&> stream(socket, *self->tls);
    co_await stream.async_handshake(ssl::stream_base::server, asio::use_awaitable);
    co_await serve_calls(stream, self->handler, connection);
  }

  static Task<void> run_connection(std::shared_ptr<State> self, tcp::socket socket, int connection) {
    try {
      co_await serve(self, std::move(socket), connection);
    } catch (const boost::system::system_error&) {  // gone, reset, stopped: all fine for a simulator
    } catch (const std::exception& error) {
      std::fprintf(stderr, "simulator: %s\n", error.what());
    }
  }

  static Task<void> accept(std::shared_ptr<State> self, Listener listener) {
    while (true) {
      boost::system::error_code failure;
      tcp::socket socket = co_await listener.acceptor.async_accept(asio::redirect_error(asio::use_awaitable, failure));
      if (failure) co_return;
      self->sockets->count_connection();
      asio::co_spawn(listener.acceptor.get_executor(),
                     run_connection(self, std::move(socket), self->sockets->accepted()), asio::detached);
    }
  }

  static void start(const std::shared_ptr<State>& self, asio::any_io_executor executor, std::uint16_t port) {
    tcp::acceptor acceptor = listen_on(executor, port);
    self->port = acceptor.local_endpoint().port();
    Registration registration(self->sockets, acceptor.native_handle());
    asio::co_spawn(executor, accept(self, Listener{std::move(acceptor), std::move(registration)}), asio::detached);
  }
};

HttpServer::HttpServer(asio::any_io_executor executor, Handler handler, std::uint16_t port)
    : state_(std::make_shared<State>()) {
  state_->handler = std::move(handler);
  State::start(state_, std::move(executor), port);
}

HttpServer::HttpServer(asio::any_io_executor executor, Handler handler, const std::string& certificate_pem,
                       const std::string& key_pem, std::uint16_t port)
    : state_(std::make_shared<State>()) {
  state_->handler = std::move(handler);
  state_->tls.emplace(server_context(certificate_pem, key_pem));
  State::start(state_, std::move(executor), port);
}

HttpServer::~HttpServer() { stop(); }

std::uint16_t HttpServer::port() const { return state_->port; }
std::string HttpServer::url() const {
  return (state_->tls ? "https://127.0.0.1:" : "http://127.0.0.1:") + std::to_string(state_->port);
}
int HttpServer::connections() const { return state_->sockets->accepted(); }
void HttpServer::stop() { state_->sockets->stop(); }

struct SimulatorThread::State {
  asio::io_context loop{1};
  asio::executor_work_guard<asio::io_context::executor_type> work = asio::make_work_guard(loop);
  std::thread thread{[this] { loop.run(); }};
};

SimulatorThread::SimulatorThread() : state_(std::make_unique<State>()) {}
SimulatorThread::~SimulatorThread() {
  state_->loop.stop();
  state_->thread.join();
}
asio::any_io_executor SimulatorThread::executor() { return state_->loop.get_executor(); }

}  // namespace usher::testing
