// The TZ strings of POSIX, as they stand at the end of a TZif file.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <limits>

#include "limits/zone_rules.h"

namespace usher::limits {

namespace {

bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
bool is_digit(char c) { return c >= '0' && c <= '9'; }

// Reads from the front of `rest_`; a failed read leaves is_bad() set.
class Reader {
 public:
  explicit Reader(std::string_view text) : rest_(text) {}
  bool is_bad() const { return is_bad_; }
  bool at_end() const { return rest_.empty(); }

  bool take(char expected) {
    if (rest_.empty() || rest_.front() != expected) return false;
    rest_.remove_prefix(1);
    return true;
  }

  void need(char expected) {
    if (!take(expected)) is_bad_ = true;
  }

  // "CET" or "<+0530>"
  void name() {
    const bool is_quoted = take('<');
    std::size_t length = 0;
    while (length < rest_.size() && (is_quoted ? rest_[length] != '>' : is_letter(rest_[length]))) ++length;
    if (length < 3) is_bad_ = true;
    rest_.remove_prefix(length);
    if (is_quoted) need('>');
  }

  int number(int least, int most) {
    std::size_t digits = 0;
    int value = 0;
    while (digits < rest_.size() && digits < 4 && is_digit(rest_[digits])) value = value * 10 + (rest_[digits++] - '0');
    if (digits == 0 || value < least || value > most) is_bad_ = true;
    rest_.remove_prefix(digits);
    return value;
  }

  // "-1", "10:30", "167:59:59"
  std::int64_t time() {
    const bool is_negative = take('-');
    if (!is_negative) take('+');
    std::int64_t seconds = number(0, 167) * 3600LL;
    if (take(':')) seconds += number(0, 59) * 60LL;
    if (take(':')) seconds += number(0, 59);
    return is_negative ? -seconds : seconds;
  }

  RuleDate date() {
    RuleDate date;
    if (take('M')) {
      date.form = RuleDate::Form::month_week_day;
      date.month = number(1, 12);
      need('.');
      date.week = number(1, 5);
      need('.');
      date.day = number(0, 6);
    } else if (take('J')) {
      date.form = RuleDate::Form::julian_without_leap_day;
      date.day = number(1, 365);
    } else {
      date.day = number(0, 365);
    }
    if (take('/')) date.seconds = time();
    return date;
  }

  bool next_is_time() const {
    return !rest_.empty() && (is_digit(rest_.front()) || rest_.front() == '+' || rest_.front() == '-');
  }

 private:
  std::string_view rest_;
  bool is_bad_ = false;
};

std::chrono::sys_days day_in(const RuleDate& date, std::chrono::year year) {
  using namespace std::chrono;
  const sys_days january_first = year / January / 1;
  switch (date.form) {
    case RuleDate::Form::day_of_year:
      return january_first + days(date.day);
    case RuleDate::Form::julian_without_leap_day:
      return january_first + days(date.day - 1 + (year.is_leap() && date.day >= 60 ? 1 : 0));
    case RuleDate::Form::month_week_day:
      break;
  }
  const year_month month = year / std::chrono::month(static_cast<unsigned>(date.month));
  const std::chrono::weekday weekday(static_cast<unsigned>(date.day));
  if (date.week == 5) return sys_days(month / weekday[last]);
  return sys_days(month / weekday[static_cast<unsigned>(date.week)]);
}

struct Change {
  std::int64_t at;
  bool is_saving;  // from then on
};

}  // namespace

Result<RecurringRule> parse_recurring_rule(std::string_view text) {
  Reader reader(text);
  RecurringRule rule;
  reader.name();
  rule.standard_offset = -reader.time();  // POSIX counts west of Greenwich
  if (!reader.at_end() && !reader.is_bad()) {
    RecurringRule::Saving saving;
    reader.name();
    saving.offset = reader.next_is_time() ? -reader.time() : rule.standard_offset + 3600;
    reader.need(',');
    saving.begin = reader.date();
    reader.need(',');
    saving.end = reader.date();
    rule.saving = saving;
  }
  if (reader.is_bad() || !reader.at_end())
    return fail(ErrorKind::invalid, fmt::format("not a time zone rule: {}", text));
  return rule;
}

ZonePiece piece_of(const RecurringRule& rule, std::int64_t seconds) {
  using namespace std::chrono;
  constexpr std::int64_t forever = std::numeric_limits<std::int64_t>::max();
  if (!rule.saving) return {std::numeric_limits<std::int64_t>::min(), forever, rule.standard_offset};
  const auto around = year_month_day(floor<days>(sys_seconds(std::chrono::seconds(seconds)))).year();
  std::array<Change, 6> changes{};
  std::size_t count = 0;
  for (const year y : {around - years(1), around, around + years(1)}) {
    const auto at = [y](const RuleDate& date, std::int64_t offset_before) {
      return sys_seconds(day_in(date, y)).time_since_epoch().count() + date.seconds - offset_before;
    };
    changes[count++] = {at(rule.saving->begin, rule.standard_offset), true};
    changes[count++] = {at(rule.saving->end, rule.saving->offset), false};
  }
  // Saving all the year is written as an end at the moment of the next begin: then the begin wins.
  std::ranges::sort(
      changes, [](const Change& a, const Change& b) { return a.at != b.at ? a.at < b.at : a.is_saving < b.is_saving; });
  const auto next = std::ranges::upper_bound(changes, seconds, {}, &Change::at);
  if (next == changes.begin()) return {seconds, next->at, rule.standard_offset};
  const Change& current = *std::prev(next);
  const std::int64_t offset = current.is_saving ? rule.saving->offset : rule.standard_offset;
  return {current.at, next == changes.end() ? seconds + 1 : next->at, offset};
}

}  // namespace usher::limits
