#include "admin/fairness/turns.h"

#include <fmt/format.h>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/this_coro.hpp>

namespace usher::admin {

Turns::Turn::Turn(Turns& turns, std::string family, const asio::any_io_executor& loop)
    : turns_(turns), family_(std::move(family)), begun_(loop, asio::steady_timer::time_point::max()) {
  ++turns_.of_families_[family_];
  turns_.waiting_.push_back(this);
}

Turns::Turn::~Turn() {
  const auto own = turns_.of_families_.find(family_);
  if (--own->second == 0) turns_.of_families_.erase(own);
  if (turns_.running_ != this) {
    turns_.waiting_.remove(this);
    return;
  }
  turns_.running_ = nullptr;
  turns_.begin_next();
}

Task<Result<std::unique_ptr<Turns::Turn>>> Turns::take(std::string family) {
  const auto own = of_families_.find(family);
  if (own != of_families_.end() && own->second >= bounds_.of_family) {
    co_return fail(ErrorKind::limit, fmt::format("{} asks for too much at once", family));
  }
  if (waiting_.size() >= bounds_.waiting) co_return fail(ErrorKind::busy, "too many policies wait to be looked at");
  const asio::any_io_executor loop = co_await asio::this_coro::executor;
  auto turn = std::make_unique<Turn>(*this, std::move(family), loop);
  begin_next();
  if (running_ != turn.get()) co_await turn->begun_.async_wait(asio::as_tuple(asio::use_awaitable));
  if (running_ != turn.get()) co_return fail(ErrorKind::cancelled, "nobody waits for this any more");
  co_return std::move(turn);
}

void Turns::begin_next() {
  if (running_ || waiting_.empty()) return;
  running_ = waiting_.front();
  waiting_.pop_front();
  running_->begun_.cancel();
}

}  // namespace usher::admin
