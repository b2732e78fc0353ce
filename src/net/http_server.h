// HTTP/1.1 server: keep-alive, Content-Length and chunked requests, over TCP (plain or TLS) or a Unix socket.
// Event-loop thread only. It knows nothing of routes: every request goes to one HttpService, which judges the head
// before a byte of the body is read.
//
// Bounds, all answered with a status before the connection closes where the client still listens: 400 malformed, 408 a
// client too slow, 413 body, 414/431 target and head, 417 an Expect other than 100-continue, 501 another
// Transfer-Encoding, 503 too many connections (a TLS client is just closed then) or no response by its deadline. A
// request with both Content-Length and Transfer-Encoding, two Content-Lengths, a bare LF, obs-fold, a target that is
// not a path, no Host (1.1) or two, or another version than 1.0/1.1 is malformed. Trailers are dropped.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <chrono>
#include <cstdint>
#include <expected>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/async.h"
#include "base/result.h"
#include "net/http_client.h"

namespace usher::net {

struct RequestHead {
  std::string method;           // "GET"
  std::string target;           // origin form as sent: "/tokens?x=1"
  std::vector<Header> headers;  // names in lower case, in the order received
  std::string peer;             // the client's address, without port; "unix"

  // The value; nullopt when the header is absent or was sent more than once.
  std::optional<std::string_view> header(std::string_view lower_case_name) const;
  bool has_header(std::string_view lower_case_name) const;
};

struct ServerResponse {
  int status = 200;
  std::vector<Header> headers;  // Content-Length, Date and Connection are set by the server
  std::string content_type = "application/json";
  std::string body;
};

// One admitted request.
class Exchange {
 public:
  virtual ~Exchange() = default;
  // How long a body this request may have; 0 = none.
  virtual std::size_t max_body_bytes() const = 0;
  // Called once, with the whole body. An exception is logged and answered with 500; past the deadline it is cancelled
  // and the answer is 503. In both cases the connection closes.
  virtual Task<ServerResponse> respond(std::string body, Deadline deadline) = 0;
};

class HttpService {
 public:
  virtual ~HttpService() = default;
  // The exchange, or the answer that refuses it; then the body is not read and the connection closes. Exceptions and
  // time as with respond().
  virtual Task<std::expected<std::unique_ptr<Exchange>, ServerResponse>> admit(RequestHead head) = 0;
};

struct TlsFiles {
  std::filesystem::path certificate;  // PEM, the server's first, then its chain
  std::filesystem::path key;          // PEM
};

struct HttpServerOptions {
  std::string address = "127.0.0.1";  // numeric, IPv6 without brackets, or "localhost"
  std::uint16_t port = 0;             // 0 = any free one
  // When set: a Unix socket (mode 0600) instead of address and port. Only this user and root get through; everybody
  // else is disconnected at once. An old socket in its place is replaced, so whoever listens must know to be the only
  // one.
  std::filesystem::path socket_file;
  std::optional<TlsFiles> tls;                        // TCP only
  std::size_t max_head_bytes = 16u << 10;             // half of it for the request line; at most 100 headers
  std::size_t max_connections = 512;                  // one more closes the one idle longest; 503 when none is idle
  std::chrono::milliseconds idle_timeout{60'000};     // between two requests; before the first head_timeout, if shorter
  std::chrono::milliseconds head_timeout{10'000};     // TLS handshake and head, from the first byte
  std::chrono::milliseconds body_timeout{20'000};     // the whole body
  std::chrono::milliseconds respond_timeout{30'000};  // the deadline that respond() is given
  std::chrono::milliseconds write_timeout{20'000};    // the whole response
};

class HttpServer {
 public:
  virtual ~HttpServer() = default;
  // The port it is bound to (0 on a Unix socket); connections are queued from the moment it was made.
  virtual std::uint16_t port() const = 0;
  // Serves until stop(); returns when every connection has ended.
  virtual Task<void> run() = 0;
  // Accepts nothing more, closes idle connections, lets running requests end within `grace`, then cancels them. May be
  // called before run(), and again: the nearer end counts. Cancelling run() is stop(0).
  virtual void stop(std::chrono::milliseconds grace) = 0;
};

// Binds and listens. unavailable when the address is taken or not this machine's, or the socket file cannot be made;
// io or invalid for TLS files that cannot be used. `service` must outlive the server.
Result<std::unique_ptr<HttpServer>> make_http_server(asio::any_io_executor executor, HttpServerOptions options,
                                                     HttpService& service);

}  // namespace usher::net
