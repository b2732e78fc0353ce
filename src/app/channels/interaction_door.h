// POST /discord/<channel>/interactions: where Discord calls a bot that does not want its interactions over the gateway.
// No credential but the signature, which the channel verifies; no Host is checked, since a page that could be tricked
// into asking has no signature either. Event-loop thread; the channels outlive it.
#pragma once

#include <expected>
#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "channels/discord/discord.h"
#include "net/http_server.h"

namespace usher::app {

class InteractionDoor {
 public:
  explicit InteractionDoor(std::map<std::string, discord::Discord*> channels) : channels_(std::move(channels)) {}

  // Whether the request is this door's to answer.
  static bool is_for(std::string_view target) { return target.starts_with("/discord/"); }
  // 404 for a channel that takes none, 405 for another method, 401 without the signature's headers.
  std::expected<std::unique_ptr<net::Exchange>, net::ServerResponse> admit(const net::RequestHead& head) const;

 private:
  std::map<std::string, discord::Discord*> channels_;
};

}  // namespace usher::app
