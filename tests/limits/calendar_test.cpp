#include <doctest/doctest.h>

#include <chrono>
#include <filesystem>

#include "base/files.h"
#include "limits/budget.h"
#include "limits/zone_rules.h"

using namespace usher;
using namespace std::chrono;
using limits::Calendar;

namespace {

WallTime utc(int year_number, unsigned month_number, unsigned day_number, int hour = 0, int minute = 0,
             int second = 0) {
  return sys_days(year(year_number) / month(month_number) / day(day_number)) + hours(hour) + minutes(minute) +
         seconds(second);
}

Calendar open(const std::string& zone) {
  Result<Calendar> calendar = Calendar::open(zone);
  REQUIRE_MESSAGE(calendar, calendar.error().message);
  return *calendar;
}

constexpr milliseconds one{1};

// The date changes exactly at `change` and next_day says so.
void check_change(const Calendar& calendar, WallTime change, const char* before, const char* after) {
  CHECK(calendar.date(change - one) == before);
  CHECK(calendar.date(change) == after);
  CHECK(to_iso8601(calendar.next_day(change - one)) == to_iso8601(change));
  CHECK(to_iso8601(calendar.next_day(change - hours(5))) == to_iso8601(change));
}

}  // namespace

TEST_CASE("days in UTC need no zoneinfo and change at midnight") {
  const Calendar calendar = open("UTC");
  check_change(calendar, utc(2026, 11, 22), "2026-11-21", "2026-11-22");
  check_change(calendar, utc(2028, 3, 1), "2028-02-29", "2028-03-01");
  CHECK(calendar.date(utc(1969, 12, 31, 23)) == "1969-12-31");
}

TEST_CASE("days in Berlin follow summer time, also beyond the file's transitions") {
  const Calendar calendar = open("Europe/Berlin");
  check_change(calendar, utc(2026, 1, 14, 23), "2026-01-14", "2026-01-15");
  check_change(calendar, utc(2026, 3, 28, 23), "2026-03-28", "2026-03-29");  // the 29th has 23 hours
  check_change(calendar, utc(2026, 3, 29, 22), "2026-03-29", "2026-03-30");
  check_change(calendar, utc(2026, 10, 24, 22), "2026-10-24", "2026-10-25");  // the 25th has 25
  check_change(calendar, utc(2026, 10, 25, 23), "2026-10-25", "2026-10-26");
  check_change(calendar, utc(2077, 7, 13, 22), "2077-07-13", "2077-07-14");
  check_change(calendar, utc(2077, 12, 13, 23), "2077-12-13", "2077-12-14");
  check_change(calendar, utc(1980, 4, 5, 23), "1980-04-05", "1980-04-06");
}

TEST_CASE("days in New York follow both the old and the new dates of the change") {
  const Calendar calendar = open("America/New_York");
  check_change(calendar, utc(2006, 3, 13, 5), "2006-03-12", "2006-03-13");  // before 2007: April
  check_change(calendar, utc(2026, 3, 8, 5), "2026-03-07", "2026-03-08");
  check_change(calendar, utc(2026, 3, 9, 4), "2026-03-08", "2026-03-09");
  check_change(calendar, utc(2026, 11, 1, 4), "2026-10-31", "2026-11-01");
  check_change(calendar, utc(2026, 11, 2, 5), "2026-11-01", "2026-11-02");
  check_change(calendar, utc(2050, 11, 7, 5), "2050-11-06", "2050-11-07");
}

TEST_CASE("offsets that are not whole hours are kept") {
  check_change(open("Asia/Kolkata"), utc(2026, 6, 1, 18, 30), "2026-06-01", "2026-06-02");
  check_change(open("Asia/Kathmandu"), utc(2026, 6, 1, 18, 15), "2026-06-01", "2026-06-02");
  const Calendar lord_howe = open("Australia/Lord_Howe");  // half an hour of summer time, in the southern summer
  check_change(lord_howe, utc(2026, 1, 1, 13), "2026-01-01", "2026-01-02");
  check_change(lord_howe, utc(2026, 7, 1, 13, 30), "2026-07-01", "2026-07-02");
  check_change(lord_howe, utc(2060, 1, 1, 13), "2060-01-01", "2060-01-02");
  check_change(lord_howe, utc(2060, 7, 1, 13, 30), "2060-07-01", "2060-07-02");
}

TEST_CASE("a day that never was is skipped") {
  // Samoa went from the 29th to the 31st of December 2011.
  check_change(open("Pacific/Apia"), utc(2011, 12, 30, 10), "2011-12-29", "2011-12-31");
}

TEST_CASE("a day whose midnight is skipped begins at its first moment") {
  // Brazil's summer time began at midnight, which became one o'clock.
  check_change(open("America/Sao_Paulo"), utc(2018, 11, 4, 3), "2018-11-03", "2018-11-04");
}

TEST_CASE("a date that comes twice does not end the day early") {
  // Until 2011 Newfoundland went from 00:01 back to 23:01 of the evening before.
  const Calendar calendar = open("America/St_Johns");
  CHECK(calendar.date(utc(2010, 11, 7, 2, 30)) == "2010-11-07");
  CHECK(calendar.date(utc(2010, 11, 7, 2, 31)) == "2010-11-06");
  CHECK(to_iso8601(calendar.next_day(utc(2010, 11, 7, 3, 0))) == to_iso8601(utc(2010, 11, 7, 3, 30)));
}

