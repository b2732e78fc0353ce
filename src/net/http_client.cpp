#include "net/http_client.h"

#include <fmt/format.h>
#include <boost/asio/error.hpp>
#include <boost/asio/ssl/error.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/beast/http/error.hpp>
#include <boost/system/system_error.hpp>

#include <algorithm>
#include <utility>

#include "net/http1/answer.h"
#include "net/http1/connection.h"
#include "net/http1/connector.h"
#include "net/http1/pool.h"
#include "net/http1/request_head.h"

namespace usher::net {

namespace {

using ErrorCode = boost::system::error_code;
using Clock = std::chrono::steady_clock;

// Most answers are small, and a connection that waits for its next use keeps its buffer.
constexpr std::size_t first_read_bytes = 4u << 10;
constexpr std::size_t read_bytes = 16u << 10;

std::unexpected<Error> failed(ErrorKind kind, const HttpRequest& request, std::string_view step, std::string_view why) {
  return fail(kind, fmt::format("{}: {}: {}", name_of(*request.endpoint), step, why));
}

// What a failed write means: the request never went out whole, so nothing was done with it.
std::unexpected<Error> write_failure(const Connection& connection, const HttpRequest& request, const ErrorCode& error) {
  if (connection.has_expired()) return failed(ErrorKind::timeout, request, "write", "not taken in time");
  if (error == asio::error::operation_aborted) return failed(ErrorKind::cancelled, request, "write", "cancelled");
  return failed(ErrorKind::unavailable, request, "write", error.message());
}

// What a failed read means: whether the request had its effect is not known.
std::unexpected<Error> read_failure(const Connection& connection, const HttpRequest& request, const Answer& answer,
                                    const ErrorCode& error) {
  if (connection.has_expired()) return failed(ErrorKind::timeout, request, "read", "no answer in time");
  if (error == asio::error::operation_aborted) return failed(ErrorKind::cancelled, request, "read", "cancelled");
  const bool is_closed = error == asio::error::eof || error == asio::ssl::error::stream_truncated;
  if (is_closed && answer.has_begun()) return failed(ErrorKind::protocol, request, "read", "the answer was cut");
  if (is_closed) return failed(ErrorKind::protocol, request, "read", "closed without an answer");
  return failed(ErrorKind::protocol, request, "read", error.message());
}

// What bytes that are not an acceptable answer mean.
std::unexpected<Error> parse_failure(const HttpRequest& request, const Answer& answer, const ErrorCode& error) {
  if (answer.is_too_large()) {
    return failed(ErrorKind::limit, request, "read",
                  fmt::format("the answer is larger than {} bytes", request.max_response_bytes));
  }
  return failed(ErrorKind::protocol, request, "read", "not an acceptable HTTP answer: " + error.message());
}

class Client final : public HttpClient {
 public:
  Client(asio::any_io_executor executor, HttpClientOptions options)
      : connector_(std::move(executor), options.connect_timeout, std::move(options.extra_ca_file)),
        pool_(options.max_idle_per_endpoint, options.idle_keep),
        user_agent_(std::move(options.user_agent)) {}

  Task<Result<HttpResponse>> send(HttpRequest request, Deadline deadline, BodySink on_body) override;
  void close_idle() override { pool_.clear(); }

 private:
  Task<Result<HttpResponse>> send_checked(const HttpRequest& request, Deadline deadline, const BodySink& on_body);
  Task<Result<void>> exchange(Connection& connection, const HttpRequest& request, Deadline deadline, Answer& answer);
  Task<Result<void>> read_answer(Connection& connection, const HttpRequest& request, Deadline deadline, Answer& answer);

