// discord_echo API_ROOT: usher's Discord channel and nothing behind it, as the same echo bot that echo_bot.mjs is: what
// the channel itself costs. The token is in DISCORD_TOKEN.
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>
#include <cstdio>
#include <cstdlib>

#include "channels/discord/discord.h"

namespace {

using namespace usher;

struct NoBookmark final : channel::Bookmark {
  std::string read() const override { return ""; }
  void keep(std::string) override {}
};

// How far a reply has got, for as long as the process lives.
class CountedPassage final : public channel::Passage {
 public:
  std::size_t parts_arrived() const override { return arrived_; }
  Task<Result<void>> leave() override { co_return Result<void>{}; }
  void arrived() override { ++arrived_; }
  void came_back() override {}

 private:
  std::size_t arrived_ = 0;
};

Task<void> answer(channel::Channel& bot, channel::Incoming message) {
  const channel::Outgoing reply{.chat = message.chat,
                                .thread = message.thread,
                                .reply_to = message.message_id,
                                .is_group = message.is_group,
                                .text = message.text,
                                .idempotency = message.platform_id};
  CountedPassage passage;
  const Result<channel::Delivery> sent = co_await bot.send(reply, passage, Deadline::in(std::chrono::seconds(30)));
  if (!sent) std::fprintf(stderr, "not answered: %s\n", sent.error().message.c_str());
}

Task<Result<channel::TakenIn>> take(asio::any_io_executor executor, channel::Channel& bot,
                                    std::vector<channel::Incoming> batch) {
  for (channel::Incoming& message : batch) {
    asio::co_spawn(executor, answer(bot, std::move(message)), asio::detached);
  }
  co_return channel::TakenIn{.fresh = batch.size()};
}

void run(const char* api_root, const char* token) {
  asio::io_context loop(1);
  const auto http = net::make_http_client(loop.get_executor());
  const auto sockets = net::make_websocket_connector(loop.get_executor());
  NoBookmark bookmark;
  const auto bot =
      discord::make_discord(*http, *sockets, bookmark, {.name = "echo", .token = Secret(token), .api_root = api_root});
  const channel::Intake intake = [&](std::vector<channel::Incoming> batch) {
    return take(loop.get_executor(), *bot, std::move(batch));
  };
  asio::signal_set ended(loop, SIGTERM);
  ended.async_wait([&](boost::system::error_code, int) { bot->stop(); });
  asio::co_spawn(loop, bot->run(intake), [&](const std::exception_ptr&) { loop.stop(); });
  loop.run();
}

}  // namespace

int main(int count, char** arguments) {
  const char* token = std::getenv("DISCORD_TOKEN");
  if (count != 2 || !token) {
    std::fprintf(stderr, "usage: DISCORD_TOKEN=… discord_echo API_ROOT\n");
    return 2;
  }
  run(arguments[1], token);
}
