#include "config/sections/channels/channel_keys.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>

namespace usher::config {

std::string ChannelNames::read(const TableReader& table, const char* fallback) {
  const std::optional<Text> written = table.text("name");
  if (!written && table.has("name")) return "";
  const Text name = written.value_or(Text{fallback, fallback, table.source()});
  const auto is_part = [](char c) { return std::isalnum(static_cast<unsigned char>(c)) || c == '_' || c == '-'; };
  if (name.value.size() > 64 || !std::ranges::all_of(name.value, is_part)) {
    problems_.error(name.source, fmt::format("{} is not a name; use 1 to 64 of A-Z a-z 0-9 _ -", quote(name.written)));
  } else if (name.value == "console" || name.value == "web") {
    problems_.error(name.source, fmt::format("the channel name '{}' is taken by a built-in channel", name.value));
  } else if (!names_.insert(name.value).second) {
    problems_.error(name.source, fmt::format("two channels are called {}{}", quote(name.written),
                                             written ? "" : "; give this one a 'name'"));
  }
  return name.value;
}

std::string read_channel_tenant(Loading& loading, const TableReader& table) {
  const std::optional<Text> tenant = table.text("tenant");
  if (!tenant) return "default";
  if (!loading.config.tenants.contains(tenant->value)) {
    loading.problems.error(tenant->source, unknown_name("tenant", *tenant, names_of(loading.config.tenants)));
  }
  return tenant->value;
}

GroupMode read_groups(const TableReader& table) {
  static constexpr Choice<GroupMode> kGroups[] = {
      {"mention", GroupMode::mention}, {"all", GroupMode::all}, {"off", GroupMode::off}};
  return read_choice(table, "groups", kGroups, GroupMode::mention);
}

void warn_of_silence(Loading& loading, const std::string& tenant, const Source& source) {
  const auto found = loading.config.tenants.find(tenant);
  if (found == loading.config.tenants.end()) return;
  if (!found->second.is_implicit || found->second.default_role || !found->second.assignments.empty()) return;
  loading.problems.warning(source, "nobody may write here: there is no [rbac], and 'senders' in [agent] is empty");
}

}  // namespace usher::config
