#include "support/http/websocket_server.h"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/ssl.hpp>
#include <boost/beast/core/buffers_to_string.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http.hpp>
#include <boost/beast/websocket.hpp>
#include <boost/beast/websocket/ssl.hpp>
#include <cctype>
#include <cstdio>
#include <deque>
#include <exception>
#include <type_traits>
#include <utility>

#include "support/process/open_sockets.h"

namespace usher::testing {

namespace {

using asio::ip::tcp;
using ErrorCode = boost::system::error_code;
namespace beast = boost::beast;
namespace http = boost::beast::http;
namespace ssl = asio::ssl;
namespace websocket = boost::beast::websocket;

constexpr std::size_t max_client_message_bytes = 64u << 20;
constexpr std::uint16_t no_status = 1005;

using Request = http::request<http::empty_body>;
using Callbacks = WebSocketServer::Callbacks;

// What the connections of one server share.
struct Shared {
  Callbacks callbacks;
  std::shared_ptr<OpenSockets> sockets = std::make_shared<OpenSockets>();
  std::optional<ssl::context> tls;

  // Whoever made the server may be gone by the time its connections notice that it has stopped.
  template <class Callback, class... Arguments>
  void tell(const Callback& callback, Arguments... arguments) const {
    if (callback && !sockets->is_stopped()) callback(std::move(arguments)...);
  }
};

struct Outgoing {
  enum class Kind { text, binary, close };
  Kind kind;
  std::string data;  // the reason of a close
  std::uint16_t code = 0;
};

// One client over `Layer`, a socket or TLS over one. Whatever is under way on the stream keeps it alive.
template <class Layer>
class Session final : public WebSocketServer::Peer, public std::enable_shared_from_this<Session<Layer>> {
 public:
  Session(std::shared_ptr<Shared> shared, Layer layer, int number)
      : shared_(std::move(shared)),
        stream_(std::move(layer)),
        number_(number),
        registration_(shared_->sockets, socket().native_handle()) {
    stream_.read_message_max(max_client_message_bytes);
  }

  int number() const override { return number_; }
  const std::string& target() const override { return target_; }
  const std::map<std::string, std::string>& headers() const override { return headers_; }
  bool is_open() const override { return is_open_; }
  void send_text(std::string text) override { send({Outgoing::Kind::text, std::move(text)}); }
  void send_binary(std::string bytes) override { send({Outgoing::Kind::binary, std::move(bytes)}); }
  void close(std::uint16_t code, std::string reason) override {
    send({Outgoing::Kind::close, std::move(reason), code});
  }
  void cut() override {
    is_open_ = false;
    ErrorCode ignored;
    socket().close(ignored);
  }
  void freeze() override {
    if (!is_open_) return;
    is_frozen_ = true;
    ErrorCode ignored;
    socket().cancel(ignored);  // Beast would answer pings and close frames as long as it reads
  }

  static Task<void> run(std::shared_ptr<Session> self) {
    Request request;
    ErrorCode error;
    co_await self->accept(request, error);
    if (error) co_return;
    self->is_open_ = true;
    self->shared_->tell(self->shared_->callbacks.on_open, self);
    co_await self->read(error);
    if (self->is_frozen_) co_await self->wait_for_the_end();
    self->is_read_over_ = true;
    self->has_client_closed_ = self->has_client_closed_ || error == websocket::error::closed;
    self->finish();
  }

 private:
  using Stream = websocket::stream<Layer>;

  tcp::socket& socket() {
    if constexpr (std::is_same_v<Layer, tcp::socket>) {
      return stream_.next_layer();
    } else {
      return stream_.next_layer().next_layer();
    }
  }

  // Up to the upgrade and its answer.
  Task<void> accept(Request& request, ErrorCode& error) {
    socket().set_option(tcp::no_delay(true), error);
    if constexpr (!std::is_same_v<Layer, tcp::socket>) {
      co_await stream_.next_layer().async_handshake(ssl::stream_base::server,
                                                    asio::redirect_error(asio::use_awaitable, error));
      if (error) co_return;
    }
    co_await http::async_read(stream_.next_layer(), buffer_, request, asio::redirect_error(asio::use_awaitable, error));
    if (error) co_return;
    target_ = std::string(request.target());
    for (const auto& field : request) {
      std::string name(field.name_string());
      for (char& c : name) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
      headers_[name] = std::string(field.value());
    }
    if (shared_->callbacks.admit && !shared_->sockets->is_stopped() && !shared_->callbacks.admit(*this)) {
      http::response<http::empty_body> refusal(http::status::service_unavailable, 11);
      refusal.set(http::field::connection, "close");
      refusal.prepare_payload();
      co_await http::async_write(stream_.next_layer(), refusal, asio::redirect_error(asio::use_awaitable, error));
      error = websocket::error::upgrade_declined;
      co_return;
    }
    co_await stream_.async_accept(request, asio::redirect_error(asio::use_awaitable, error));
  }

  // Messages until the client or somebody here ends them.
  Task<void> read(ErrorCode& error) {
    buffer_.clear();
    while (!error) {
      co_await stream_.async_read(buffer_, asio::redirect_error(asio::use_awaitable, error));
      if (error || is_frozen_) continue;
      std::string message = beast::buffers_to_string(buffer_.data());
      buffer_.clear();
      shared_->tell(shared_->callbacks.on_message, this->shared_from_this(), std::move(message));
    }
  }

  // Until the socket is shut down by stop(), closed by cut() or reset by the client.
  Task<void> wait_for_the_end() {
    ErrorCode ignored;
    while (socket().is_open() && !shared_->sockets->is_stopped()) {
      co_await socket().async_wait(tcp::socket::wait_error, asio::redirect_error(asio::use_awaitable, ignored));
      if (ignored != asio::error::operation_aborted) break;
    }
  }

