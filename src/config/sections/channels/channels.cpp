// [channels]: all of them, and [channels.console], which has nothing of its own to say.
#include "config/sections/channels/channel_keys.h"

namespace usher::config {

void read_channels(Loading& loading, const TableReader& root) {
  const std::optional<TableReader> channels = root.table("channels", kChannels);
  if (!channels) return;
  ChannelNames names(loading.problems);
  for (const TableReader& table : channels->tables("telegram", kTelegram)) {
    Telegram telegram = read_telegram(loading, table, names);
    warn_of_silence(loading, telegram.tenant, telegram.source);
    loading.config.telegram.push_back(std::move(telegram));
  }
  for (const TableReader& table : channels->tables("discord", kDiscord)) {
    Discord discord = read_discord(loading, table, names);
    warn_of_silence(loading, discord.tenant, discord.source);
    loading.config.discord.push_back(std::move(discord));
  }
  if (const std::optional<TableReader> console = channels->table("console", kConsole)) {
    loading.config.console = {console->boolean("enabled", false), read_channel_tenant(loading, *console)};
    if (loading.config.console.enabled) warn_of_silence(loading, loading.config.console.tenant, console->source());
  }
}

}  // namespace usher::config
