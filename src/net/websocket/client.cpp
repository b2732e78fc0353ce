#include <fmt/format.h>
#include <boost/beast/http/error.hpp>
#include <boost/beast/websocket/error.hpp>
#include <boost/system/system_error.hpp>

#include <utility>

#include "net/http1/connector.h"
#include "net/http1/field_text.h"
#include "net/http1/request_head.h"
#include "net/websocket.h"
#include "net/websocket/address.h"
#include "net/websocket/client_stream.h"
#include "net/websocket/operation.h"

namespace usher::net {

namespace {

using ErrorCode = boost::system::error_code;
using Wait = Operation::Wait;
namespace http = boost::beast::http;
namespace websocket = boost::beast::websocket;

bool is_of(const ErrorCode& error, const ErrorCode& example) { return error.category() == example.category(); }

bool breaks_rfc6455(const ErrorCode& error) { return is_of(error, make_error_code(websocket::error::closed)); }

// Not a WebSocket's answer, as opposed to none.
bool is_malformed_answer(const ErrorCode& error) {
  if (error == http::error::end_of_stream || error == http::error::partial_message) return false;
  return breaks_rfc6455(error) || is_of(error, make_error_code(http::error::end_of_stream));
}

// What outlives the object that the caller holds: its coroutines and the operations under way have a share in it.
struct State {
  State(const asio::any_io_executor& executor, std::shared_ptr<ClientStream> over, std::string peer_name,
        std::size_t message_bytes)
      : stream(std::move(over)),
        peer(std::move(peer_name)),
        max_message_bytes(message_bytes),
        reading(executor),
        writing(executor),
        closing(executor) {}

  Error error(ErrorKind kind, std::string_view what) const { return {kind, fmt::format("{}: {}", peer, what)}; }

  // The first reason stays.
  void end(Error why) {
    if (!ended) ended = std::move(why);
    stream->abandon();
  }
  void end_reading(const ErrorCode& outcome);

  std::shared_ptr<ClientStream> stream;
  std::string peer;  // host and port
  std::size_t max_message_bytes;
  Operation reading, writing, closing;
  std::optional<Error> ended;  // why every call fails from now on
  std::optional<WebSocketClose> closed_by_peer;
};

void State::end_reading(const ErrorCode& outcome) {
  const std::optional<WebSocketClose> close = stream->peer_close(outcome);
  if (close) {
    closed_by_peer = close;
    end(error(ErrorKind::unavailable, fmt::format("closed by the other side: {} {}", close->code, close->reason)));
  } else if (outcome == websocket::error::message_too_big) {
    end(error(ErrorKind::limit, fmt::format("a message is larger than {} bytes", max_message_bytes)));
  } else if (breaks_rfc6455(outcome)) {
    end(error(ErrorKind::protocol, "read: " + outcome.message()));
  } else {
    end(error(ErrorKind::unavailable, "read: " + outcome.message()));
  }
}

// Why reading is over; unavailable always comes with closed_by_peer.
Error reason_of_end(State& state) {
  if (state.ended->kind == ErrorKind::unavailable && !state.closed_by_peer) state.closed_by_peer.emplace();
  return *state.ended;
}

Task<Result<WebSocketMessage>> receive_message(std::shared_ptr<State> state, Deadline deadline) {
  if (state->ended) co_return fail(reason_of_end(*state));
  if (state->reading.is_awaited()) co_return fail(state->error(ErrorKind::internal, "two read at once"));
  if (state->reading.is_idle()) {
    state->reading.begin();
    state->stream->read([state](ErrorCode outcome) { state->reading.end(outcome); });
  }
  const Wait wait = co_await state->reading.wait(deadline);
  if (state->ended) co_return fail(reason_of_end(*state));
  if (wait == Wait::expired) co_return fail(state->error(ErrorKind::timeout, "read: no message in time"));
  if (wait == Wait::cancelled) co_return fail(state->error(ErrorKind::cancelled, "read: cancelled"));
  const ErrorCode outcome = state->reading.take_outcome();
  if (!outcome) co_return state->stream->take_message();
  state->end_reading(outcome);
  co_return fail(reason_of_end(*state));
}

Task<Result<void>> send_message(std::shared_ptr<State> state, std::string text, Deadline deadline) {
  if (state->ended) co_return fail(*state->ended);
  if (!state->writing.is_idle()) co_return fail(state->error(ErrorKind::internal, "two write at once"));
  state->writing.begin();
  state->stream->write(std::move(text), [state](ErrorCode outcome) { state->writing.end(outcome); });
  const Wait wait = co_await state->writing.wait(deadline);
  if (wait == Wait::ended) {
    const ErrorCode outcome = state->writing.take_outcome();
    if (!outcome) co_return Result<void>();
    if (state->ended) co_return fail(*state->ended);
    co_return fail(state->error(ErrorKind::unavailable, "write: " + outcome.message()));
  }
  state->end(state->error(ErrorKind::unavailable, "closed within a message that was not taken"));
  if (wait == Wait::expired) co_return fail(state->error(ErrorKind::timeout, "write: not taken in time"));
  co_return fail(state->error(ErrorKind::cancelled, "write: cancelled"));
}

Task<void> close_stream(std::shared_ptr<State> state, std::uint16_t code, Deadline deadline) {
  if (!state->ended) {
    state->ended = state->error(ErrorKind::cancelled, "closed by us");
    state->closing.begin();
    state->stream->close(code, [state](ErrorCode outcome) { state->closing.end(outcome); });
    co_await state->closing.wait(deadline);
  }
  state->stream->abandon();
}

class Client final : public WebSocket {
 public:
  explicit Client(std::shared_ptr<State> state) : state_(std::move(state)) {}
  ~Client() override { state_->end(state_->error(ErrorKind::cancelled, "closed by us")); }
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  Task<Result<WebSocketMessage>> receive(Deadline deadline) override { return receive_message(state_, deadline); }
  Task<Result<void>> send_text(std::string text, Deadline deadline) override {
    return send_message(state_, std::move(text), deadline);
  }
  Task<void> close(std::uint16_t code, Deadline deadline) override { return close_stream(state_, code, deadline); }
  const std::optional<WebSocketClose>& closed_by_peer() const override { return state_->closed_by_peer; }

