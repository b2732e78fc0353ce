// What the sections of all channels have in common.
#pragma once

#include <set>
#include <string>
#include <string_view>

#include "config/sections/sections.h"

namespace usher::config {

// Names of channels: well formed, and each given once.
class ChannelNames {
 public:
  explicit ChannelNames(Problems& problems) : problems_(problems) {}

  // The table's `name`, or `fallback` where none is written.
  std::string read(const TableReader& table, const char* fallback);

 private:
  Problems& problems_;
  std::set<std::string> names_;
};

std::string read_channel_tenant(Loading& loading, const TableReader& table);
GroupMode read_groups(const TableReader& table);
// A channel of a tenant without roles and senders turns everybody away: rarely what was meant.
void warn_of_silence(Loading& loading, const std::string& tenant, const Source& source);

Telegram read_telegram(Loading& loading, const TableReader& table, ChannelNames& names);
Discord read_discord(Loading& loading, const TableReader& table, ChannelNames& names);

}  // namespace usher::config
