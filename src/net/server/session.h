// One client's connection, from the handshake to the close: request after request, each judged by its head before the
// body is read. Event-loop thread. Cancelling run() closes the connection whatever it is at.
#pragma once

#include <array>
#include <boost/asio/ssl/context.hpp>
#include <cstddef>
#include <expected>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/async.h"
#include "net/http_server.h"
#include "net/server/request_reader.h"
#include "net/server/wire.h"

namespace usher::net {

// What all sessions of a server share.
struct SessionContext {
  SessionContext(HttpServerOptions given, HttpService& served) : options(std::move(given)), service(served) {}

  HttpServerOptions options;
  HttpService& service;
  std::optional<asio::ssl::context> tls;
  bool is_stopping = false;
};

class Session {
 public:
  // `context` must outlive the session.
  Session(SessionContext& context, StreamSocket socket);

  // Ends when the connection does.
  Task<void> run();
  // True while no request has begun: nothing is lost when the connection closes now.
  bool is_idle() const { return is_idle_; }
  std::chrono::steady_clock::time_point idle_since() const { return idle_since_; }

 private:
  using ErrorCode = boost::system::error_code;
  enum class Step { done, refused, gone };
  template <class T>
  using OrResponse = std::expected<T, ServerResponse>;
  using Admission = OrResponse<std::unique_ptr<Exchange>>;

  Task<bool> shake_hands();
  Task<bool> serve_one();
  Task<bool> wait_for_request();
  Task<Step> read_while(RequestReader::State state, Wire::Time due, std::string_view when_late);
  Task<Admission> admit();
  Task<Step> read_body(std::size_t max_bytes);
  template <class T, class F>
  Task<OrResponse<T>> supervise(F start, Deadline deadline, std::string_view step);
  Task<bool> answer(ServerResponse response);
  Task<bool> write(std::string& head, std::string_view body);
  void take_input();

  SessionContext& context_;
  Wire wire_;
  RequestReader reader_;
  std::array<char, 16u << 10> input_;  // what was read and not taken yet stands at [begin_, end_)
  std::size_t begin_ = 0;
  std::size_t end_ = 0;
  ServerResponse refusal_;       // after Step::refused
  bool has_been_asked_ = false;  // the first request has begun
  bool must_close_ = false;
  bool is_idle_ = true;
  std::chrono::steady_clock::time_point idle_since_ = std::chrono::steady_clock::now();
};

}  // namespace usher::net
