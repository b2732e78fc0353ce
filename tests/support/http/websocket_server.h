// A WebSocket server for simulators, on the executor it is given. Binds 127.0.0.1, port 0 unless told otherwise. All
// callbacks and all members of Peer run on that executor.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "base/async.h"

namespace usher::testing {

class WebSocketServer {
 public:
  // One client. Handed out as shared_ptr; after the connection has ended its members do nothing.
  class Peer {
   public:
    virtual ~Peer() = default;
    virtual int number() const = 0;                                         // counts from 1 in the order of accepting
    virtual const std::string& target() const = 0;                          // path and query
    virtual const std::map<std::string, std::string>& headers() const = 0;  // names in lower case
    virtual bool is_open() const = 0;
    // Queued, in order; each becomes one message.
    virtual void send_text(std::string text) = 0;
    virtual void send_binary(std::string bytes) = 0;
    // After what is queued: a close frame with that code, then the socket.
    virtual void close(std::uint16_t code, std::string reason = "") = 0;
    virtual void cut() = 0;     // at once, without a close frame
    virtual void freeze() = 0;  // reads and writes nothing any more, the socket stays open
  };
  using PeerPtr = std::shared_ptr<Peer>;
  struct Callbacks {
    std::function<bool(const Peer&)> admit;  // false: the upgrade is answered with 503; may be empty
    std::function<void(PeerPtr)> on_open;
    std::function<void(PeerPtr, std::string message)> on_message;
    // The client's close code; nullopt when it just went away.
    std::function<void(PeerPtr, std::optional<std::uint16_t> code)> on_close;
  };

  WebSocketServer(asio::any_io_executor executor, Callbacks callbacks, std::uint16_t port = 0);
  // With TLS, from PEM texts.
  WebSocketServer(asio::any_io_executor executor, Callbacks callbacks, const std::string& certificate_pem,
                  const std::string& key_pem, std::uint16_t port = 0);
  ~WebSocketServer();  // as HttpServer's

  std::uint16_t port() const;
  std::string url() const;  // "ws://127.0.0.1:PORT" or "wss://…"
  int connections() const;  // accepted so far
  void stop();              // closes everything and listens no more

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace usher::testing
