#include "net/server/session.h"

#include <spdlog/spdlog.h>
#include <boost/asio/this_coro.hpp>
#include <boost/system/system_error.hpp>

#include <algorithm>
#include <cstring>
#include <exception>
#include <utility>

#include "base/text.h"
#include "net/server/response_head.h"

namespace usher::net {

namespace {

using Clock = std::chrono::steady_clock;

constexpr std::chrono::milliseconds linger_time{1'000};
constexpr std::chrono::milliseconds last_linger_time{100};  // nobody waits long for a server to stop

template <class T, class F>
Task<Result<T>> as_result(F start) {
  T value = co_await start();
  co_return Result<T>(std::move(value));
}

}  // namespace

Session::Session(SessionContext& context, StreamSocket socket)
    : context_(context),
      wire_(std::move(socket), context.tls ? &*context.tls : nullptr),
      reader_(context.options.max_head_bytes) {}

Task<void> Session::run() {
  bool goes_on = co_await shake_hands();
  while (goes_on) goes_on = co_await serve_one();
}

Task<bool> Session::shake_hands() {
  wire_.give_until(Clock::now() + context_.options.head_timeout);
  ErrorCode error;
  co_await wire_.handshake(error);
  if (error) spdlog::debug("HTTP server: TLS handshake: {}", error.message());
  co_return !error;
}

// Answers one request; false when the connection ends.
Task<bool> Session::serve_one() {
  reader_.next();
  const bool has_come = co_await wait_for_request();
  if (!has_come) co_return false;
  const Step head = co_await read_while(RequestReader::State::in_head, Clock::now() + context_.options.head_timeout,
                                        "the request head did not arrive in time");
  if (head == Step::gone) co_return false;
  Admission admission = std::unexpected(std::move(refusal_));
  if (head == Step::done) admission = co_await admit();
  if (admission) {
    const Step body = co_await read_body((*admission)->max_body_bytes());
    if (body == Step::gone) co_return false;
    if (body == Step::refused) admission = std::unexpected(std::move(refusal_));
  }
  OrResponse<ServerResponse> response = std::unexpected(ServerResponse());
  if (admission) {
    const Deadline deadline = Deadline::in(context_.options.respond_timeout);
    auto start = [&] { return (*admission)->respond(reader_.take_body(), deadline); };
    response = co_await supervise<ServerResponse>(start, deadline, "respond");
  } else {
    must_close_ = true;
    response = std::unexpected(std::move(admission.error()));
  }
  const bool goes_on = co_await answer(response ? std::move(*response) : std::move(response.error()));
  co_return goes_on;
}

// False when the client has gone or has been silent for too long.
Task<bool> Session::wait_for_request() {
  const HttpServerOptions& options = context_.options;
  const auto patience = has_been_asked_ ? options.idle_timeout : std::min(options.idle_timeout, options.head_timeout);
  idle_since_ = Clock::now();
  wire_.give_until(idle_since_ + patience);
  is_idle_ = true;
  for (;;) {
    take_input();
    if (reader_.has_begun() || reader_.state() != RequestReader::State::in_head) break;
    if (context_.is_stopping) co_return false;
    ErrorCode error;
    const std::size_t got = co_await wire_.read_some(asio::buffer(input_.data() + end_, input_.size() - end_), error);
    end_ += got;
    if (error) co_return false;
  }
  is_idle_ = false;
  has_been_asked_ = true;
  co_return true;
}

// Reads until the reader has left `state`.
Task<Session::Step> Session::read_while(RequestReader::State state, Wire::Time due, std::string_view when_late) {
  wire_.give_until(due);
  for (;;) {
    take_input();
    if (reader_.state() == RequestReader::State::refused) {
      refusal_ = error_response(reader_.refusal().status, reader_.refusal().detail);
      co_return Step::refused;
    }
    if (reader_.state() != state) co_return Step::done;
    ErrorCode error;
    const std::size_t got = co_await wire_.read_some(asio::buffer(input_.data() + end_, input_.size() - end_), error);
    end_ += got;
    if (error && !wire_.has_expired()) co_return Step::gone;
    if (error) {
      refusal_ = error_response(408, when_late);
      co_return Step::refused;
    }
  }
}

// Hands the reader what was read and moves the rest to the front: it leaves at most 4 KiB, so there is always room.
void Session::take_input() {
  begin_ += reader_.feed(std::string_view(input_.data() + begin_, end_ - begin_));
  std::memmove(input_.data(), input_.data() + begin_, end_ - begin_);
  end_ -= begin_;
  begin_ = 0;
}

Task<Session::Admission> Session::admit() {
  wire_.give_until(Wire::Time::max());
  RequestHead head = reader_.take_head();
  head.peer = wire_.peer_address();
  const Deadline deadline = Deadline::in(context_.options.respond_timeout);
  auto start = [&] { return context_.service.admit(std::move(head)); };
  OrResponse<Admission> admission = co_await supervise<Admission>(start, deadline, "admit");
  if (!admission) co_return std::unexpected(std::move(admission.error()));
  if (*admission && !**admission) co_return std::unexpected(error_response(500, "internal error"));
  co_return std::move(*admission);
}

Task<Session::Step> Session::read_body(std::size_t max_bytes) {
  reader_.begin_body(max_bytes);
  if (reader_.state() == RequestReader::State::in_body && reader_.wants_continue() && begin_ == end_) {
    std::string interim = "HTTP/1.1 100 Continue\r\n\r\n";
    const bool is_written = co_await write(interim, "");
    if (!is_written) co_return Step::gone;
  }
  const Step read = co_await read_while(RequestReader::State::in_body, Clock::now() + context_.options.body_timeout,
                                        "the request body did not arrive in time");
  wire_.give_until(Wire::Time::max());
  co_return read;
}

// The value of the task that `start` makes; where it throws or takes too long the response that says so. Throws when we
// are cancelled.
template <class T, class F>
Task<Session::OrResponse<T>> Session::supervise(F start, Deadline deadline, std::string_view step) {
  std::optional<std::string> why;
  try {
    Result<T> value = co_await with_deadline(as_result<T>(std::move(start)), deadline);
    if (value) co_return std::move(*value);
  } catch (const std::exception& error) {
    why = error.what();
  } catch (...) {
    why = "not a std::exception";
  }
  const asio::cancellation_state cancellation = co_await asio::this_coro::cancellation_state;
  if (cancellation.cancelled() != asio::cancellation_type::none) {
    throw boost::system::system_error(asio::error::operation_aborted);
  }
  must_close_ = true;
  if (!why) co_return std::unexpected(error_response(503, "the request took too long"));
  spdlog::error("HTTP server: {}: {}", step, printable(*why));
  co_return std::unexpected(error_response(500, "internal error"));
}

// Sends the response; false when the connection ends with it.
Task<bool> Session::answer(ServerResponse response) {
  const Result<void> checked = check_response(response);
  if (!checked) {
    spdlog::error("HTTP server: {}", checked.error().message);
    response = error_response(500, "internal error");
  }
  const bool keeps_alive = reader_.keeps_alive() && !must_close_ && !context_.is_stopping;
  std::string head;
  append_response_head(head, response, keeps_alive,
                       std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now()));
  const bool has_body = may_have_body(response.status) && !reader_.is_head_method();
  const bool is_written = co_await write(head, has_body ? std::string_view(response.body) : std::string_view());
  if (is_written && !keeps_alive) {
    const auto patience = context_.is_stopping ? last_linger_time : linger_time;
    co_await wire_.linger(Clock::now() + patience, asio::buffer(input_));
  }
  co_return is_written&& keeps_alive;
}

Task<bool> Session::write(std::string& head, std::string_view body) {
  wire_.give_until(Clock::now() + context_.options.write_timeout);
  ErrorCode error;
  co_await wire_.write(head, body, error);
  co_return !error;
}

}  // namespace usher::net
