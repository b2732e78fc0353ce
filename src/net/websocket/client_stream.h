// The client's side of RFC 6455 over a connection: Beast's, behind an interface that keeps its templates in one file.
// Operations call back from the event loop, never from the call that begins them (abandon() apart), and keep the stream
// alive until then. One read, one write and one close may run at a time. Event-loop thread.
#pragma once

#include <boost/system/error_code.hpp>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "net/http1/connection.h"
#include "net/websocket.h"

namespace usher::net {

struct Upgrade {
  std::string host, target, user_agent;
  std::vector<Header> headers;
};

class ClientStream {
 public:
  using ErrorCode = boost::system::error_code;
  using Done = std::move_only_function<void(ErrorCode)>;

  virtual ~ClientStream() = default;

  virtual void upgrade(const Upgrade& request, Done done) = 0;
  // Of the answer to the upgrade; 0 without one.
  virtual int status() const = 0;

  virtual void read(Done done) = 0;
  // After a read that succeeded.
  virtual WebSocketMessage take_message() = 0;
  virtual void write(std::string text, Done done) = 0;
  virtual void close(std::uint16_t code, Done done) = 0;
  // Closes the socket; what runs fails.
  virtual void abandon() = 0;

  // What the peer's close frame said, if one came.
  virtual std::optional<WebSocketClose> peer_close(ErrorCode outcome_of_read) const = 0;
};

std::shared_ptr<ClientStream> make_client_stream(std::shared_ptr<Connection> connection, std::size_t max_message_bytes);

}  // namespace usher::net
