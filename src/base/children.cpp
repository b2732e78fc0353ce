#include "base/children.h"

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <list>
#include <optional>
#include <utility>
#include <vector>

namespace usher {

struct Children::State {
  std::list<asio::cancellation_signal> signals;  // one for each running child
  std::optional<asio::steady_timer> joined;      // cancelled by the last child
};

Children::Children() : state_(std::make_shared<State>()) {}
Children::~Children() = default;

std::size_t Children::running() const { return state_->signals.size(); }

void Children::spawn(asio::any_io_executor executor, Task<void> child) {
  const auto own = state_->signals.emplace(state_->signals.end());
  auto body = [](Task<void> work) -> Task<void> {
    co_await asio::post(asio::use_awaitable);
    co_await std::move(work);
  };
  auto at_end = [state = state_, own](std::exception_ptr) {
    state->signals.erase(own);
    if (state->signals.empty() && state->joined) state->joined->cancel();
  };
  asio::co_spawn(executor, body(std::move(child)), asio::bind_cancellation_slot(own->slot(), std::move(at_end)));
}

Task<void> Children::wait(Deadline deadline) {
  const std::shared_ptr<State> state = state_;
  if (state->signals.empty()) co_return;
  state->joined.emplace(co_await asio::this_coro::executor, deadline.time());
  boost::system::error_code ignored;
  co_await state->joined->async_wait(asio::redirect_error(asio::use_awaitable, ignored));
  state->joined.reset();
}

Task<void> Children::join() {
  const std::shared_ptr<State> state = state_;
  if (state->signals.empty()) co_return;
  state->joined.emplace(co_await asio::this_coro::executor, asio::steady_timer::time_point::max());
  std::vector<asio::cancellation_signal*> all;
  for (asio::cancellation_signal& signal : state->signals) all.push_back(&signal);
  for (asio::cancellation_signal* signal : all) signal->emit(asio::cancellation_type::terminal);
  boost::system::error_code ignored;
  if (!state->signals.empty()) co_await state->joined->async_wait(asio::redirect_error(asio::use_awaitable, ignored));
  state->joined.reset();
}

}  // namespace usher