 private:
  std::shared_ptr<State> state_;
};

class ClientConnector final : public WebSocketConnector {
 public:
  ClientConnector(asio::any_io_executor executor, WebSocketOptions options)
      : executor_(executor),
        options_(std::move(options)),
        connector_(std::move(executor), options_.connect_timeout, options_.extra_ca_file) {}

  Task<Result<std::unique_ptr<WebSocket>>> connect(std::string url, std::vector<Header> headers,
                                                   Deadline deadline) override;

 private:
  Task<Result<std::unique_ptr<WebSocket>>> connect_to(const WebSocketAddress& address, std::vector<Header> headers,
                                                      Deadline deadline);
  Task<Result<void>> upgrade(std::shared_ptr<State> state, const WebSocketAddress& address, std::vector<Header> headers,
                             Deadline deadline);

  asio::any_io_executor executor_;
  WebSocketOptions options_;
  Connector connector_;
};

// As for any request; besides, the negotiation is ours.
Result<void> check_headers(const WebSocketAddress& address, const std::vector<Header>& headers) {
  HttpRequest request;
  request.endpoint = &address.endpoint;
  request.method = "GET";
  request.target = address.target;
  request.headers = headers;
  for (const Header& header : headers) {
    constexpr std::string_view negotiation = "sec-websocket-";
    if (equals_ignoring_case(std::string_view(header.name).substr(0, negotiation.size()), negotiation)) {
      return fail(ErrorKind::invalid, "request header " + header.name + " is set by the client only");
    }
  }
  return check_request(request);
}

Task<Result<std::unique_ptr<WebSocket>>> ClientConnector::connect(std::string url, std::vector<Header> headers,
                                                                  Deadline deadline) {
  const Result<WebSocketAddress> address = parse_websocket_address(url);
  if (!address) co_return fail(address.error());
  const Result<void> checked = check_headers(*address, headers);
  if (!checked) co_return fail(checked.error());
  try {
    Result<std::unique_ptr<WebSocket>> connected = co_await connect_to(*address, std::move(headers), deadline);
    co_return connected;
  } catch (const boost::system::system_error& error) {
    // Asio throws this from a co_await in a coroutine that was cancelled before.
    if (error.code() != asio::error::operation_aborted) throw;
  }
  co_return fail(ErrorKind::cancelled, name_of(address->endpoint) + ": connect: cancelled");
}

Task<Result<std::unique_ptr<WebSocket>>> ClientConnector::connect_to(const WebSocketAddress& address,
                                                                     std::vector<Header> headers, Deadline deadline) {
  Result<std::shared_ptr<Connection>> connection = co_await connector_.connect(address.endpoint, deadline);
  if (!connection) co_return fail(std::move(connection.error()));
  (*connection)->give_until(Connection::Time::max());
  auto state =
      std::make_shared<State>(executor_, make_client_stream(std::move(*connection), options_.max_message_bytes),
                              name_of(address.endpoint), options_.max_message_bytes);
  auto socket = std::make_unique<Client>(state);  // closes it whatever happens below
  const Result<void> upgraded =
      co_await upgrade(state, address, std::move(headers), deadline.capped(options_.connect_timeout));
  if (!upgraded) co_return fail(upgraded.error());
  co_return socket;
}

Task<Result<void>> ClientConnector::upgrade(std::shared_ptr<State> state, const WebSocketAddress& address,
                                            std::vector<Header> headers, Deadline deadline) {
  Upgrade request{.target = address.target, .user_agent = options_.user_agent, .headers = std::move(headers)};
  append_host(request.host, address.endpoint);
  state->reading.begin();
  state->stream->upgrade(request, [state](ErrorCode outcome) { state->reading.end(outcome); });
  const Wait wait = co_await state->reading.wait(deadline);
  if (wait == Wait::expired) co_return fail(state->error(ErrorKind::timeout, "upgrade: no answer in time"));
  if (wait == Wait::cancelled) co_return fail(state->error(ErrorKind::cancelled, "upgrade: cancelled"));
  const ErrorCode outcome = state->reading.take_outcome();
  if (!outcome) co_return Result<void>();
  if (outcome == websocket::error::upgrade_declined) {
    const std::string what = fmt::format("upgrade: answered with status {}", state->stream->status());
    co_return fail(state->error(ErrorKind::unavailable, what));
  }
  const ErrorKind kind = is_malformed_answer(outcome) ? ErrorKind::protocol : ErrorKind::unavailable;
  co_return fail(state->error(kind, "upgrade: " + outcome.message()));
}

}  // namespace

std::unique_ptr<WebSocketConnector> make_websocket_connector(asio::any_io_executor executor, WebSocketOptions options) {
  return std::make_unique<ClientConnector>(std::move(executor), std::move(options));
}

}  // namespace usher::net
