#include "app/channels/channels.h"

#include <algorithm>

#include "app/channels/acting_channel.h"
#include "channels/console/console.h"
#include "channels/discord/rest/ban_guard.h"
#include "channels/telegram/telegram.h"

namespace usher::app {
namespace {

channel::GroupMode group_mode(config::GroupMode mode) {
  switch (mode) {
    case config::GroupMode::all:
      return channel::GroupMode::all;
    case config::GroupMode::off:
      return channel::GroupMode::off;
    case config::GroupMode::mention:
      break;
  }
  return channel::GroupMode::mention;
}

// A channel's place, in the journal.
class JournalBookmark final : public channel::Bookmark {
 public:
  JournalBookmark(gateway::Journal& journal, std::string channel) : journal_(journal), channel_(std::move(channel)) {}
  std::string read() const override { return journal_.place_of(channel_); }
  void keep(std::string place) override { journal_.mark_place(channel_, std::move(place)); }

 private:
  gateway::Journal& journal_;
  std::string channel_;
};

telegram::TelegramOptions options_of(const config::Telegram& bot) {
  return {.name = bot.name,
          .tenant = bot.tenant,
          .token = bot.token,
          .api_root = bot.api_root,
          .groups = group_mode(bot.groups),
          .resend_unknown = bot.resend_unknown};
}

discord::DiscordOptions options_of(const config::Discord& bot, const config::Config& config) {
  discord::DiscordOptions options{
      .name = bot.name,
      .tenant = bot.tenant,
      .token = bot.token,
      .api_root = bot.api_root,
      .intents = bot.intents,
      .groups = group_mode(bot.groups),
      .long_reply = bot.long_reply == config::LongReply::file ? discord::LongReply::file : discord::LongReply::messages,
      .shards = bot.shards,
      .acknowledge = bot.acknowledge,
      .public_key = bot.public_key};
  const auto add = [](std::vector<std::string>& to, const std::string& id) {
    if (std::ranges::find(to, id) == to.end()) to.push_back(id);
  };
  for (const config::PlatformRoleAssignment& assignment : config.tenants.at(bot.tenant).platform_assignments) {
    if (assignment.guild.empty()) {
      add(options.roles, assignment.platform_role);
    } else {
      add(options.role_guilds, assignment.guild);
    }
  }
  return options;
}

}  // namespace

std::optional<std::string> missing_channel(const config::Config& config) {
  if (!config.telegram.empty() || !config.discord.empty() || config.console.enabled) return std::nullopt;
  return "no channel is configured: add [[channels.telegram]], [[channels.discord]], or [channels.console] with "
         "enabled = true";
}

Channels make_channels(const config::Config& config, net::HttpClient& http, net::WebSocketConnector& sockets,
                       gateway::Journal& journal, const std::optional<Sender>& acting_as) {
  Channels channels;
  if (acting_as) {
    auto console = console::make_console({.name = "console", .tenant = acting_as->tenant});
    channels.all.push_back(std::make_unique<ActingChannel>(std::move(console), *acting_as));
    return channels;
  }
  for (const config::Telegram& bot : config.telegram) {
    channels.all.push_back(telegram::make_telegram(http, options_of(bot)));
  }
  const auto ban_guard = std::make_shared<discord::BanGuard>();
  for (const config::Discord& bot : config.discord) {
    channels.bookmarks.push_back(std::make_unique<JournalBookmark>(journal, bot.name));
    discord::DiscordOptions options = options_of(bot, config);
    options.ban_guard = ban_guard;
    auto made = discord::make_discord(http, sockets, *channels.bookmarks.back(), std::move(options));
    if (!bot.public_key.empty()) channels.interactive[bot.name] = made.get();
    channels.all.push_back(std::move(made));
  }
  if (config.console.enabled) {
    channels.all.push_back(console::make_console({.name = "console", .tenant = config.console.tenant}));
  }
  return channels;
}

}  // namespace usher::app
