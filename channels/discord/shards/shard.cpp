#include "channels/discord/shards/shard.h"

#include <spdlog/spdlog.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/deferred.hpp>
#include <boost/asio/experimental/parallel_group.hpp>
#include <boost/asio/redirect_error.hpp>
#include <tuple>
#include <utility>

#include "base/stopping.h"

namespace usher::discord {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using std::chrono::steady_clock;

constexpr seconds kConnectTimeout{20}, kSendTimeout{15}, kCloseTimeout{2}, kLastEventTimeout{5};
constexpr seconds kReadTimeout{900};     // heartbeats notice silence long before
constexpr milliseconds kLastWords{500};  // for the close code behind a failed write

}  // namespace

Shard::Shard(asio::any_io_executor executor, std::string label, net::WebSocketConnector& sockets, StartLimit& limit,
             SessionOptions options, std::optional<Place> place, ShardCallbacks callbacks)
    : executor_(executor),
      label_(std::move(label)),
      sockets_(sockets),
      link_trouble_(options.first_backoff, options.max_backoff),
      sink_trouble_(options.first_backoff, options.max_backoff),
      session_(std::move(options), limit, std::move(place), steady_clock::now()),
      callbacks_(std::move(callbacks)),
      stopping_(executor, Time::max()),
      due_(executor),
      room_(executor, Time::max()),
      work_(executor, Time::max()),
      retry_(executor),
      idle_(executor, Time::max()) {}

Task<void> Shard::run() {
  is_handing_on_ = true;
  children_.spawn(executor_, hand_on());
  try {
    co_await stay_connected();
    if (!is_stopped_) co_await wait(stopping_);
  } catch (const std::exception& error) {
    spdlog::debug("{}: {}", label_, error.what());  // cancelled
  }
  stop();
  co_await asio::this_coro::reset_cancellation_state();
  if (is_handing_on_) co_await wait_until(idle_, steady_clock::now() + kLastEventTimeout);
  co_await children_.join();
}

void Shard::stop() {
  is_stopped_ = true;
  for (asio::steady_timer* timer : {&stopping_, &due_, &room_, &work_, &retry_}) timer->cancel();
}

std::string Shard::health() const { return link_trouble_.text().empty() ? sink_trouble_.text() : link_trouble_.text(); }

// ---- the socket -----------------------------------------------------------------------------------------------------

Task<void> Shard::stay_connected() {
  report_trouble();
  while (!is_stopped_ && !session_.is_fatal()) {
    std::string broken;
    try {
      co_await connect();
    } catch (const std::exception& error) {
      broken = error.what();
    }
    const asio::cancellation_state state = co_await asio::this_coro::cancellation_state;
    if (state.cancelled() != asio::cancellation_type::none) co_return;
    if (!broken.empty()) session_.ended(steady_clock::now(), 0, "internal error: " + broken);
    if (!is_stopped_) report_trouble();
  }
  if (session_.is_fatal()) callbacks_.given_up();
}

Task<void> Shard::connect() {
  // Nothing could be read, and Discord does not keep silent connections.
  while (backlog_.is_full() && !is_stopped_) co_await wait(room_);
  const Plan plan = session_.plan();
  if (is_stopped_) co_return;
  co_await wait_until(due_, plan.at);
  if (is_stopped_) co_return;
  Result<std::unique_ptr<net::WebSocket>> socket =
      co_await unless_stopped(sockets_.connect(plan.url, {}, Deadline::in(kConnectTimeout)), stopping_);
  if (is_stopped_) co_return;
  if (!socket) {
    session_.ended(steady_clock::now(), 0, socket.error().message);
    co_return;
  }
  session_.opened(steady_clock::now());
  co_await converse(**socket);
}

Task<void> Shard::converse(net::WebSocket& socket) {
  inflater_.emplace();
  outgoing_.clear();
  end_.reset();
  auto group = asio::experimental::make_parallel_group(asio::co_spawn(executor_, read(socket), asio::deferred),
                                                       asio::co_spawn(executor_, write(socket), asio::deferred));
  auto outcome = co_await group.async_wait(asio::experimental::wait_for_one(), asio::use_awaitable);
  if (!end_) {  // one of them broke
    const std::exception_ptr& first = std::get<0>(outcome)[0] == 0 ? std::get<1>(outcome) : std::get<2>(outcome);
    if (first) std::rethrow_exception(first);
  }
  const End end = end_.value_or(End{});
  if (end.is_ours) {
    co_await socket.close(end.code, Deadline::in(kCloseTimeout));
  } else {
    session_.ended(steady_clock::now(), end.code, end.why);
  }
}

Task<void> Shard::read(net::WebSocket& socket) {
  while (!end_) {
    if (backlog_.is_full()) co_await wait_for_room();
    Result<net::WebSocketMessage> message = co_await socket.receive(Deadline::in(kReadTimeout));
    if (message) {
      take(std::move(*message));
    } else if (message.error().kind == ErrorKind::unavailable) {
      const std::optional<net::WebSocketClose>& close = socket.closed_by_peer();
      finish({.code = close ? close->code : std::uint16_t{0}});
    } else if (message.error().kind != ErrorKind::timeout) {
      finish({.why = message.error().message});
    }
  }
}

