// The rules of one time zone, from a TZif file (RFC 8536): when which offset from UTC holds. Pure values, no files.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace usher::limits {

// A stretch of time with one offset, in seconds since the epoch: begin <= t < end.
struct ZonePiece {
  std::int64_t begin = 0;
  std::int64_t end = 0;
  std::int64_t offset = 0;  // local time = UTC + offset, in seconds
};

// A day of the year as a POSIX TZ string names it, and the local time of the change on it.
struct RuleDate {
  enum class Form { julian_without_leap_day, day_of_year, month_week_day };
  Form form = Form::day_of_year;
  int month = 0, week = 0, day = 0;  // only `day` for the first two forms
  std::int64_t seconds = 7200;       // may be negative or beyond a day
};

// What holds after the last transition of the file, for ever.
struct RecurringRule {
  std::int64_t standard_offset = 0;
  struct Saving {
    std::int64_t offset = 0;
    RuleDate begin, end;
  };
  std::optional<Saving> saving;
};

class ZoneRules {
 public:
  // UTC.
  ZoneRules() = default;
  // Fails on anything but a well-formed TZif file of version 2 or later without leap seconds.
  static Result<ZoneRules> parse(std::string_view tzif);

  ZonePiece piece_at(std::int64_t seconds) const;

 private:
  std::vector<std::int64_t> transitions_;  // ascending
  std::vector<std::int64_t> offsets_;      // offsets_[i] holds from transitions_[i] on
  std::int64_t first_offset_ = 0;          // before the first transition
  std::optional<RecurringRule> recurring_;
};

// "CET-1CEST,M3.5.0,M10.5.0/3"
Result<RecurringRule> parse_recurring_rule(std::string_view text);
ZonePiece piece_of(const RecurringRule& rule, std::int64_t seconds);

}  // namespace usher::limits
