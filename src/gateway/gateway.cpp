#include "gateway/gateway.h"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <unordered_map>

#include "gateway/commands.h"
#include "gateway/lanes.h"

namespace usher::gateway {
namespace {

constexpr std::chrono::milliseconds kTypingLook{500};   // how often running turns are looked at
constexpr std::chrono::milliseconds kTypingAfter{700};  // quick answers need no "typing…"
constexpr std::chrono::seconds kTypingRepeat{4};
constexpr std::chrono::seconds kSendTimeout{120};
constexpr std::chrono::milliseconds kFirstRetry{500};
constexpr std::chrono::milliseconds kMaxRetry{60'000};

using SteadyTime = std::chrono::steady_clock::time_point;

// A turn that runs, with the two ways to end it early.
struct Running {
  channel::Channel* channel = nullptr;
  std::string chat, thread;
  SteadyTime began, typed;
  bool is_working = true;              // the agent loop has not ended yet
  std::optional<Accepted> stopped_by;  // the /stop
  asio::cancellation_signal stop;      // ends the agent loop; the person is told
  asio::cancellation_signal abandon;   // ends everything: shutdown; the journal keeps the message
};

}  // namespace

struct Gateway::State : std::enable_shared_from_this<Gateway::State> {
  State(asio::any_io_executor executor, const Services& all, Bounds limits)
      : loop(std::move(executor)),
        services(all),
        bounds(limits),
        turns(all),
        lanes(limits.max_running),
        idle(loop),
        typing(loop),
        grace_timer(loop) {}

  Task<Result<void>> run();
  Task<Result<void>> recover();
  Task<Result<void>> take_in(std::vector<channel::Incoming> batch);
  void enqueue(Accepted accepted);
  void dispatch();
  void start(const std::string& lane, Accepted accepted);
  Task<void> process(std::string lane, Accepted accepted, channel::Channel& channel, std::shared_ptr<Running> running);
  Task<TurnOutcome> run_turn(const Accepted& accepted, channel::Channel& channel, std::shared_ptr<Running> running);
  Task<bool> keep_reply(MessageId id, const TurnOutcome& outcome);
  Task<void> deliver(const Accepted& accepted, channel::Channel& channel, std::string reply);
  bool stop_turn(const std::string& lane, Accepted& accepted);
  void watch_typing();
  void wake_if_idle();
  std::size_t unfinished() const { return lanes.waiting() + lanes.running() + being_accepted; }
  bool is_drained() const { return lanes.running() == 0 && (is_closing || lanes.waiting() == 0); }

  asio::any_io_executor loop;
  Services services;
  Bounds bounds;
  Turns turns;
  Lanes<Accepted> lanes;
  std::vector<std::unique_ptr<channel::Channel>> channels;
  std::unordered_map<std::string, std::shared_ptr<Running>> running;  // by lane
  std::size_t channels_running = 0;
  std::size_t being_accepted = 0;  // messages on their way through the journal
  bool is_closing = false;
  bool is_typing_watched = false;
  asio::steady_timer idle;  // expires never; cancelled when there may be nothing left to do
  asio::steady_timer typing;
  asio::steady_timer grace_timer;

