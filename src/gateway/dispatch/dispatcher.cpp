#include "gateway/dispatch/dispatcher.h"

#include <spdlog/spdlog.h>

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <optional>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "gateway/commands.h"
#include "gateway/conversation.h"
#include "gateway/dispatch/typing.h"
#include "gateway/lanes.h"

namespace usher::gateway {
namespace {

// So many processes may die while a message's turn runs before the message itself is taken for the reason.
constexpr int kMaxInterruptions = 10;

// A turn that runs, with the two ways to end it early.
struct Running {
  bool is_working = true;              // the agent loop has not ended yet
  std::optional<Accepted> stopped_by;  // the /stop
  asio::cancellation_signal stop;      // ends the agent loop; the person is told
  asio::cancellation_signal abandon;   // ends everything: shutdown; the journal keeps the message
};

// A message that waits for its turn.
struct Waiting {
  Accepted accepted;
  channel::Channel* channel;
};

}  // namespace

struct Dispatcher::State : std::enable_shared_from_this<Dispatcher::State> {
  State(asio::any_io_executor executor, Journal& in, Turns& all, Replies& answers, std::size_t max_running,
        std::function<void()> ended)
      : loop(std::move(executor)),
        journal(in),
        turns(all),
        replies(answers),
        on_ended(std::move(ended)),
        lanes(max_running),
        typing(loop) {}

  void dispatch();
  void start(const std::string& lane, Accepted accepted, channel::Channel& channel);
  Task<void> process(std::string lane, Accepted accepted, channel::Channel& channel, std::shared_ptr<Running> running);
  Task<TurnOutcome> run_turn(const std::string& lane, const Accepted& accepted, channel::Channel& channel,
                             std::shared_ptr<Running> running);
  bool stop_turn(const std::string& lane, Accepted& accepted);
  Task<void> answer_stop(std::string lane, Accepted stop, channel::Channel& channel);

  asio::any_io_executor loop;
  Journal& journal;
  Turns& turns;
  Replies& replies;
  std::function<void()> on_ended;
  Lanes<Waiting> lanes;
  Typing typing;
  std::unordered_map<std::string, std::shared_ptr<Running>> running;  // by lane
  bool is_closing = false;
};

void Dispatcher::State::dispatch() {
  if (is_closing) return;
  while (auto next = lanes.next()) start(next->first, std::move(next->second.accepted), *next->second.channel);
}

void Dispatcher::State::start(const std::string& lane, Accepted accepted, channel::Channel& channel) {
  auto turn = std::make_shared<Running>();
  running[lane] = turn;
  typing.begin(lane, channel, accepted.incoming.chat, accepted.incoming.thread);
  journal.mark_running(accepted.id);
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
                                                self->on_ended();
                                              }));
}

Task<void> Dispatcher::State::process(std::string lane, Accepted accepted, channel::Channel& channel,
                                      std::shared_ptr<Running> turn) {
  if (accepted.is_recovered) {
    // Its turn may be what ended the last process, and at once: that it runs is on disk before it does.
    Result<void> marked = co_await journal.flush();
    if (!marked) spdlog::error("message {} runs, and that is not on record: {}", accepted.id, marked.error().message);
  }
  TurnOutcome outcome = co_await run_turn(lane, accepted, channel, turn);
  turn->is_working = false;
  if (outcome.was_cancelled && !turn->stopped_by && is_closing) co_return;  // shutdown: the next start runs it again
  // Too late: the answer stands, and the /stop is answered behind it, before what was written behind the /stop.
  if (!outcome.was_cancelled && turn->stopped_by) {
    lanes.push_front(lane, {*std::exchange(turn->stopped_by, std::nullopt), &channel});
  }
  if (outcome.reply.text.empty()) {
    replies.leave_unanswered(accepted, channel);
  } else {
    const bool is_kept = co_await replies.answer(lane, accepted, channel, std::move(outcome));
    if (!is_kept) co_return;  // a /stop stays, too
  }
  if (turn->stopped_by) co_await answer_stop(lane, *turn->stopped_by, channel);
}

// "Stopped." was said already, and mostly answers both.
Task<void> Dispatcher::State::answer_stop(std::string lane, Accepted stop, channel::Channel& channel) {
  if (channel.awaits_answer(stop.incoming)) {
    TurnOutcome stopped;
    stopped.reply.text = turns.texts_for(stop.incoming, channel.tenant()).say("stopped");
    co_await replies.answer(lane, stop, channel, std::move(stopped));
  } else {
    replies.leave_unanswered(stop, channel);
  }
}

Task<TurnOutcome> Dispatcher::State::run_turn(const std::string& lane, const Accepted& accepted,
                                              channel::Channel& channel, std::shared_ptr<Running> turn) {
  const bool is_suspect = accepted.interruptions >= kMaxInterruptions;
  if (is_suspect) {
    spdlog::error("message {} of {} is given up: {} processes died while its turn ran", accepted.id, channel.name(),
                  accepted.interruptions);
  }
  // An answer must not be seen growing above an older one that is still to be sent.
  TurnHooks hooks{.is_cancelled = [turn] { return turn->stopped_by.has_value(); },
                  .may_show = [&] { return !replies.is_owing(lane, channel); }};
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

// Ends the lane's turn early; false when none is being worked on.
bool Dispatcher::State::stop_turn(const std::string& lane, Accepted& accepted) {
  auto found = running.find(lane);
  if (found == running.end() || !found->second->is_working || found->second->stopped_by) return false;
  std::shared_ptr<Running> turn = found->second;
  turn->stopped_by = std::move(accepted);
  turn->stop.emit(asio::cancellation_type::terminal);  // the turn itself answers "Stopped."
  return true;
}

Dispatcher::Dispatcher(asio::any_io_executor loop, Journal& journal, Turns& turns, Replies& replies,
                       std::size_t max_running, std::function<void()> on_ended)
    : state_(std::make_shared<State>(std::move(loop), journal, turns, replies, max_running, std::move(on_ended))) {}

Dispatcher::~Dispatcher() = default;

void Dispatcher::enqueue(Accepted accepted, channel::Channel& channel) {
  const std::string lane = lane_of(accepted.incoming, channel);
  const bool is_stop = command_of(accepted.incoming.text) == "stop";
  if (is_stop && state_->stop_turn(lane, accepted)) return;
  state_->lanes.push(lane, {std::move(accepted), &channel});
  state_->dispatch();
}

std::size_t Dispatcher::size() const { return state_->running.size(); }

void Dispatcher::close() {
  state_->is_closing = true;
  state_->typing.stop();
}

bool Dispatcher::is_resting() const {
  return state_->lanes.running() == 0 && (state_->is_closing || state_->lanes.waiting() == 0);
}

void Dispatcher::abandon() {
  // Ending a turn changes the map.
  std::vector<std::shared_ptr<Running>> turns;
  for (auto& [lane, turn] : state_->running) turns.push_back(turn);
  for (auto& turn : turns) {
    turn->stop.emit(asio::cancellation_type::terminal);
    turn->abandon.emit(asio::cancellation_type::terminal);
  }
}

}  // namespace usher::gateway
