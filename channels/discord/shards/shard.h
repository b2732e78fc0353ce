// One shard at work: a session (gateway/session.h), the sockets it lives on, and the events it brings, handed on one at
// a time. Heartbeats go on while somebody takes his time with an event; when too many wait, the socket is read no
// further. Event-loop thread only.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/steady_timer.hpp>
#include <deque>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "base/async.h"
#include "base/children.h"
#include "base/json.h"
#include "channel/trouble.h"
#include "channels/discord/gateway/inflater.h"
#include "channels/discord/gateway/session.h"
#include "channels/discord/shards/backlog.h"
#include "net/websocket.h"

namespace usher::discord {

// Takes one event. After an error the same event is offered again, some time later; nothing overtakes it.
using Sink = std::function<Task<Result<void>>(std::string_view type, const json::value& data)>;

struct ShardCallbacks {
  std::function<bool(std::string_view type)> wants;  // other events are passed over unread
  Sink sink;
  // kept() has something new. `is_start`: it is a session's first, or its first after it was resumed.
  std::function<void(bool is_start)> moved;
  std::function<void()> given_up;  // the session is fatal: health() says why
};

class Shard {
 public:
  // `label` names it in the log. The connector and the limit must outlive it.
  Shard(asio::any_io_executor executor, std::string label, net::WebSocketConnector& sockets, StartLimit& limit,
        SessionOptions options, std::optional<Place> place, ShardCallbacks callbacks);

  // Until stop(), and until the event in hand has been taken (5 s at most). Destroy it afterwards.
  Task<void> run();
  // Closes the socket so that the session can be resumed.
  void stop();

  const std::optional<Place>& kept() const { return session_.kept(); }
  const std::optional<Identity>& identity() const { return session_.identity(); }
  std::string health() const;
  // Events that have come and were not taken yet.
  std::size_t waiting() const { return backlog_.size(); }

 private:
  // How a conversation ended: closed by us with a code, or by the peer with one (0 = none).
  struct End {
    bool is_ours = false;
    std::uint16_t code = 0;
    std::string why;
  };

  Task<void> stay_connected();
  Task<void> connect();
  Task<void> converse(net::WebSocket& socket);
  Task<void> read(net::WebSocket& socket);
  Task<void> write(net::WebSocket& socket);
  Task<void> wait_for_room();
  void take(net::WebSocketMessage message);
  void take_event(std::string text);
  void act(Reaction reaction);
  void finish(End end);
  void report_trouble();
  Task<void> hand_on();
  Task<Result<void>> offer(std::string_view type, const json::value& data);
  Task<void> wait(asio::steady_timer& timer);
  Task<void> wait_until(asio::steady_timer& timer, Time time);

  asio::any_io_executor executor_;
  std::string label_;
  net::WebSocketConnector& sockets_;
  channel::Trouble link_trouble_, sink_trouble_;
  Session session_;
  ShardCallbacks callbacks_;
  Backlog backlog_;
  Children children_;
  bool is_stopped_ = false, is_handing_on_ = false;

  // What others wake by cancelling it; none of them but due_ and retry_ ever expires.
  asio::steady_timer stopping_, due_, room_, work_, retry_, idle_;

  // This socket's.
  std::optional<Inflater> inflater_;
  std::deque<std::string> outgoing_;
  std::optional<End> end_;
};

}  // namespace usher::discord
