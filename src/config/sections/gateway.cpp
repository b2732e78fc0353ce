// [gateway]: places, clock, logs; [agent]: the bounds of a turn. The HTTP API: http.cpp. The keys of [agent] for the
// implicit role: tenants.cpp.
#include <fmt/format.h>

#include <algorithm>
#include <fstream>

#include "base/text.h"
#include "config/sections/sections.h"

namespace usher::config {
namespace {

namespace fs = std::filesystem;
using std::chrono::seconds;

constexpr const char* kZoneinfo = "/usr/share/zoneinfo";

bool is_zone_name(std::string_view name) {
  const auto is_part = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '+' ||
           c == '-' || c == '/';
  };
  return std::ranges::all_of(name, is_part) && !name.starts_with('/') && !name.ends_with('/') && !name.contains("//");
}

bool is_zone_file(const fs::path& path) {
  std::error_code ignored;
  if (!fs::is_regular_file(path, ignored)) return false;
  char magic[4] = {};
  std::ifstream(path, std::ios::binary).read(magic, sizeof magic);
  return std::string_view(magic, sizeof magic) == "TZif";
}

std::vector<std::string> zones_beside(const fs::path& name) {
  std::vector<std::string> zones;
  std::error_code ignored;
  for (const fs::directory_entry& entry : fs::directory_iterator(fs::path(kZoneinfo) / name.parent_path(), ignored)) {
    zones.push_back((name.parent_path() / entry.path().filename()).string());
  }
  std::ranges::sort(zones);
  return zones;
}

void read_timezone(Loading& loading, const TableReader& table) {
  const std::optional<Text> zone = table.text("timezone");
  if (!zone) return;
  loading.config.gateway.timezone = zone->value;
  const bool is_known = is_zone_name(zone->value) && (!loading.checks_files || zone->value == "UTC" ||
                                                      is_zone_file(fs::path(kZoneinfo) / zone->value));
  if (is_known) return;
  const std::string near =
      loading.checks_files && is_zone_name(zone->value) ? suggestion(zone->value, zones_beside(zone->value)) : "";
  loading.problems.error(zone->source,
                         fmt::format("unknown timezone {}{}", quote(zone->written),
                                     near.empty() ? "; write a zoneinfo name like 'Europe/Berlin'" : near));
}

void read_directories(Loading& loading, const TableReader* table) {
  Gateway& gateway = loading.config.gateway;
  const std::optional<Text> data = table ? table->text("data_dir") : std::nullopt;
  const std::optional<Text> workspaces = table ? table->text("workspaces_dir") : std::nullopt;
  gateway.data_dir = absolute_from(loading.base, data ? data->value : "data");
  gateway.workspaces_dir = absolute_from(loading.base, workspaces ? workspaces->value : "workspaces");
  const fs::path relative = gateway.data_dir.lexically_relative(gateway.workspaces_dir);
  if (!relative.empty() && *relative.begin() != "..") {
    const Source source = data ? data->source : workspaces ? workspaces->source : Source{loading.shown_file, 0, 0};
    loading.problems.error(
        source, "'data_dir' must not lie within 'workspaces_dir': what is kept there would be readable as a workspace");
  }
}

}  // namespace

fs::path absolute_from(const fs::path& base, const fs::path& path) {
  fs::path whole = (base / path).lexically_normal();
  return whole.has_filename() ? whole : whole.parent_path();
}

void read_gateway(Loading& loading, const TableReader& root) {
  const std::optional<TableReader> table = root.table("gateway", kGateway);
  read_directories(loading, table ? &*table : nullptr);
  if (!table) return;
  static constexpr Choice<std::string_view> kLevels[] = {{"trace", "trace"}, {"debug", "debug"}, {"info", "info"},
                                                         {"warn", "warn"},   {"error", "error"}, {"off", "off"}};
  static constexpr Choice<LogFormat> kFormats[] = {{"text", LogFormat::text}, {"json", LogFormat::json}};
  Gateway& gateway = loading.config.gateway;
  read_http(loading, *table);
  read_timezone(loading, *table);
  gateway.shutdown_grace = table->seconds("shutdown_grace_s", gateway.shutdown_grace, seconds(1), seconds(3600));
  gateway.log_level = read_choice(*table, "log_level", kLevels, std::string_view("info"));
  gateway.log_format = read_choice(*table, "log_format", kFormats, LogFormat::text);
}

void read_agent(Loading& loading, const TableReader& root) {
  const std::optional<TableReader> table = root.table("agent", kAgent);
  if (!table) return;
  Agent& agent = loading.config.agent;
  agent.max_iterations = static_cast<int>(table->integer_or("max_iterations", agent.max_iterations, 1, 100));
  agent.history_messages = static_cast<int>(table->integer_or("history_messages", agent.history_messages, 1, 1000));
  agent.turn_timeout = table->seconds("turn_timeout_s", agent.turn_timeout, seconds(1), seconds(86400));
}

}  // namespace usher::config
