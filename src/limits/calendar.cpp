#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "base/beneath.h"
#include "base/files.h"
#include "limits/budget.h"
#include "limits/zone_rules.h"

namespace usher::limits {

namespace {

constexpr const char* zone_directory = "/usr/share/zoneinfo";
constexpr std::size_t max_zone_bytes = 1 << 20;

// A clock that is off by millennia must not leave what chrono's calendar can express: 0001 to 9999.
constexpr std::int64_t earliest = -62'135'596'800 + 86'400;
constexpr std::int64_t latest = 253'402'300'800 - 2 * 86'400;

std::int64_t seconds_of(WallTime at) {
  const auto seconds = std::chrono::floor<std::chrono::seconds>(at).time_since_epoch().count();
  return std::clamp<std::int64_t>(seconds, earliest, latest);
}

using LocalDay = std::chrono::sys_days;  // days of the local calendar, counted as if they were UTC's

LocalDay local_day(std::int64_t seconds, std::int64_t offset) {
  return std::chrono::floor<std::chrono::days>(std::chrono::sys_seconds(std::chrono::seconds(seconds + offset)));
}

}  // namespace

struct Calendar::Zone {
  ZoneRules rules;
};

Result<Calendar> Calendar::open(const std::string& zone) {
  Calendar calendar;
  if (zone == "UTC") {  // known without tzdata
    calendar.zone_ = std::make_shared<Zone>();
    return calendar;
  }
  if (!is_plain_relative_path(zone)) return fail(ErrorKind::invalid, "not the name of a time zone");
  Result<std::string> bytes = read_file(std::filesystem::path(zone_directory) / zone, max_zone_bytes);
  if (!bytes)
    return fail(ErrorKind::invalid, fmt::format("{} is not in {} (is tzdata installed?)", zone, zone_directory));
  Result<ZoneRules> rules = ZoneRules::parse(*bytes);
  if (!rules) return fail(ErrorKind::invalid, fmt::format("{}: {}", zone, rules.error().message));
  calendar.zone_ = std::make_shared<Zone>(Zone{std::move(*rules)});
  return calendar;
}

std::string Calendar::date(WallTime at) const {
  const std::int64_t seconds = seconds_of(at);
  const std::chrono::year_month_day day = local_day(seconds, zone_->rules.piece_at(seconds).offset);
  return fmt::format("{:04}-{:02}-{:02}", static_cast<int>(day.year()), static_cast<unsigned>(day.month()),
                     static_cast<unsigned>(day.day()));
}

WallTime Calendar::next_day(WallTime at) const {
  std::int64_t seconds = seconds_of(at);
  ZonePiece piece = zone_->rules.piece_at(seconds);
  const auto midnight = std::chrono::sys_seconds(local_day(seconds, piece.offset) + std::chrono::days(1));
  // Local midnight lies in this stretch of time or in a later one, or it was skipped: then the day begins with a
  // stretch.
  while (true) {
    const std::int64_t begins = std::max(seconds, midnight.time_since_epoch().count() - piece.offset);
    if (begins < piece.end) return WallTime(std::chrono::seconds(begins));
    seconds = piece.end;
    piece = zone_->rules.piece_at(seconds);
  }
}

bool is_known_zone(const std::string& zone) { return Calendar::open(zone).has_value(); }

}  // namespace usher::limits
