// A WebSocket client connection (RFC 6455), plain or over TLS with the same checks as the HTTP client's. Event-loop
// thread only. One reader and one writer may wait at a time; pings are answered while somebody reads. No extensions are
// offered: whoever wants compression finds it in the payload.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/async.h"
#include "base/result.h"
#include "net/http_client.h"

namespace usher::net {

struct WebSocketMessage {
  bool is_text = false;
  std::string data;
};

struct WebSocketClose {
  std::uint16_t code = 0;  // 0 = the connection ended without a close frame, 1005 = the frame held none
  std::string reason;      // the peer's words, printable, at most 123 bytes
};

class WebSocket {
 public:
  virtual ~WebSocket() = default;  // closes the socket without a word

  // The next whole message. Errors: unavailable when the peer closed or the connection broke: closed_by_peer() says
  // which; limit for a message larger than max_message_bytes (the connection is closed with 1009), protocol for what
  // breaks RFC 6455 (1002), timeout when the deadline passed (the connection stays, reading may go on), cancelled.
  virtual Task<Result<WebSocketMessage>> receive(Deadline deadline) = 0;
  // Resolves when the kernel has all of it. Errors: unavailable, timeout (the connection is closed then: half a frame
  // may be out), cancelled.
  virtual Task<Result<void>> send_text(std::string text, Deadline deadline) = 0;
  // Sends a close frame, waits for the peer's within the deadline, then closes the socket whatever happened.
  virtual Task<void> close(std::uint16_t code, Deadline deadline) = 0;
  // Set once receive() has failed with unavailable.
  virtual const std::optional<WebSocketClose>& closed_by_peer() const = 0;
};

struct WebSocketOptions {
  std::size_t max_message_bytes = 8u << 20;
  std::chrono::seconds connect_timeout{10};
  std::string user_agent = "usher/" USHER_VERSION;
  std::string extra_ca_file;  // as of HttpClientOptions
};

class WebSocketConnector {
 public:
  virtual ~WebSocketConnector() = default;
  // Resolves, connects, TLS, upgrade. `url` is ws:// or wss:// with path and query. Errors: invalid (not such an
  // address), unavailable (resolve, connect, TLS, or the server answered something else than 101: its status is in the
  // message), protocol, timeout, cancelled. Messages name host, port and step, never the query.
  virtual Task<Result<std::unique_ptr<WebSocket>>> connect(std::string url, std::vector<Header> headers,
                                                           Deadline deadline) = 0;
};
// Must outlive its connections.
std::unique_ptr<WebSocketConnector> make_websocket_connector(asio::any_io_executor executor,
                                                             WebSocketOptions options = {});

}  // namespace usher::net