  void send(Outgoing outgoing) {
    if (!is_open_ || is_frozen_) return;
    queue_.push_back(std::move(outgoing));
    if (!is_writing_) write_next();
  }

  void write_next() {
    if (queue_.empty() || !is_open_ || is_frozen_) return;
    is_writing_ = true;
    const Outgoing& front = queue_.front();
    auto self = this->shared_from_this();
    if (front.kind == Outgoing::Kind::close) {
      // 1005 may not be sent: it stands for a frame without a code.
      websocket::close_reason why;
      why.code = front.code == no_status ? static_cast<std::uint16_t>(websocket::close_code::none) : front.code;
      why.reason = front.data;
      stream_.async_close(why, [self](ErrorCode error) { self->on_closed(error); });
      return;
    }
    stream_.text(front.kind == Outgoing::Kind::text);
    stream_.async_write(asio::buffer(front.data), [self](ErrorCode error, std::size_t) {
      self->queue_.pop_front();
      self->is_writing_ = false;
      if (!error) self->write_next();
    });
  }

  void on_closed(ErrorCode error) {
    is_writing_ = false;
    queue_.clear();
    has_client_closed_ = has_client_closed_ || !error;
    finish();
  }

  // When neither reading nor closing is under way any more.
  void finish() {
    if (!is_read_over_) return;
    const bool is_closing = is_writing_ && queue_.front().kind == Outgoing::Kind::close;
    if (is_closing || is_finished_) return;
    is_finished_ = true;
    // Not every client ends TLS properly after its close frame, so that may be told by its code alone.
    std::optional<std::uint16_t> code;
    if (stream_.reason().code != websocket::close_code::none) {
      code = stream_.reason().code;
    } else if (has_client_closed_) {
      code = no_status;
    }
    cut();
    shared_->tell(shared_->callbacks.on_close, this->shared_from_this(), code);
  }

  std::shared_ptr<Shared> shared_;
  Stream stream_;
  int number_;
  Registration registration_;
  beast::flat_buffer buffer_;
  std::string target_;
  std::map<std::string, std::string> headers_;
  std::deque<Outgoing> queue_;
  bool is_open_ = false;
  bool is_frozen_ = false;
  bool is_writing_ = false;
  bool is_read_over_ = false;
  bool has_client_closed_ = false;
  bool is_finished_ = false;
};

template <class Layer>
Task<void> run_session(std::shared_ptr<Session<Layer>> session) {
  try {
    co_await Session<Layer>::run(std::move(session));
  } catch (const std::exception& error) {
    std::fprintf(stderr, "websocket simulator: %s\n", error.what());
  }
}

void start_session(const std::shared_ptr<Shared>& shared, tcp::socket socket, int number) {
  const asio::any_io_executor executor = socket.get_executor();
  if (shared->tls) {
    using Tls = ssl::stream<tcp::socket>;
    auto session = std::make_shared<Session<Tls>>(shared, Tls(std::move(socket), *shared->tls), number);
    asio::co_spawn(executor, run_session(std::move(session)), asio::detached);
  } else {
    auto session = std::make_shared<Session<tcp::socket>>(shared, std::move(socket), number);
    asio::co_spawn(executor, run_session(std::move(session)), asio::detached);
  }
}

Task<void> accept(std::shared_ptr<Shared> shared, tcp::acceptor acceptor) {
  const Registration registration(shared->sockets, acceptor.native_handle());
  for (;;) {
    ErrorCode error;
    tcp::socket socket = co_await acceptor.async_accept(asio::redirect_error(asio::use_awaitable, error));
    if (error) co_return;
    shared->sockets->count_connection();
    start_session(shared, std::move(socket), shared->sockets->accepted());
  }
}

}  // namespace

struct WebSocketServer::State {
  std::shared_ptr<Shared> shared = std::make_shared<Shared>();
  std::uint16_t port = 0;

  State(const asio::any_io_executor& executor, Callbacks callbacks, std::optional<ssl::context> tls,
        std::uint16_t wanted_port) {
    shared->callbacks = std::move(callbacks);
    shared->tls = std::move(tls);
    tcp::acceptor acceptor(executor, tcp::endpoint(asio::ip::address_v4::loopback(), wanted_port), true);
    port = acceptor.local_endpoint().port();
    asio::co_spawn(executor, accept(shared, std::move(acceptor)), asio::detached);
  }
};

WebSocketServer::WebSocketServer(asio::any_io_executor executor, Callbacks callbacks, std::uint16_t port)
    : state_(std::make_shared<State>(executor, std::move(callbacks), std::nullopt, port)) {}

WebSocketServer::WebSocketServer(asio::any_io_executor executor, Callbacks callbacks,
                                 const std::string& certificate_pem, const std::string& key_pem, std::uint16_t port) {
  ssl::context context(ssl::context::tls_server);
  context.use_certificate_chain(asio::buffer(certificate_pem));
  context.use_private_key(asio::buffer(key_pem), ssl::context::pem);
  state_ = std::make_shared<State>(executor, std::move(callbacks), std::move(context), port);
}

WebSocketServer::~WebSocketServer() { stop(); }

std::uint16_t WebSocketServer::port() const { return state_->port; }
std::string WebSocketServer::url() const {
  return (state_->shared->tls ? "wss://127.0.0.1:" : "ws://127.0.0.1:") + std::to_string(state_->port);
}
int WebSocketServer::connections() const { return state_->shared->sockets->accepted(); }
void WebSocketServer::stop() { state_->shared->sockets->stop(); }

}  // namespace usher::testing
