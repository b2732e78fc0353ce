// A Telegram bot by long polling, as a channel. One object per bot; several live side by side.
//
// run() asks getMe, then polls; an update is confirmed (by the next poll's offset) only after the intake has taken it.
// Every platform error is waited out and named in health(). Event-loop thread only. Destroy the channel after run() has
// ended, or when its loop runs no more.
#pragma once

#include <chrono>
#include <memory>
#include <string>

#include "base/secret.h"
#include "channel/channel.h"
#include "channels/telegram/codec.h"
#include "net/http_client.h"

namespace usher::telegram {

struct TelegramOptions {
  std::string name;  // the channel's, unique in the process
  std::string tenant = "default";
  Secret token;
  std::string api_root = "https://api.telegram.org";  // no trailing slash
  GroupMode groups = GroupMode::mention;
  bool sets_commands = true;    // setMyCommands at the start
  bool resend_unknown = false;  // a reply that may have arrived: twice rather than never

  std::chrono::seconds poll_timeout{25};           // the server's, at most 50
  std::chrono::milliseconds poll_grace{10'000};    // our deadline for a poll is poll_timeout + poll_grace
  std::chrono::milliseconds call_timeout{15'000};  // getMe, setMyCommands, deleteWebhook
  std::chrono::milliseconds first_backoff{500};    // after an error; doubled up to max_backoff, with jitter
  std::chrono::milliseconds max_backoff{30'000};
  std::chrono::milliseconds refused_wait{60'000};    // after a refused token
  std::chrono::milliseconds typing_interval{4'000};  // a typing action per chat at most so often
};

// `http` must outlive the channel.
std::unique_ptr<channel::Channel> make_telegram(net::HttpClient& http, TelegramOptions options);

}  // namespace usher::telegram
