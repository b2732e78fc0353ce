#include "net/websocket/operation.h"

#include <boost/asio/redirect_error.hpp>

namespace usher::net {

void Operation::end(ErrorCode outcome) {
  state_ = State::ended;
  outcome_ = outcome;
  ended_.cancel();
}

Operation::ErrorCode Operation::take_outcome() {
  state_ = State::idle;
  return outcome_;
}

Task<Operation::Wait> Operation::wait(Deadline deadline) {
  ErrorCode error;
  if (state_ == State::running) {
    is_awaited_ = true;
    ended_.expires_at(deadline.time());
    co_await ended_.async_wait(asio::redirect_error(asio::use_awaitable, error));
    is_awaited_ = false;
  }
  if (state_ != State::running) co_return Wait::ended;
  co_return error ? Wait::cancelled : Wait::expired;
}

}  // namespace usher::net
