#include "limits/budget.h"

#include <fmt/format.h>

#include <unordered_map>
#include <utility>

namespace usher::limits {

namespace {

// Twice as much still fits into 64 bits; no provider's price comes near it.
constexpr std::int64_t max_amount = 4'000'000'000'000'000'000;

// A call that began just before midnight may be under way in another process: days are closed a day later.
constexpr std::chrono::days still_open{1};
constexpr std::chrono::days kept{400};

class DailyBudgets final : public Budgets {
 public:
  DailyBudgets(Counters& counters, const Clock& clock, Calendar calendar)
      : counters_(counters), clock_(clock), calendar_(std::move(calendar)) {}

  Result<void> close_earlier_days() {
    const WallTime now = clock_.wall();
    Result<void> closed = counters_.settle_days_before(calendar_.date(now - still_open));
    if (!closed) return closed;
    return counters_.forget_days_before(calendar_.date(now - kept));
  }

  Task<Result<Reservation>> reserve(std::span<const BudgetScope> scopes, MicroUsd amount) override {
    if (amount.value < 0 || amount.value > max_amount) {
      co_return fail(ErrorKind::invalid, fmt::format("a budget cannot reserve {} micro-USD", amount.value));
    }
    std::string day = calendar_.date(clock_.wall());
    Result<std::optional<Counters::Shortage>> shortage = co_await counters_.reserve(day, scopes, amount);
    if (!shortage) co_return fail(ErrorKind::io, std::move(shortage.error().message));
    if (*shortage) co_return refusal(scopes[(*shortage)->scope], (*shortage)->sums, amount);
    const Reservation reservation{++last_id_};
    open_.try_emplace(reservation.id, std::move(day), std::vector(scopes.begin(), scopes.end()), amount);
    co_return reservation;
  }

  Result<void> settle(Reservation reservation, MicroUsd actual) override {
    const auto found = open_.find(reservation.id);
    if (found == open_.end()) return fail(ErrorKind::not_found, "this budget reservation is not open");
    const Open& open = found->second;
    const MicroUsd charged{std::clamp<std::int64_t>(actual.value, 0, max_amount)};
    Result<void> settled = counters_.settle(open.day, open.scopes, open.amount, charged);
    if (settled) open_.erase(found);
    return settled;
  }

  Result<Spent> spent_today(const BudgetScope& scope) override {
    Result<Counters::Sums> sums = counters_.spent(calendar_.date(clock_.wall()), scope);
    if (!sums) return fail(std::move(sums.error()));
    return Spent{sums->settled, sums->reserved};
  }

  WallTime resets_at() const override { return calendar_.next_day(clock_.wall()); }

 private:
  struct Open {
    std::string day;
    std::vector<BudgetScope> scopes;
    MicroUsd amount;
  };

  std::unexpected<Error> refusal(const BudgetScope& scope, const Counters::Sums& sums, MicroUsd asked) const {
    const MicroUsd limit = scope.limit.value_or(MicroUsd{});
    if (limit.value <= 0) return fail(ErrorKind::limit, fmt::format("{} is 0: no calls are allowed", scope.name));
    const std::int64_t left = std::max<std::int64_t>(0, limit.value - sums.settled.value - sums.reserved.value);
    const std::chrono::milliseconds wait = resets_at() - clock_.wall();
    std::string message = fmt::format("{}: {} of {} left today, this call may cost {}; anew in {} s", scope.name,
                                      to_string(MicroUsd{left}), to_string(limit), to_string(asked),
                                      std::chrono::ceil<std::chrono::seconds>(wait).count());
    return fail(Error{ErrorKind::limit, std::move(message), wait});
  }

  Counters& counters_;
  const Clock& clock_;
  const Calendar calendar_;
  std::unordered_map<std::int64_t, Open> open_;
  std::int64_t last_id_ = 0;
};

}  // namespace

Result<std::unique_ptr<Budgets>> make_budgets(Counters& counters, const Clock& clock, Calendar calendar) {
  auto budgets = std::make_unique<DailyBudgets>(counters, clock, std::move(calendar));
  Result<void> closed = budgets->close_earlier_days();
  if (!closed) return fail(std::move(closed.error()));
  return budgets;
}

}  // namespace usher::limits
