#include "net/websocket/client_stream.h"

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/websocket/stream.hpp>

#include <utility>

#include "base/text.h"
#include "net/websocket/transport.h"

namespace usher::net {

namespace {

namespace http = boost::beast::http;
namespace websocket = boost::beast::websocket;

constexpr std::size_t kept_bytes = 64u << 10;
constexpr std::uint16_t no_status = 1005;
constexpr std::size_t max_reason_bytes = 123;

class BeastStream final : public ClientStream, public std::enable_shared_from_this<BeastStream> {
 public:
  BeastStream(std::shared_ptr<Connection> connection, std::size_t max_message_bytes)
      : connection_(std::move(connection)), stream_(connection_) {
    stream_.read_message_max(max_message_bytes);
    stream_.auto_fragment(false);
    stream_.text(true);
  }

  void upgrade(const Upgrade& request, Done done) override;
  int status() const override { return status_; }
  void read(Done done) override;
  WebSocketMessage take_message() override;
  void write(std::string text, Done done) override;
  void close(std::uint16_t code, Done done) override;
  void abandon() override;
  std::optional<WebSocketClose> peer_close(ErrorCode outcome_of_read) const override;

 private:
  using Stream = websocket::stream<Transport, false>;  // without permessage-deflate

  // A handler of Beast's that keeps us alive and can be cancelled by abandon().
  auto handler(asio::cancellation_signal& signal, Done done) {
    return asio::bind_cancellation_slot(signal.slot(), [self = shared_from_this(), done = std::move(done)](
                                                           ErrorCode error, std::size_t = 0) mutable { done(error); });
  }

  std::string_view incoming() const {
    return {static_cast<const char*>(incoming_.data().data()), incoming_.data().size()};
  }

  std::shared_ptr<Connection> connection_;
  asio::cancellation_signal read_signal_, write_signal_, close_signal_;
  Stream stream_;
  websocket::response_type answer_;
  int status_ = 0;
  boost::beast::flat_buffer incoming_;
  std::string outgoing_;
};

void BeastStream::upgrade(const Upgrade& request, Done done) {
  stream_.set_option(websocket::stream_base::decorator([&request](websocket::request_type& head) {
    head.set(http::field::user_agent, request.user_agent);
    for (const Header& header : request.headers) head.insert(header.name, header.value);
  }));
  answer_.result(0u);
  auto finish = [this, done = std::move(done)](ErrorCode error) mutable {
    status_ = static_cast<int>(answer_.result_int());
    // None of these was offered.
    const bool is_too_much = answer_.count(http::field::sec_websocket_extensions) > 0 ||
                             answer_.count(http::field::sec_websocket_protocol) > 0;
    if (!error && is_too_much) error = http::error::bad_value;
    answer_ = {};
    done(error);
  };
  stream_.async_handshake(answer_, request.host, request.target, handler(read_signal_, std::move(finish)));
  stream_.set_option(websocket::stream_base::decorator([](websocket::request_type&) {}));
}

void BeastStream::read(Done done) {
  auto finish = [this, done = std::move(done)](ErrorCode error) mutable {
    // Beast 1.81 misses a letter that is cut by an empty last fragment.
    if (!error && stream_.got_text() && !is_valid_utf8(incoming())) error = websocket::error::bad_frame_payload;
    done(error);
  };
  stream_.async_read(incoming_, handler(read_signal_, std::move(finish)));
}

WebSocketMessage BeastStream::take_message() {
  WebSocketMessage message{stream_.got_text(), std::string(incoming())};
  incoming_.clear();
  if (incoming_.capacity() > kept_bytes) incoming_.shrink_to_fit();
  return message;
}

void BeastStream::write(std::string text, Done done) {
  outgoing_ = std::move(text);
  stream_.async_write(asio::buffer(outgoing_), handler(write_signal_, std::move(done)));
}

void BeastStream::close(std::uint16_t code, Done done) {
  stream_.async_close(websocket::close_reason(static_cast<websocket::close_code>(code)),
                      handler(close_signal_, std::move(done)));
}

void BeastStream::abandon() {
  const auto self = shared_from_this();
  connection_->close();
  // Beast's operations also wait for each other, with no socket involved: a read that wants to send its close frame
  // behind our own one, which waits for the read to let go of the stream.
  for (asio::cancellation_signal* signal : {&read_signal_, &write_signal_, &close_signal_}) {
    signal->emit(asio::cancellation_type::terminal);
  }
}

std::optional<WebSocketClose> BeastStream::peer_close(ErrorCode outcome_of_read) const {
  const websocket::close_reason& said = stream_.reason();
  if (said.code == websocket::close_code::none) {
    if (outcome_of_read != websocket::error::closed) return std::nullopt;
    return WebSocketClose{no_status, ""};
  }
  return WebSocketClose{said.code, printable({said.reason.data(), said.reason.size()}, max_reason_bytes)};
}

}  // namespace

std::shared_ptr<ClientStream> make_client_stream(std::shared_ptr<Connection> connection,
                                                 std::size_t max_message_bytes) {
  return std::make_shared<BeastStream>(std::move(connection), max_message_bytes);
}

}  // namespace usher::net
