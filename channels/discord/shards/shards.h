// All shards of one bot in this process: asks Discord where to connect and with how many, starts them, keeps their
// places in the bot's bookmark (a session's first at once, later ones within place_interval and at the end), and ends
// all of them once one is refused for good. Event-loop thread only.
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

struct ShardsCallbacks {
  std::function<bool(std::string_view type)> wants;  // other events are passed over unread
  // Called one event at a time for each shard, in order; a place is bookmarked after what stands before it was taken.
  Sink sink;
  // What the next process has to know although resumed sessions do not say it, and what the last one knew.
  std::function<std::vector<std::string>()> learned_guilds;
  std::function<void(const std::vector<std::string>&)> recall_guilds;
  std::function<Standing()> previews;  // that stand
};

class Shards {
 public:
  // All of them must outlive it.
  Shards(Rest& rest, net::WebSocketConnector& sockets, channel::Bookmark& bookmark, const DiscordOptions& options);
  ~Shards();

  // Until stop(), whatever Discord does.
  Task<void> run(ShardsCallbacks callbacks);
  void stop();

  // What an earlier process left; also before run().
  Standing previews_left() const;
  // The callbacks have something else to say of previews: kept with the next place, and soon.
  void previews_changed() { moved(false); }

  // Whose token this is: known before the first event reaches the sink.
  const std::optional<Identity>& identity() const;
  std::string health() const;

 private:
  Task<std::optional<GatewayInfo>> ask();
  Task<Result<GatewayInfo>> ask_once();
  std::optional<Places> bookmarked(int count) const;
  void make_shards(const GatewayInfo& info);
  Task<void> run_one(Shard& shard);
  void moved(bool is_start);
  Task<void> keep_later();
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
  ShardsCallbacks callbacks_;
  std::vector<std::unique_ptr<Shard>> shards_;
  std::size_t running_ = 0;
  bool has_moved_ = false;  // since keep()
  bool is_keeping_later_ = false;
  bool has_ended_ = false;
  Children children_;
};

}  // namespace usher::discord
