// HTTP/1.1 over pooled keep-alive connections, to a host (plain or TLS: certificate and host name checked against the
// system's CA store, which is loaded when TLS is first used) or to a Unix socket. Event-loop thread only; one client
// serves the whole process.
//
// A request that fails on a reused connection before any byte of the answer arrived is repeated once on a fresh one
// only when `is_repeatable`. Cancelling the awaiting coroutine closes the connection. No redirects are followed. Proxy
// variables are ignored.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/async.h"
#include "base/result.h"

namespace usher::net {

// An http(s) address, split once and kept.
struct Endpoint {
  bool is_tls = false;
  std::string host;  // as in the URL, IPv6 without brackets
  std::uint16_t port = 0;
  std::string base_path;  // "" or "/v1": put before every target, no trailing slash
  // When set: connects to this Unix socket instead, of any length; host and port only say what Host is.
  std::string socket_file = {};
};
// "https://api.example.com/v1" → Endpoint. Refuses other schemes, userinfo, queries and fragments.
Result<Endpoint> parse_endpoint(std::string_view url);

struct Header {
  std::string name;
  std::string value;
};

struct HttpRequest {
  const Endpoint* endpoint = nullptr;  // must outlive the call
  std::string_view method = "POST";
  std::string target;           // appended to base_path; may hold a secret: never logged
  std::vector<Header> headers;  // Host, Content-Length, User-Agent and Connection are set by the client
  std::string body;
  std::string_view content_type = "application/json";
  std::string_view user_agent = {};  // "" = the client's
  std::size_t max_response_bytes = 8u << 20;
  std::chrono::milliseconds idle_timeout{60'000};  // between two reads
  std::chrono::milliseconds rest_timeout{1'000};   // for what follows once the sink said BodyNext::rest
  bool is_repeatable = false;
  bool wants_fresh_connection = false;  // for a poller after an error
  bool keeps_headers = false;           // HttpResponse::headers is filled
  // Set once the whole request has gone out: before that nothing can have been done with it. Outlives the call.
  bool* was_sent = nullptr;
};

struct HttpResponse {
  int status = 0;
  std::string content_type;     // lower case, without parameters
  std::string retry_after;      // the header's raw value, or ""
  std::string date;             // the same: when the other side says it is
  std::vector<Header> headers;  // all of them, names in lower case; only when the request asked for them
  std::string body;  // empty when it went to on_body; of a non-2xx answer to a call with a sink at most 64 KiB
};

// What a sink wants after a piece of the body.
enum class BodyNext {
  more,  // go on
  rest,  // nothing that matters follows: the rest is still handed over, but waited for no longer than rest_timeout;
         // when it does not end by then, send() succeeds all the same and the connection is closed
  stop,  // read no further: the connection is closed, send() succeeds
};
// Called with each piece of a 2xx body as it arrives.
using BodySink = std::function<BodyNext(std::string_view piece)>;

class HttpClient {
 public:
  virtual ~HttpClient() = default;
  // Errors: unavailable (resolve, connect, TLS, write: the request did not go out whole, nothing was done with it),
  // protocol (not HTTP, an answer cut, a connection closed or reset after the request went out: it may have had its
  // effect), timeout, limit (answer larger than max_response_bytes), cancelled, invalid (a header or target that cannot
  // be sent). Messages name host, port and step, never target, headers or body. A non-2xx status is a response, not an
  // error.
  virtual Task<Result<HttpResponse>> send(HttpRequest request, Deadline deadline, BodySink on_body = {}) = 0;

  // Closes idle connections; running requests go on.
  virtual void close_idle() = 0;
};

struct HttpClientOptions {
  std::size_t max_idle_per_endpoint = 128;
  std::chrono::seconds idle_keep{50};
  std::chrono::seconds connect_timeout{10};
  std::string user_agent = "usher/" USHER_VERSION;
  std::string extra_ca_file;  // PEM trusted besides the system's store (SSL_CERT_FILE of tests and private CAs)
};
std::unique_ptr<HttpClient> make_http_client(asio::any_io_executor executor, HttpClientOptions options = {});

}  // namespace usher::net