Task<void> Shard::write(net::WebSocket& socket) {
  while (!end_) {
    if (!outgoing_.empty()) {
      std::string text = std::move(outgoing_.front());
      outgoing_.pop_front();
      const Result<void> sent = co_await socket.send_text(std::move(text), Deadline::in(kSendTimeout));
      if (sent) continue;
      // The reader may be about to find out why.
      co_await sleep_for(kLastWords);
      finish({.why = sent.error().message});
    } else if (is_stopped_) {
      finish({.is_ours = true, .code = kLeaveResumable});
    } else {
      co_await wait_until(due_, session_.wake_at());
      act(session_.pass(steady_clock::now()));
    }
  }
}

Task<void> Shard::wait_for_room() {
  session_.hold(steady_clock::now(), true);
  while (backlog_.is_full() && !is_stopped_) co_await wait(room_);
  session_.hold(steady_clock::now(), false);
}

void Shard::take(net::WebSocketMessage message) {
  if (message.is_text) return take_event(std::move(message.data));
  Result<std::optional<std::string>> text = inflater_->append(message.data);
  if (!text) return act(session_.refuse(steady_clock::now(), text.error().message));
  if (*text && !(*text)->empty()) take_event(std::move(**text));
}

void Shard::take_event(std::string text) {
  const Time now = steady_clock::now();
  Result<Frame> frame = read_frame(text);
  if (!frame) return act(session_.refuse(now, frame.error().message));
  Reaction reaction = session_.take(now, *frame, text);
  if (reaction.delivers && callbacks_.wants(frame->type)) {
    backlog_.add({std::move(frame->type), std::move(text), session_.mark()});
    work_.cancel();
  } else if (reaction.delivers) {
    const std::optional<Mark> passed = backlog_.skip(session_.mark());
    if (passed && session_.committed(*passed)) callbacks_.moved(false);
  }
  act(std::move(reaction));
}

void Shard::act(Reaction reaction) {
  for (std::string& text : reaction.send) outgoing_.push_back(std::move(text));
  if (reaction.close) finish({.is_ours = true, .code = *reaction.close});
  if (session_.is_live() && link_trouble_.clear()) spdlog::info("{}: connected to Discord again", label_);
  // Most events change nothing of what the writer waits for.
  if (!outgoing_.empty() || end_ || session_.wake_at() < due_.expiry()) due_.cancel();
}

void Shard::finish(End end) {
  if (!end_) end_ = std::move(end);
}

void Shard::report_trouble() {
  const std::string& trouble = session_.trouble();
  if (trouble.empty() || !link_trouble_.note(trouble)) return;
  if (session_.is_fatal()) {
    spdlog::error("{}: {}", label_, trouble);
  } else {
    spdlog::warn("{}: {}", label_, trouble);
  }
}

// ---- the events -----------------------------------------------------------------------------------------------------

Task<void> Shard::hand_on() {
  while (!is_stopped_) {
    if (backlog_.is_empty()) {
      co_await wait(work_);
      continue;
    }
    const Event& event = backlog_.front();
    const Result<json::value> data = read_data(event.text);
    Result<void> taken;
    if (data) {
      taken = co_await offer(event.type, *data);
    } else {
      spdlog::warn("{}: skipped a malformed {}", label_, event.type);
    }
    if (!taken) {
      const milliseconds pause = sink_trouble_.next_wait();
      if (sink_trouble_.note(taken.error().message))
        spdlog::warn("{}: {}; next try in {} ms", label_, taken.error().message, pause.count());
      if (!is_stopped_) co_await wait_until(retry_, steady_clock::now() + pause);
      continue;
    }
    if (sink_trouble_.clear()) spdlog::info("{}: events are taken in again", label_);
    const bool is_start = event.type == "READY" || event.type == "RESUMED";
    if (session_.committed(event.through)) callbacks_.moved(is_start);
    backlog_.pop();
    room_.cancel();
  }
  is_handing_on_ = false;
  idle_.cancel();
}

// The sink, whose exceptions are an internal error like any other.
Task<Result<void>> Shard::offer(std::string_view type, const json::value& data) {
  try {
    Result<void> taken = co_await callbacks_.sink(type, data);
    co_return taken;
  } catch (const std::exception& error) {
    if (is_stopped_) throw;
    co_return fail(ErrorKind::internal, std::string("internal error: ") + error.what());
  }
}

Task<void> Shard::wait(asio::steady_timer& timer) {
  boost::system::error_code woken;
  co_await timer.async_wait(asio::redirect_error(asio::use_awaitable, woken));
}

// A timer that others cancel to say that there is something to do before.
Task<void> Shard::wait_until(asio::steady_timer& timer, Time time) {
  timer.expires_at(time);
  co_await wait(timer);
}

}  // namespace usher::discord