  channel::Channel* find(const std::string& name) {
    for (auto& channel : channels) {
      if (channel->name() == name) return channel.get();
    }
    return nullptr;
  }
};

Task<Result<void>> Gateway::State::run() {
  Result<void> recovered = co_await recover();
  if (!recovered) co_return recovered;
  for (auto& channel : channels) {
    ++channels_running;
    channel::Intake intake = [self = this](std::vector<channel::Incoming> batch) {
      return self->take_in(std::move(batch));
    };
    asio::co_spawn(loop, channel->run(std::move(intake)),
                   [self = shared_from_this(), name = channel->name()](std::exception_ptr error) {
                     if (error) spdlog::error("channel {} ended by an exception", name);
                     --self->channels_running;
                     self->wake_if_idle();
                   });
  }
  while (channels_running > 0 || !is_drained()) {
    idle.expires_at(SteadyTime::max());
    boost::system::error_code ignored;
    co_await idle.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
  }
  grace_timer.cancel();
  Result<void> flushed = co_await services.journal.flush();
  co_return flushed;
}

Task<Result<void>> Gateway::State::recover() {
  Result<std::vector<Accepted>> unfinished = co_await services.journal.unfinished();
  if (!unfinished) co_return fail(std::move(unfinished.error()));
  if (!unfinished->empty()) spdlog::info("{} messages were not finished by the last run; going on", unfinished->size());
  for (Accepted& accepted : *unfinished) {
    if (find(accepted.incoming.channel)) {
      enqueue(std::move(accepted));
    } else {
      spdlog::warn("message {} of channel {} stays unanswered: the channel is not configured", accepted.id,
                   accepted.incoming.channel);
    }
  }
  co_return Result<void>();
}

Task<Result<void>> Gateway::State::take_in(std::vector<channel::Incoming> batch) {
  if (is_closing) co_return fail(ErrorKind::cancelled, "shutting down");
  if (unfinished() + batch.size() > bounds.max_unfinished) {
    co_return fail(ErrorKind::limit,
                   fmt::format("the inbox is full: {} messages wait for their answers", lanes.waiting()));
  }
  const std::size_t size = batch.size();
  being_accepted += size;
  Result<std::vector<Accepted>> fresh = co_await services.journal.accept(std::move(batch));
  being_accepted -= size;
  if (!fresh) co_return fail(std::move(fresh.error()));
  for (Accepted& accepted : *fresh) enqueue(std::move(accepted));
  co_return Result<void>();
}

void Gateway::State::enqueue(Accepted accepted) {
  channel::Channel* channel = find(accepted.incoming.channel);
  const std::string lane = conversation_key(Turns::conversation_of(accepted.incoming, channel->tenant()));
  const bool is_stop = command_of(accepted.incoming.text) == "stop" && !accepted.is_replying;
  if (is_stop && stop_turn(lane, accepted)) return;
  lanes.push(lane, std::move(accepted));
  dispatch();
}

void Gateway::State::dispatch() {
  if (is_closing) return;
  while (auto next = lanes.next()) start(next->first, std::move(next->second));
}

void Gateway::State::start(const std::string& lane, Accepted accepted) {
  channel::Channel* channel = find(accepted.incoming.channel);
  auto turn = std::make_shared<Running>();
  turn->channel = channel;
  turn->chat = accepted.incoming.chat;
  turn->thread = accepted.incoming.thread;
  turn->began = std::chrono::steady_clock::now();
  running[lane] = turn;
  watch_typing();
  asio::co_spawn(loop, process(lane, std::move(accepted), *channel, turn),
                 asio::bind_cancellation_slot(turn->abandon.slot(),
                                              [self = shared_from_this(), turn, lane](std::exception_ptr error) {
                                                if (error && !self->is_closing) {
                                                  try {
                                                    std::rethrow_exception(error);
                                                  } catch (const std::exception& thrown) {
                                                    spdlog::error("a turn ended by an exception: {}", thrown.what());
                                                  }
                                                }
                                                self->running.erase(lane);
                                                self->lanes.finish(lane);
                                                self->dispatch();
                                                self->wake_if_idle();
                                              }));
}

Task<void> Gateway::State::process(std::string lane, Accepted accepted, channel::Channel& channel,
                                   std::shared_ptr<Running> turn) {
  if (!accepted.is_replying) {
    TurnOutcome outcome = co_await run_turn(accepted, channel, turn);
    turn->is_working = false;
    if (outcome.was_cancelled && !turn->stopped_by) co_return;  // shutdown: the next start runs it again
    // Too late: the answer stands, and the /stop is answered behind it.
    if (!outcome.was_cancelled && turn->stopped_by) lanes.push(lane, *std::exchange(turn->stopped_by, std::nullopt));
    if (!outcome.reply.empty()) {
      const bool is_kept = co_await keep_reply(accepted.id, outcome);
      if (!is_kept) co_return;
    }
    accepted.reply = std::move(outcome.reply);
    if (turn->stopped_by) services.journal.mark_done(turn->stopped_by->id);  // "Stopped." answers both
  } else {
    turn->is_working = false;
  }
  if (!accepted.reply.empty()) co_await deliver(accepted, channel, std::move(accepted.reply));
  services.journal.mark_done(accepted.id);
}

Task<TurnOutcome> Gateway::State::run_turn(const Accepted& accepted, channel::Channel& channel,
                                           std::shared_ptr<Running> turn) {
  std::function<bool()> is_cancelled = [turn] { return turn->stopped_by.has_value(); };
  try {
    TurnOutcome outcome = co_await asio::co_spawn(loop, turns.run(accepted, channel, std::move(is_cancelled)),
                                                  asio::bind_cancellation_slot(turn->stop.slot(), asio::use_awaitable));
    co_return outcome;
  } catch (const std::exception& thrown) {
    // The catch boundary of a turn. A stopped turn unwinds through here too.
    if (!turn->stopped_by) spdlog::error("turn of message {} failed: {}", accepted.id, thrown.what());
  }
  TurnOutcome failed;
  failed.was_cancelled = turn->stopped_by || is_closing;
  failed.reply = turns.texts_for(accepted.incoming, channel.tenant()).say(turn->stopped_by ? "stopped" : "unavailable");
  co_return failed;
}

// False when the process ends before the reply could be stored.
Task<bool> Gateway::State::keep_reply(MessageId id, const TurnOutcome& outcome) {
  const Remembered& remembered = outcome.remembered;
  std::chrono::milliseconds delay = kFirstRetry;
  bool is_remembered = false;
  while (true) {
    Result<void> stored = co_await services.journal.store_reply(id, outcome.reply);
    if (stored && remembered.memory && !is_remembered) {
      Result<void> appended = remembered.memory->append(remembered.conversation, remembered.turn, remembered.entries);
      if (!appended) spdlog::error("memory of message {}: {}", id, appended.error().message);
      is_remembered = true;
    }
    if (stored) co_return true;
    spdlog::error("the reply to message {} cannot be stored, trying again: {}", id, stored.error().message);
    const bool has_waited = co_await sleep_for(delay);
    if (!has_waited || is_closing) co_return false;
    delay = std::min(delay * 2, kMaxRetry);
  }
}

Task<void> Gateway::State::deliver(const Accepted& accepted, channel::Channel& channel, std::string reply) {
  channel::Outgoing outgoing{.chat = accepted.incoming.chat,
                             .thread = accepted.incoming.thread,
                             .reply_to = accepted.incoming.is_group ? accepted.incoming.message_id : "",
                             .text = std::move(reply),
                             .idempotency = fmt::format("{}", accepted.id)};
  std::chrono::milliseconds delay = kFirstRetry;
  while (true) {
    Result<channel::Delivery> sent = co_await channel.send(outgoing, Deadline::in(kSendTimeout));
    if (sent) {
      if (*sent == channel::Delivery::gone) spdlog::info("{}: chat {} is gone", channel.name(), outgoing.chat);
      co_return;
    }
    const Error& error = sent.error();
    const bool may_pass = error.kind == ErrorKind::unavailable || error.kind == ErrorKind::busy ||
                          error.kind == ErrorKind::timeout || error.kind == ErrorKind::protocol;
    if (!may_pass) {
      spdlog::error("{}: the reply to message {} was refused: {}", channel.name(), accepted.id, error.message);
      co_return;
    }
    spdlog::warn("{}: the reply to message {} waits: {}", channel.name(), accepted.id, error.message);
    const bool has_waited = co_await sleep_for(std::max(delay, error.retry_after.value_or(delay)));
    if (!has_waited) throw boost::system::system_error(asio::error::operation_aborted);
    delay = std::min(delay * 2, kMaxRetry);
  }
}

// Ends the lane's turn early; false when none is being worked on.
bool Gateway::State::stop_turn(const std::string& lane, Accepted& accepted) {
  auto found = running.find(lane);
  if (found == running.end() || !found->second->is_working || found->second->stopped_by) return false;
  std::shared_ptr<Running> turn = found->second;
  turn->stopped_by = std::move(accepted);
  turn->stop.emit(asio::cancellation_type::terminal);  // the turn itself answers "Stopped."
  return true;
}

// One timer for all running turns; it rests while nothing runs.
void Gateway::State::watch_typing() {
  if (is_typing_watched) return;
  is_typing_watched = true;
  typing.expires_after(kTypingLook);
  typing.async_wait([self = shared_from_this()](boost::system::error_code error) {
    self->is_typing_watched = false;
    if (error) return;
    const SteadyTime now = std::chrono::steady_clock::now();
    for (auto& [lane, turn] : self->running) {
      if (now - turn->began < kTypingAfter || now - turn->typed < kTypingRepeat) continue;
      turn->typed = now;
      turn->channel->show_typing(turn->chat, turn->thread);
    }
    if (!self->running.empty()) self->watch_typing();
  });
}

void Gateway::State::wake_if_idle() {
  if (channels_running == 0 && is_drained()) idle.cancel();
}

Gateway::Gateway(asio::any_io_executor loop, const Services& services, Bounds bounds)
    : state_(std::make_shared<State>(std::move(loop), services, bounds)) {}

Gateway::~Gateway() = default;

void Gateway::add(std::unique_ptr<channel::Channel> channel) { state_->channels.push_back(std::move(channel)); }

Task<Result<void>> Gateway::run() {
  Result<void> ended = co_await state_->run();
  co_return ended;
}

Result<void> Gateway::readiness() const {
  if (state_->is_closing) return fail(ErrorKind::unavailable, "shutting down");
  if (state_->channels_running == 0) return fail(ErrorKind::unavailable, "no channel is running");
  if (state_->unfinished() >= state_->bounds.max_unfinished) return fail(ErrorKind::unavailable, "the inbox is full");
  for (const auto& channel : state_->channels) {
    const std::string trouble = channel->health();
    if (!trouble.empty()) return fail(ErrorKind::unavailable, fmt::format("{}: {}", channel->name(), trouble));
  }
  return {};
}

void Gateway::shut_down(std::chrono::seconds grace) {
  if (state_->is_closing) return;
  state_->is_closing = true;
  for (auto& channel : state_->channels) channel->stop();
  state_->typing.cancel();
  state_->grace_timer.expires_after(grace);
  state_->grace_timer.async_wait([state = state_](boost::system::error_code error) {
    if (error) return;
    spdlog::warn("{} turns did not finish in time; they run again at the next start", state->running.size());
    // Ending a turn changes the map.
    std::vector<std::shared_ptr<Running>> turns;
    for (auto& [lane, turn] : state->running) turns.push_back(turn);
    for (auto& turn : turns) {
      turn->stop.emit(asio::cancellation_type::terminal);
      turn->abandon.emit(asio::cancellation_type::terminal);
    }
  });
  state_->wake_if_idle();
}

}  // namespace usher::gateway
