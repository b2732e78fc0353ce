// All shards of one bot in this process: asks Discord where to connect and with how many, starts them, keeps their
// places in the bot's bookmark, and ends all of them once one is refused for good. Event-loop thread only.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/steady_timer.hpp>
#include <functional>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "base/async.h"
#include "base/children.h"
#include "channel/channel.h"
#include "channel/trouble.h"
#include "channels/discord/discord.h"
#include "channels/discord/gateway/start_limit.h"
#include "channels/discord/rest/rest.h"
#include "channels/discord/shards/places.h"
#include "channels/discord/shards/shard.h"
#include "net/websocket.h"

namespace usher::discord {

class Shards {
 public:
  // All of them must outlive it.
  Shards(Rest& rest, net::WebSocketConnector& sockets, channel::Bookmark& bookmark, const DiscordOptions& options);
  ~Shards();

  // Until stop(), whatever Discord does. Events that `wants` names go to the sink, one at a time for each shard, in
  // order; a place is bookmarked after the sink has taken what stands before it.
  Task<void> run(std::function<bool(std::string_view type)> wants, Sink sink);
  void stop();

  // Whose token this is: known before the first event reaches the sink.
  const std::optional<Identity>& identity() const;
  std::string health() const;

 private:
  Task<std::optional<GatewayInfo>> ask();
  Task<Result<GatewayInfo>> ask_once();
  std::optional<Places> bookmarked(int count) const;
  void make_shards(const GatewayInfo& info, ShardCallbacks callbacks);
  Task<void> run_one(Shard& shard);
  void keep();
  void stop_shards();

  Rest& rest_;
  net::WebSocketConnector& sockets_;
  channel::Bookmark& bookmark_;
  const DiscordOptions& options_;
  bool allows_plain_;
  channel::Trouble trouble_;  // of GET /gateway/bot
  bool is_stopped_ = false;
  std::minstd_rand random_{std::random_device{}()};

  std::optional<asio::any_io_executor> executor_;  // run()'s
  std::optional<asio::steady_timer> stopping_;     // never expires; cancelled by stop()
  std::optional<asio::steady_timer> ended_;        // never expires; cancelled by each shard that ends
  std::optional<Identity> bookmarked_;             // what the bookmark said, until a READY does
  std::optional<StartLimit> limit_;
  std::vector<std::unique_ptr<Shard>> shards_;
  std::size_t running_ = 0;
  Children children_;
};

}  // namespace usher::discord
