#include "gateway/gateway.h"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <ranges>
#include <unordered_map>
#include <unordered_set>

#include "base/failpoint.h"
#include "gateway/commands.h"
#include "gateway/lanes.h"
#include "gateway/outbox.h"
#include "gateway/typing.h"

namespace usher::gateway {
namespace {

constexpr std::chrono::milliseconds kFirstRetry{500};
constexpr std::chrono::milliseconds kMaxRetry{60'000};
// So many processes may die while a message's turn runs before the message itself is taken for the reason.
constexpr int kMaxInterruptions = 10;

// A channel, and how many of its messages are accepted and not done.
using EarlyRows = std::unordered_map<std::string, std::shared_ptr<EarlyRow>>;  // by platform id
struct Line {
  std::unique_ptr<channel::Channel> channel;
  std::size_t unfinished = 0;
  EarlyRows offered;  // of the last batch when it could not be accepted: it is offered again
};

// A turn that runs, with the two ways to end it early.
struct Running {
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
        outbox(loop, all.journal, limits.max_sending, [this](const channel::Channel& channel) { finish_one(channel); }),
        typing(loop),
        idle(loop),
        grace_timer(loop) {}

  Task<Result<void>> run();
  Task<Result<void>> recover();
  Task<void> resume(Accepted accepted);
  Task<void> remember_again(const Accepted& accepted);
  void strike_forgotten(std::vector<Accepted>& found);
  Task<Result<void>> take_in(Line& line, std::vector<channel::Incoming> batch);
  Result<void> check_room(const Line& line, std::size_t more) const;
  EarlyRows begin_rows(Line& line, const std::vector<channel::Incoming>& batch);
  void enqueue(Accepted accepted);
  void dispatch();
  void start(const std::string& lane, Accepted accepted);
  Task<void> process(std::string lane, Accepted accepted, channel::Channel& channel, std::shared_ptr<Running> running);
  Task<TurnOutcome> run_turn(const std::string& lane, const Accepted& accepted, channel::Channel& channel,
                             std::shared_ptr<Running> running);
  // False when the process ends before the reply could be stored.
  Task<bool> answer(const std::string& lane, const Accepted& accepted, channel::Channel& channel, TurnOutcome outcome);
  Task<std::optional<bool>> keep_reply(const std::string& lane, const Accepted& accepted, channel::Channel& channel,
                                       const Reply& reply);
  Leaving leaving_of(std::string lane, const Accepted& accepted, channel::Channel& channel, Reply reply) const;
  bool stop_turn(const std::string& lane, Accepted& accepted);
  Task<void> answer_stop(std::string lane, Accepted stop, channel::Channel& channel);
  void finish_one(const channel::Channel& channel);
  void wake_if_idle();
  bool is_drained() const {
    return lanes.running() == 0 && (is_closing || lanes.waiting() == 0) && outbox.is_resting();
  }
  std::string lane_of(const Accepted& accepted, const channel::Channel& channel) const {
    return conversation_key(Turns::conversation_of(accepted.incoming, channel.tenant()));
  }

  Line* find(const std::string& name) {
    for (auto& line : lines) {
      if (line->channel->name() == name) return line.get();
    }
    return nullptr;
  }

  asio::any_io_executor loop;
  Services services;
  Bounds bounds;
  Turns turns;
  Lanes<Accepted> lanes;
  Outbox outbox;
  Typing typing;
  std::vector<std::unique_ptr<Line>> lines;
  std::unordered_map<std::string, std::shared_ptr<Running>> running;  // by lane
  std::size_t channels_running = 0;
  std::size_t unfinished = 0;   // of all lines
  std::string storage_trouble;  // why nothing was accepted the last time
  bool is_closing = false;
  asio::steady_timer idle;  // expires never; cancelled when there may be nothing left to do
  asio::steady_timer grace_timer;
};

Task<Result<void>> Gateway::State::run() {
  Result<void> recovered = co_await recover();
  if (!recovered) co_return recovered;
  for (auto& each : lines) {
    ++channels_running;
    channel::Intake intake = [self = this, line = each.get()](std::vector<channel::Incoming> batch) {
      return self->take_in(*line, std::move(batch));
    };
    asio::co_spawn(loop, each->channel->run(std::move(intake)),
                   [self = shared_from_this(), name = each->channel->name()](std::exception_ptr error) {
                     if (error) spdlog::error("channel {} ended by an exception", name);
                     --self->channels_running;
                     self->wake_if_idle();
                   });
  }
  while (channels_running > 0 || !is_drained()) {
    idle.expires_at(std::chrono::steady_clock::time_point::max());
    boost::system::error_code ignored;
    co_await idle.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
  }
  grace_timer.cancel();
  Result<void> flushed = co_await services.journal.flush();
  co_return flushed;
}

Task<Result<void>> Gateway::State::recover() {
  Result<std::vector<Accepted>> found = co_await services.journal.unfinished();
  if (!found) co_return fail(std::move(found.error()));
  if (!found->empty()) spdlog::info("{} messages were not finished by the last run; going on", found->size());
  strike_forgotten(*found);
  for (Accepted& accepted : *found) {
    Line* line = find(accepted.incoming.channel);
    if (!line) {
      spdlog::warn("message {} of channel {} stays unanswered: the channel is not configured", accepted.id,
                   accepted.incoming.channel);
      continue;
    }
    ++unfinished;
    ++line->unfinished;
    accepted.is_recovered = true;
    if (accepted.state < MessageState::ready) {
      enqueue(std::move(accepted));
    } else {
      co_await resume(std::move(accepted));
    }
  }
  co_return Result<void>();
}

// A reply that was stored: one that may have left goes again only where that is harmless or wished for.
Task<void> Gateway::State::resume(Accepted accepted) {
  channel::Channel& channel = *find(accepted.incoming.channel)->channel;
  co_await remember_again(accepted);
  const bool may_have_left = accepted.state == MessageState::sending;
  const std::chrono::milliseconds away = services.clock.wall() - accepted.left_at;
  Leaving leaving = leaving_of(lane_of(accepted, channel), accepted, channel, std::move(accepted.reply));
  // A clock that was set back says nothing of how long it is.
  const bool is_harmless = away >= std::chrono::milliseconds(0) && away < channel.resends_for(leaving.outgoing);
  if (may_have_left && !is_harmless && channel.resends_for(leaving.outgoing) != channel::Channel::kForever) {
    spdlog::warn(
        "{}: the last run ended while the reply to message {} was leaving for chat {}: nobody knows whether it "
        "arrived, and it is not sent again (resend_unknown). `usher conversations --state unknown` lists "
        "such replies",
        channel.name(), accepted.id, accepted.incoming.chat);
    services.journal.mark_done(accepted.id, MessageState::unknown);
    finish_one(channel);
    co_return;
  }
  if (may_have_left) leaving.away = away;
  outbox.push(std::move(leaving));
}

// What a /new behind a turn has cleared is not to be remembered again: the /new is done, and will not clear it twice.
void Gateway::State::strike_forgotten(std::vector<Accepted>& found) {
  std::unordered_set<std::string> cleared;  // lanes
  for (Accepted& accepted : found | std::views::reverse) {
    Line* line = find(accepted.incoming.channel);
    if (!line) continue;
    const std::string lane = lane_of(accepted, *line->channel);
    if (cleared.contains(lane)) accepted.reply.remembrance = {};
    const bool is_done = accepted.state >= MessageState::ready;
    if (is_done && command_of(accepted.incoming.text) == "new") cleared.insert(lane);
  }
}

// What the reply says may not have reached its sender's memory; appending twice changes nothing.
Task<void> Gateway::State::remember_again(const Accepted& accepted) {
  const Remembrance& kept = accepted.reply.remembrance;
  if (kept.memory_db.empty()) co_return;
  Result<std::shared_ptr<memory::MemoryStore>> memory = co_await services.memories.open(kept.memory_db);
  Result<void> appended;
  if (memory) {
    appended = (*memory)->append(kept.conversation, kept.turn, kept.entries);
  } else {
    appended = fail(std::move(memory.error()));
  }
  if (!appended) spdlog::error("message {} is not remembered: {}", accepted.id, appended.error().message);
}

Result<void> Gateway::State::check_room(const Line& line, std::size_t more) const {
  if (is_closing) return fail(ErrorKind::cancelled, "shutting down");
  if (unfinished + more > bounds.max_unfinished || line.unfinished + more > bounds.max_unfinished_of_channel) {
    return fail(ErrorKind::limit, fmt::format("the inbox is full: {} messages wait for their answers, {} of {}",
                                              unfinished, line.unfinished, line.channel->name()));
  }
  return {};
}

Task<Result<void>> Gateway::State::take_in(Line& line, std::vector<channel::Incoming> batch) {
  Result<void> room = check_room(line, batch.size());
  if (!room) co_return room;
  const std::size_t size = batch.size();
  unfinished += size;
  line.unfinished += size;
  EarlyRows rows = begin_rows(line, batch);
  Result<std::vector<Accepted>> fresh = co_await services.journal.accept(std::move(batch));
  const std::size_t known = size - (fresh ? fresh->size() : 0);
  unfinished -= known;
  line.unfinished -= known;
  storage_trouble = fresh ? "" : fresh.error().message;
  if (!fresh) line.offered = std::move(rows);
  if (!fresh) co_return fail(std::move(fresh.error()));
  for (Accepted& accepted : *fresh) {
    accepted.resolution = std::move(rows[accepted.incoming.platform_id]);
    enqueue(std::move(accepted));
  }
  co_return Result<void>();
}

// Before the messages are accepted: both are then written at the same time.
EarlyRows Gateway::State::begin_rows(Line& line, const std::vector<channel::Incoming>& batch) {
  EarlyRows rows, offered = std::exchange(line.offered, {});
  for (const channel::Incoming& incoming : batch) {
    const auto known = offered.find(incoming.platform_id);
    rows[incoming.platform_id] = known != offered.end()
                                     ? std::move(known->second)
                                     : turns.begin_resolution(incoming, line.channel->tenant(), loop);
  }
  return rows;
}

void Gateway::State::enqueue(Accepted accepted) {
  const std::string lane = lane_of(accepted, *find(accepted.incoming.channel)->channel);
  const bool is_stop = command_of(accepted.incoming.text) == "stop";
  if (is_stop && stop_turn(lane, accepted)) return;
  lanes.push(lane, std::move(accepted));
  dispatch();
}

void Gateway::State::dispatch() {
  if (is_closing) return;
  while (auto next = lanes.next()) start(next->first, std::move(next->second));
}

void Gateway::State::start(const std::string& lane, Accepted accepted) {
  channel::Channel& channel = *find(accepted.incoming.channel)->channel;
  auto turn = std::make_shared<Running>();
  running[lane] = turn;
  typing.begin(lane, channel, accepted.incoming.chat, accepted.incoming.thread);
  services.journal.mark_running(accepted.id);
  asio::co_spawn(loop, process(lane, std::move(accepted), channel, turn),
                 asio::bind_cancellation_slot(turn->abandon.slot(),
                                              [self = shared_from_this(), turn, lane](std::exception_ptr error) {
                                                if (error && !self->is_closing) {
                                                  spdlog::error("a turn ended by an exception");
                                                }
                                                self->running.erase(lane);
                                                self->typing.end(lane);
                                                self->lanes.finish(lane);
                                                self->dispatch();
                                                self->wake_if_idle();
                                              }));
}

Task<void> Gateway::State::process(std::string lane, Accepted accepted, channel::Channel& channel,
                                   std::shared_ptr<Running> turn) {
  if (accepted.is_recovered) {
    // Its turn may be what ended the last process, and at once: that it runs is on disk before it does.
    Result<void> marked = co_await services.journal.flush();
    if (!marked) spdlog::error("message {} runs, and that is not on record: {}", accepted.id, marked.error().message);
  }
  TurnOutcome outcome = co_await run_turn(lane, accepted, channel, turn);
  turn->is_working = false;
  if (outcome.was_cancelled && !turn->stopped_by && is_closing) co_return;  // shutdown: the next start runs it again
  // Too late: the answer stands, and the /stop is answered behind it, before what was written behind the /stop.
  if (!outcome.was_cancelled && turn->stopped_by) {
    lanes.push_front(lane, *std::exchange(turn->stopped_by, std::nullopt));
  }
  if (outcome.reply.text.empty()) {
    services.journal.mark_done(accepted.id, MessageState::sent);
    finish_one(channel);
  } else {
    const bool is_kept = co_await answer(lane, accepted, channel, std::move(outcome));
    if (!is_kept) co_return;  // a /stop stays, too
  }
  if (turn->stopped_by) co_await answer_stop(lane, *turn->stopped_by, channel);
}

// "Stopped." was said already, and mostly answers both.
Task<void> Gateway::State::answer_stop(std::string lane, Accepted stop, channel::Channel& channel) {
  if (channel.awaits_answer(stop.incoming)) {
    TurnOutcome stopped;
    stopped.reply.text = turns.texts_for(stop.incoming, channel.tenant()).say("stopped");
    co_await answer(lane, stop, channel, std::move(stopped));
  } else {
    services.journal.mark_done(stop.id, MessageState::sent);
    finish_one(channel);
  }
}

Task<TurnOutcome> Gateway::State::run_turn(const std::string& lane, const Accepted& accepted, channel::Channel& channel,
                                           std::shared_ptr<Running> turn) {
  const bool is_suspect = accepted.interruptions >= kMaxInterruptions;
  if (is_suspect) {
    spdlog::error("message {} of {} is given up: {} processes died while its turn ran", accepted.id, channel.name(),
                  accepted.interruptions);
  }
  // An answer must not be seen growing above an older one that is still to be sent.
  TurnHooks hooks{.is_cancelled = [turn] { return turn->stopped_by.has_value(); },
                  .may_show = [&] { return !outbox.holds_any(lane, channel); }};
  try {
    if (!is_suspect) {
      TurnOutcome outcome =
          co_await asio::co_spawn(loop, turns.run(accepted, channel, std::move(hooks)),
                                  asio::bind_cancellation_slot(turn->stop.slot(), asio::use_awaitable));
      co_return outcome;
    }
  } catch (const std::exception& thrown) {
    // The catch boundary of a turn. A stopped turn unwinds through here too.
    if (!turn->stopped_by) spdlog::error("turn of message {} failed: {}", accepted.id, thrown.what());
  }
  TurnOutcome failed;
  failed.was_cancelled = turn->stopped_by || is_closing;
  failed.reply.text =
      turns.texts_for(accepted.incoming, channel.tenant()).say(turn->stopped_by ? "stopped" : "unavailable");
  co_return failed;
}

// Stores the reply, remembers it, sees it off.
Task<bool> Gateway::State::answer(const std::string& lane, const Accepted& accepted, channel::Channel& channel,
                                  TurnOutcome outcome) {
  failpoint("reply.before_commit");
  std::optional<bool> is_leaving = co_await keep_reply(lane, accepted, channel, outcome.reply);
  if (!is_leaving) co_return false;
  failpoint("reply.committed");
  if (outcome.memory) {
    const Remembrance& kept = outcome.reply.remembrance;
    Result<void> appended = outcome.memory->append(kept.conversation, kept.turn, kept.entries);
    if (!appended) spdlog::error("message {} is not remembered: {}", accepted.id, appended.error().message);
  }
  failpoint("reply.remembered");
  Leaving leaving = leaving_of(lane, accepted, channel, std::move(outcome.reply));
  leaving.is_leaving = *is_leaving;
  outbox.push(std::move(leaving));
  co_return true;
}

// Whether it is stored as leaving; nothing when the process ends before it could be stored.
Task<std::optional<bool>> Gateway::State::keep_reply(const std::string& lane, const Accepted& accepted,
                                                     channel::Channel& channel, const Reply& reply) {
  std::chrono::milliseconds delay = kFirstRetry;
  while (true) {
    const bool is_leaving = outbox.would_send_now(lane, channel, accepted.incoming.chat);
    Result<void> stored = co_await services.journal.store_reply(accepted.id, reply, is_leaving);
    if (stored) co_return is_leaving;
    spdlog::error("the reply to message {} cannot be stored{}: {}", accepted.id, is_closing ? "" : ", trying again",
                  stored.error().message);
    if (is_closing) co_return std::nullopt;
    const bool has_waited = co_await sleep_for(delay);
    if (!has_waited) co_return std::nullopt;
    delay = std::min(delay * 2, kMaxRetry);
  }
}

Leaving Gateway::State::leaving_of(std::string lane, const Accepted& accepted, channel::Channel& channel,
                                   Reply reply) const {
  Leaving leaving{.id = accepted.id,
                  .lane = std::move(lane),
                  .channel = &channel,
                  .outgoing = answer_to(accepted, services.journal.instance()),
                  .parts_arrived = accepted.parts_arrived};
  leaving.outgoing.text = std::move(reply.text);
  leaving.outgoing.choices = std::move(reply.choices);
  return leaving;
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

void Gateway::State::finish_one(const channel::Channel& channel) {
  --unfinished;
  --find(channel.name())->unfinished;
  wake_if_idle();
}

void Gateway::State::wake_if_idle() {
  if (channels_running == 0 && is_drained()) idle.cancel();
}

Gateway::Gateway(asio::any_io_executor loop, const Services& services, Bounds bounds)
    : state_(std::make_shared<State>(std::move(loop), services, bounds)) {}

Gateway::~Gateway() = default;

void Gateway::add(std::unique_ptr<channel::Channel> channel) {
  state_->lines.push_back(std::make_unique<Line>(Line{std::move(channel)}));
}

Task<Result<void>> Gateway::run() {
  Result<void> ended = co_await state_->run();
  co_return ended;
}

Result<void> Gateway::readiness() const {
  if (state_->channels_running == 0) return fail(ErrorKind::unavailable, "no channel is running");
  if (!state_->storage_trouble.empty()) {
    return fail(ErrorKind::unavailable, "messages cannot be stored: " + state_->storage_trouble);
  }
  for (const auto& line : state_->lines) {
    Result<void> room = state_->check_room(*line, 1);
    if (!room) return fail(ErrorKind::unavailable, std::move(room.error().message));
    const std::string trouble = line->channel->health();
    if (!trouble.empty()) {
      return fail(ErrorKind::unavailable, fmt::format("{}: {}", line->channel->name(), trouble));
    }
  }
  return {};
}

void Gateway::shut_down(std::chrono::seconds grace) {
  if (state_->is_closing) return;
  state_->is_closing = true;
  for (auto& line : state_->lines) line->channel->stop();
  state_->typing.stop();
  state_->outbox.close();
  state_->grace_timer.expires_after(grace);
  state_->grace_timer.async_wait([state = state_](boost::system::error_code error) {
    if (error) return;
    spdlog::warn("{} turns and {} replies did not finish in time; the next start goes on with them",
                 state->running.size(), state->outbox.size());
    // Ending a turn changes the map.
    std::vector<std::shared_ptr<Running>> turns;
    for (auto& [lane, turn] : state->running) turns.push_back(turn);
    for (auto& turn : turns) {
      turn->stop.emit(asio::cancellation_type::terminal);
      turn->abandon.emit(asio::cancellation_type::terminal);
    }
    state->outbox.abandon();
  });
  state_->wake_if_idle();
}

}  // namespace usher::gateway
