// Daily budgets in integers of 10⁻⁶ USD. Reserve before the call on every scope in one transaction, settle after;
// concurrent callers, also in other processes on the same file, cannot overshoot. A crash charges the reservation. The
// day is the calendar date in the configured time zone; a call settles on the day it was reserved. Event-loop thread
// only.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/money.h"
#include "base/result.h"
#include "limits/counters.h"

namespace usher::limits {

struct BudgetScope {
  std::string tenant;
  std::string role;
  std::string sender;             // "telegram:123"; "" = the whole role
  std::optional<MicroUsd> limit;  // nullopt = counted but unlimited; 0 = blocked
  std::string name;               // what a refusal calls it: "cost_daily_limit_usd of role buyer"
};

// The calendar of a zoneinfo name ("Europe/Berlin"), read from /usr/share/zoneinfo. Immutable.
class Calendar {
 public:
  static Result<Calendar> open(const std::string& zone);
  // "2026-11-21"
  std::string date(WallTime at) const;
  // The first moment of the next calendar date: when a daily budget starts anew.
  WallTime next_day(WallTime at) const;

 private:
  struct Zone;
  std::shared_ptr<const Zone> zone_;
};

// True when Calendar::open(zone) succeeds. For config.
bool is_known_zone(const std::string& zone);

struct Reservation {
  std::int64_t id = 0;
};

class Budgets {
 public:
  virtual ~Budgets() = default;

  // Takes `amount` on every scope or on none, and has stored it. A refusal is ErrorKind::limit, retry_after = until
  // next_day, and names the scope, what it has left and what was asked. io when it cannot be stored: nothing is
  // reserved.
  virtual Task<Result<Reservation>> reserve(std::span<const BudgetScope> scopes, MicroUsd amount) = 0;
  // Replaces the reservation by what it cost; on the day it was reserved. Once per reservation (then not_found), but
  // again after an io error, which leaves it reserved. actual may exceed it. Stored with the next commit, which is not
  // waited for: should that one fail, the reservation stays charged.
  virtual Result<void> settle(Reservation reservation, MicroUsd actual) = 0;

  struct Spent {
    MicroUsd settled, reserved;
  };
  virtual Result<Spent> spent_today(const BudgetScope& scope) = 0;
  virtual WallTime resets_at() const = 0;
};

// What a crash left reserved on earlier days is settled here; days older than 400 are forgotten. `counters` and `clock`
// must outlive it.
Result<std::unique_ptr<Budgets>> make_budgets(Counters& counters, const Clock& clock, Calendar calendar);

}  // namespace usher::limits
