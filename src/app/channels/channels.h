// The channels that config.toml names, each made of its library and what it keeps in the journal. Before the loop runs.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/sender.h"
#include "channel/channel.h"
#include "channels/discord/discord.h"
#include "config/config.h"
#include "gateway/journal.h"
#include "net/http_client.h"
#include "net/websocket.h"

namespace usher::app {

struct Channels {
  // What channels keep about how far they have read; outlives them.
  std::vector<std::unique_ptr<channel::Bookmark>> bookmarks;
  std::vector<std::unique_ptr<channel::Channel>> all;
  // Those of `all` that take interactions over HTTP, by name.
  std::map<std::string, discord::Discord*> interactive;
};

// Why nothing could be served: config.toml names no channel; nullopt when it does.
std::optional<std::string> missing_channel(const config::Config& config);

// All of them, or one console in which that sender speaks. The references outlive the channels.
Channels make_channels(const config::Config& config, net::HttpClient& http, net::WebSocketConnector& sockets,
                       gateway::Journal& journal, const std::optional<Sender>& acting_as);

}  // namespace usher::app
