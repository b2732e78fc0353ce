#include "limits/counters/group_commit.h"

#include <spdlog/spdlog.h>

#include <boost/asio/post.hpp>
#include <optional>
#include <vector>

namespace usher::limits {

struct GroupCommit::State {
  using Waiter = std::move_only_function<void(Result<void>)>;

  store::Database& database;
  asio::any_io_executor loop;
  std::function<void(bool is_stored)> on_end;
  std::optional<store::Transaction> transaction;
  std::vector<Waiter> waiters;

  // Who waits for the outcome. The next transaction begins with nobody.
  std::vector<Waiter> end(bool is_stored) {
    transaction.reset();  // rolls back what is not committed
    on_end(is_stored);
    return std::exchange(waiters, {});
  }

  Result<void> commit() {
    if (!transaction) return {};
    Result<void> committed = transaction->commit();
    tell(end(committed.has_value()), committed);
    return committed;
  }

  static void tell(std::vector<Waiter> all, const Result<void>& outcome) {
    for (Waiter& waiter : all) std::move(waiter)(outcome);
  }
};

GroupCommit::GroupCommit(store::Database& database, asio::any_io_executor loop,
                         std::function<void(bool is_stored)> on_end)
    : state_(std::make_shared<State>(database, std::move(loop), std::move(on_end))) {}

GroupCommit::~GroupCommit() {
  state_->waiters.clear();
  (void)state_->commit();
}

Result<void> GroupCommit::join() {
  if (state_->transaction) return {};
  Result<store::Transaction> transaction = store::Transaction::begin(state_->database);
  if (!transaction) return fail(std::move(transaction.error()));
  state_->transaction.emplace(std::move(*transaction));
  if (!state_->loop) return {};
  asio::post(state_->loop, [weak = std::weak_ptr(state_)] {
    const std::shared_ptr<State> state = weak.lock();
    if (!state) return;
    Result<void> committed = state->commit();
    if (!committed) spdlog::warn("limits: not stored: {}", committed.error().message);
  });
  return {};
}

Result<void> GroupCommit::leave(Result<void> done) {
  if (done) return state_->loop ? done : state_->commit();
  if (!state_->transaction) return done;
  std::vector<State::Waiter> waiters = state_->end(false);
  // Not from here: the caller is in the middle of something.
  if (!waiters.empty()) {
    asio::post(state_->loop, [waiters = std::move(waiters), done]() mutable { State::tell(std::move(waiters), done); });
  }
  return done;
}

Task<Result<void>> GroupCommit::committed() {
  if (!state_->transaction) co_return Result<void>();
  auto initiate = [state = state_](auto handler) { state->waiters.emplace_back(std::move(handler)); };
  Result<void> outcome =
      co_await asio::async_initiate<const asio::use_awaitable_t<>, void(Result<void>)>(initiate, asio::use_awaitable);
  co_return outcome;
}

}  // namespace usher::limits