TEST_CASE("every zone of the system is read, and its days follow each other") {
  int zones = 0;
  const std::filesystem::path root = "/usr/share/zoneinfo";
  for (const char* region : {"Africa", "America", "Asia", "Atlantic", "Australia", "Europe", "Indian", "Pacific"}) {
    for (const auto& entry : std::filesystem::recursive_directory_iterator(root / region)) {
      if (entry.is_directory()) continue;
      const Calendar calendar = open(std::filesystem::relative(entry.path(), root).string());
      ++zones;
      WallTime at = utc(2024, 1, 1, 12);
      for (int i = 0; i < 40; ++i) {
        const WallTime next = calendar.next_day(at);
        CHECK(next > at);
        CHECK(next - at <= hours(49));
        CHECK(calendar.date(next - one) == calendar.date(at));
        CHECK(calendar.date(next) > calendar.date(at));
        at = next + hours(24 * 37);
      }
    }
  }
  CHECK(zones > 300);
}

TEST_CASE("a clock that is off by millennia still has a date") {
  const Calendar calendar = open("Europe/Berlin");
  for (const std::int64_t ms : {INT64_MIN / 2, INT64_MAX / 2}) {
    const WallTime at{milliseconds(ms)};
    CHECK(calendar.date(at).size() == 10);
    (void)calendar.next_day(at);
  }
}

TEST_CASE("only names of zoneinfo files are known zones") {
  for (const char* zone : {"UTC", "Europe/Berlin", "America/Argentina/Ushuaia", "US/Eastern", "Etc/GMT+5"}) {
    CHECK_MESSAGE(limits::is_known_zone(zone), std::string(zone));
  }
  for (const char* zone : {"", "Europe", "Europe/Berlln", "/usr/share/zoneinfo/UTC", "../zoneinfo/UTC", "Europe/../UTC",
                           "zone.tab", "tzdata.zi", "Europe/Berlin/", "CET\n"}) {
    CHECK_FALSE_MESSAGE(limits::is_known_zone(zone), std::string(zone));
  }
}

TEST_CASE("a cut or bent zoneinfo file is refused or read, never read past its end") {
  Result<std::string> bytes = read_file("/usr/share/zoneinfo/Europe/Berlin", 1 << 20);
  REQUIRE(bytes);
  REQUIRE(limits::ZoneRules::parse(*bytes));
  const std::size_t footer = bytes->rfind('\n', bytes->size() - 2);
  for (std::size_t length = 0; length < footer; ++length) {
    // A copy of its own, so that a sanitizer sees each step beyond.
    CHECK_FALSE(limits::ZoneRules::parse(std::string(*bytes, 0, length)));
  }
  for (std::size_t i = 0; i < bytes->size(); ++i) {
    for (const char byte : {'\0', '\x7f', '\xff'}) {
      std::string bent = *bytes;
      bent[i] = byte;
      Result<limits::ZoneRules> rules = limits::ZoneRules::parse(bent);
      if (rules) (void)rules->piece_at(1'800'000'000);
    }
  }
}

TEST_CASE("rules of POSIX are read in all their forms") {
  const auto offset = [](const char* rule, WallTime at) {
    Result<limits::RecurringRule> parsed = limits::parse_recurring_rule(rule);
    REQUIRE_MESSAGE(parsed, std::string(rule));
    return limits::piece_of(*parsed, floor<seconds>(at).time_since_epoch().count()).offset;
  };
  CHECK(offset("EST5", utc(2026, 7, 1)) == -5 * 3600);
  CHECK(offset("<+0530>-5:30", utc(2026, 7, 1)) == 5 * 3600 + 1800);
  CHECK(offset("EST5EDT,M3.2.0,M11.1.0", utc(2026, 7, 1)) == -4 * 3600);
  CHECK(offset("IST-1GMT0,M10.5.0,M3.5.0/1", utc(2026, 1, 1)) == 0);  // Dublin: saving in winter
  CHECK(offset("IST-1GMT0,M10.5.0,M3.5.0/1", utc(2026, 7, 1)) == 3600);
  CHECK(offset("<-02>2<-01>,M3.5.0/-1,M10.5.0/0", utc(2026, 3, 29, 0, 59)) == -2 * 3600);
  CHECK(offset("<-02>2<-01>,M3.5.0/-1,M10.5.0/0", utc(2026, 3, 29, 1, 0)) == -3600);
  CHECK(offset("AAA0BBB,J60/0,J61/0", utc(2028, 3, 1)) == 3600);  // J60 is the first of March also in a leap year
  CHECK(offset("AAA0BBB,J60/0,J61/0", utc(2028, 2, 29)) == 0);
  CHECK(offset("AAA0BBB,59/0,60/0", utc(2028, 2, 29)) == 3600);  // the zero-based day 59 is the 29th of February
  CHECK(offset("XXX3EDT4,0/0,J365/23", utc(2026, 1, 1, 4)) == -4 * 3600);  // saving all the year
  CHECK(offset("XXX3EDT4,0/0,J365/23", utc(2026, 7, 1)) == -4 * 3600);
  for (const char* bad :
       {"", "E5", "EST", "EST5EDT", "EST5EDT,M3.2.0", "EST5EDT,M13.2.0,M11.1.0", "EST5EDT,M3.2.0,M11.1.0x",
        "EST5EDT,M3.6.0,M11.1.0", "EST999", "<EST5", "EST5EDT,J0,J5", "EST5EDT,,"}) {
    CHECK_FALSE_MESSAGE(limits::parse_recurring_rule(bad), std::string(bad));
  }
}