  Connector connector_;
  Pool pool_;
  std::string user_agent_;
};

Task<Result<HttpResponse>> Client::send(HttpRequest request, Deadline deadline, BodySink on_body) {
  Result<void> checked = check_request(request);
  if (!checked) co_return fail(std::move(checked.error()));
  if (deadline.has_passed()) co_return failed(ErrorKind::timeout, request, "send", "no time left");
  try {
    Result<HttpResponse> response = co_await send_checked(request, deadline, on_body);
    co_return response;
  } catch (const boost::system::system_error& error) {
    // Asio throws this from a co_await in a coroutine that was cancelled before.
    if (error.code() != asio::error::operation_aborted) throw;
  }
  co_return failed(ErrorKind::cancelled, request, "send", "cancelled");
}

Task<Result<HttpResponse>> Client::send_checked(const HttpRequest& request, Deadline deadline,
                                                const BodySink& on_body) {
  bool may_reuse = !request.wants_fresh_connection;
  for (;;) {
    std::shared_ptr<Connection> connection = may_reuse ? pool_.take(*request.endpoint) : nullptr;
    const bool is_reused = connection != nullptr;
    if (!is_reused) {
      Result<std::shared_ptr<Connection>> fresh = co_await connector_.connect(*request.endpoint, deadline);
      if (!fresh) co_return fail(std::move(fresh.error()));
      connection = std::move(*fresh);
    }
    Answer answer(request.max_response_bytes, request.method == "HEAD", on_body, request.keeps_headers);
    Result<void> exchanged = co_await exchange(*connection, request, deadline, answer);
    if (exchanged) {
      if (answer.keeps_alive() && connection->is_open() && connection->buffer().size() == 0) {
        pool_.park(std::move(connection), *request.endpoint);
      } else {
        connection->close();
      }
      co_return answer.take();
    }
    connection->close();
    const ErrorKind kind = exchanged.error().kind;
    const bool is_broken = kind == ErrorKind::unavailable || kind == ErrorKind::protocol;
    const bool is_worth_repeating =
        is_reused && request.is_repeatable && is_broken && !answer.has_begun() && !deadline.has_passed();
    if (!is_worth_repeating) co_return fail(std::move(exchanged.error()));
    may_reuse = false;
  }
}

Task<Result<void>> Client::exchange(Connection& connection, const HttpRequest& request, Deadline deadline,
                                    Answer& answer) {
  std::string& head = connection.head();
  head.clear();
  append_head(head, request, user_agent_);
  connection.give_until(std::min(deadline.time(), Clock::now() + request.idle_timeout));
  ErrorCode error;
  const std::size_t written = connection.write_now(head, request.body, error);
  if (!error && written < head.size() + request.body.size()) {
    co_await connection.write_rest(head, request.body, written, error);
  }
  if (error) co_return write_failure(connection, request, error);
  if (request.was_sent) *request.was_sent = true;
  Result<void> answered = co_await read_answer(connection, request, deadline, answer);
  co_return answered;
}

Task<Result<void>> Client::read_answer(Connection& connection, const HttpRequest& request, Deadline deadline,
                                       Answer& answer) {
  Clock::time_point due = deadline.time();
  bool was_full = false;
  while (!answer.is_complete() && answer.wanted() != BodyNext::stop) {
    const std::size_t wished = was_full ? read_bytes : first_read_bytes;
    const asio::mutable_buffer room =
        connection.buffer().prepare(std::min(wished, connection.buffer().max_size() - connection.buffer().size()));
    if (room.size() == 0) co_return failed(ErrorKind::protocol, request, "read", "the answer's framing is too large");
    ErrorCode error;
    std::size_t got = was_full ? connection.read_now(room, error) : 0;
    if (got == 0 && !error) {
      connection.give_until(std::min(due, Clock::now() + request.idle_timeout));
      got = co_await connection.read_some(room, error);
    }
    was_full = got == room.size();
    if (error == asio::error::eof) {
      ErrorCode incomplete;
      answer.feed_eof(incomplete);
      if (!incomplete) break;
    }
    const bool is_cancelled = error == asio::error::operation_aborted && !connection.has_expired();
    if (error && answer.wanted() == BodyNext::rest && !is_cancelled) break;
    if (error) co_return read_failure(connection, request, answer, error);
    connection.buffer().commit(got);
    const auto bytes = connection.buffer().data();
    const bool had_more_to_come = answer.wanted() == BodyNext::more;
    connection.buffer().consume(answer.feed({static_cast<const char*>(bytes.data()), bytes.size()}, error));
    if (error && answer.wanted() == BodyNext::rest) break;
    if (error) co_return parse_failure(request, answer, error);
    if (had_more_to_come && answer.wanted() == BodyNext::rest) due = std::min(due, Clock::now() + request.rest_timeout);
  }
  co_return Result<void>();
}

}  // namespace

std::unique_ptr<HttpClient> make_http_client(asio::any_io_executor executor, HttpClientOptions options) {
  return std::make_unique<Client>(std::move(executor), std::move(options));
}

}  // namespace usher::net
