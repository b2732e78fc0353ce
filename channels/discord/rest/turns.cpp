#include "channels/discord/rest/turns.h"

#include <algorithm>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <list>
#include <utility>

namespace usher::discord {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::size_t kMaxWaiting = 1024;

Error busy(std::string message, RestTime until) {
  Error error{ErrorKind::busy, std::move(message), std::nullopt};
  if (until != RestTime::max()) {
    error.retry_after =
        std::max(std::chrono::ceil<std::chrono::milliseconds>(until - Clock::now()), std::chrono::milliseconds(0));
  }
  return error;
}

}  // namespace

struct Turns::State {
  struct Waiter;
  // Lets everybody go who may, first come first.
  void admit();
  static Task<Result<Turn>> wait(std::shared_ptr<State> self, TurnWish wish, Deadline deadline);

  Buckets buckets;
  std::list<Waiter*> waiting;
};

// Stands in the queue as long as it lives; gives back a place that nobody took.
struct Turns::State::Waiter {
  Waiter(std::shared_ptr<State> in, asio::any_io_executor loop, const TurnWish& of)
      : state(std::move(in)),
        wish(of),
        timer(std::move(loop)),
        own(state->waiting.insert(state->waiting.end(), this)) {}
  ~Waiter() {
    state->waiting.erase(own);
    if (!place) return;
    state->buckets.give_back(place);
    state->admit();
  }
  Waiter(const Waiter&) = delete;
  Waiter& operator=(const Waiter&) = delete;

  std::shared_ptr<State> state;
  const TurnWish& wish;
  asio::steady_timer timer;
  std::list<Waiter*>::iterator own;
  RestTime goes_at{};
  Buckets::Place place;  // once it may go
};

void Turns::State::admit() {
  const RestTime now = Clock::now();
  for (Waiter* waiter : waiting) {
    if (waiter->place) continue;
    const RestTime when = buckets.may_go(waiter->wish.route, waiter->wish.counts_globally, now);
    if (when <= now) waiter->place = buckets.enter(waiter->wish.route, waiter->wish.counts_globally, now);
    if (when <= now || when < waiter->goes_at) waiter->timer.cancel();
    waiter->goes_at = when;
  }
}

Task<Result<Turn>> Turns::State::wait(std::shared_ptr<State> self, TurnWish wish, Deadline deadline) {
  if (self->waiting.size() >= kMaxWaiting) co_return fail(busy("too many calls wait for Discord", RestTime::max()));
  const asio::any_io_executor loop = co_await asio::this_coro::executor;
  Waiter waiter(self, loop, wish);
  while (true) {
    self->admit();
    if (waiter.place) co_return Turn(self, wish.route, std::exchange(waiter.place, nullptr));
    const bool is_too_late = waiter.goes_at != RestTime::max() && waiter.goes_at > deadline.time();
    if (!wish.is_patient || is_too_late || deadline.has_passed()) {
      co_return fail(busy("Discord asks to wait longer than this call may", waiter.goes_at));
    }
    waiter.timer.expires_at(std::min(waiter.goes_at, deadline.time()));
    boost::system::error_code woken;
    co_await waiter.timer.async_wait(asio::redirect_error(asio::use_awaitable, woken));
    const asio::cancellation_state cancelled = co_await asio::this_coro::cancellation_state;
    if (cancelled.cancelled() != asio::cancellation_type::none) {
      co_return fail(ErrorKind::cancelled, "given up while waiting for Discord's limits");
    }
  }
}

Turns::Turns() : state_(std::make_shared<State>()) {}
Turns::~Turns() = default;

Task<Result<Turn>> Turns::wait(TurnWish wish, Deadline deadline) {
  return State::wait(state_, std::move(wish), deadline);
}

bool Turns::may_go_now(const TurnWish& wish) const {
  const RestTime now = Clock::now();
  return state_->buckets.may_go(wish.route, wish.counts_globally, now) <= now;
}

Turn::Turn(std::shared_ptr<Turns::State> turns, std::string route, Buckets::Place place)
    : turns_(std::move(turns)), route_(std::move(route)), place_(std::move(place)) {}

Turn::~Turn() {
  if (!place_) return;
  turns_->buckets.give_back(place_);
  turns_->admit();
}

void Turn::end(const std::optional<RateLimits>& limits, const std::optional<TooMany>& too_many) {
  const RestTime now = Clock::now();
  turns_->buckets.leave(std::exchange(place_, nullptr), route_, limits, now);
  if (too_many) turns_->buckets.pause(route_, *too_many, now);
  turns_->admit();
}

}  // namespace usher::discord
