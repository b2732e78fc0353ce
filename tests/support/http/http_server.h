// An HTTP/1.1 server for simulators: raw sockets under our own hand, so that every fault can be played. Runs on the
// executor it is given (a test's io_context, or a SimulatorThread's). Binds 127.0.0.1 port 0 unless told otherwise.
// Keep-alive, Content-Length and chunked requests. One coroutine a connection.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/async.h"

namespace usher::testing {

struct HttpCall {
  std::string method;
  std::string target;                          // path and query
  std::map<std::string, std::string> headers;  // names in lower case
  std::string body;
  int connection = 0;  // counts from 1 in the order of accepting
};

// What a simulator answers; every field after `body` is a fault.
struct HttpReply {
  int status = 200;
  std::vector<std::pair<std::string, std::string>> headers;  // Content-Length or chunked framing is added
  std::string content_type = "application/json";
  std::string body;                    // sent with Content-Length …
  std::vector<std::string> chunks;     // … or, when not empty, as chunked pieces, each its own write
  std::chrono::milliseconds delay{0};  // before the head
  std::chrono::milliseconds chunk_delay{0};
  bool shred = false;    // every byte a write of its own
  bool cut = false;      // closes before the last byte of the body / the terminating chunk
  bool reset = false;    // RST instead of an answer
  bool hang = false;     // never answers, keeps the connection open
  bool close = false;    // "Connection: close"
  bool endless = false;  // repeats chunks until the peer goes away
  std::string raw;       // sent as it is instead of everything above, then closed
};

class HttpServer {
 public:
  using Handler = std::function<Task<HttpReply>(HttpCall call)>;
  HttpServer(asio::any_io_executor executor, Handler handler, std::uint16_t port = 0);
  // With TLS, from PEM texts.
  HttpServer(asio::any_io_executor executor, Handler handler, const std::string& certificate_pem,
             const std::string& key_pem, std::uint16_t port = 0);
  ~HttpServer();  // closes everything; the executor must still be able to run, or be gone for good

  std::uint16_t port() const;
  std::string url() const;  // "http://127.0.0.1:PORT"
  int connections() const;  // accepted so far
  void stop();

 private:
  struct State;
  std::shared_ptr<State> state_;
};

// An io_context on a thread of its own, for simulators beside code that runs elsewhere (another process, another loop).
class SimulatorThread {
 public:
  SimulatorThread();
  ~SimulatorThread();
  asio::any_io_executor executor();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

// A self-signed CA and a server certificate made by it for `host` (DNS name or address), valid from now - 1 day for
// `days` days.
struct TestCertificate {
  std::string ca_pem, certificate_pem, key_pem;
};
TestCertificate make_test_certificate(const std::string& host, int days);

}  // namespace usher::testing
