// A small HTTP/1.1 server on raw epoll, so cheap that it is never the bottleneck of what it measures. One thread,
// keep-alive, Content-Length bodies only, trusting its one client. Requests may be answered later (long polls).
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>

#include "support/statistics.h"

namespace usher::bench {

using ConnectionId = int;

struct LightRequest {
  ConnectionId connection;
  std::string_view target;
  std::string_view body;
};

class LightServer {
 public:
  using Handler = std::function<void(const LightRequest&)>;

  LightServer();
  ~LightServer();
  LightServer(const LightServer&) = delete;

  // Listens on 127.0.0.1; returns the port. Every request there goes to `handler`.
  std::uint16_t listen(Handler handler);
  // Answers the oldest open request of a connection; nothing happens when the connection is gone.
  void reply(ConnectionId connection, std::string_view body, const char* content_type = "application/json");
  // Handles what is there, waiting at most `timeout` for it.
  void poll(std::chrono::milliseconds timeout);

 private:
  struct Connection {
    const Handler* handler;
    std::string input, output;
  };
  void watch(int descriptor, std::uint32_t events, int operation);
  void accept_all(int listener);
  void read_all(int descriptor);
  bool handle_next(int descriptor, Connection& connection);
  void flush(int descriptor, Connection& connection);
  void close(int descriptor);

  int epoll_;
  std::unordered_map<int, std::unique_ptr<Handler>> listeners_;
  std::unordered_map<int, Connection> connections_;
};

}  // namespace usher::bench
