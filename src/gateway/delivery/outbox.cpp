#include "gateway/delivery/outbox.h"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/system/system_error.hpp>
#include <optional>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "base/failpoint.h"
#include "gateway/lanes.h"

namespace usher::gateway {
namespace {

constexpr std::chrono::seconds kSendTimeout{120};
constexpr std::chrono::milliseconds kFirstRetry{500};
constexpr std::chrono::milliseconds kMaxRetry{60'000};

// How far one reply has got, in the journal.
class JournalPassage final : public channel::Passage {
 public:
  JournalPassage(Journal& journal, const Leaving& leaving)
      : journal_(journal),
        id_(leaving.id),
        parts_arrived_(leaving.parts_arrived),
        parts_on_record_(leaving.parts_arrived),
        is_leaving_(leaving.is_leaving),
        left_at_(Clock::now() - leaving.away.value_or(std::chrono::milliseconds(0))),
        may_have_left_(leaving.away.has_value()),
        window_(leaving.channel->resends_for(leaving.outgoing)) {}

  std::size_t parts_arrived() const override { return parts_arrived_; }

  Task<Result<void>> leave() override {
    is_unclear_ |= may_have_left_;
    if (is_overdue()) co_return fail(ErrorKind::busy, "sent again, it might stand there twice");
    if (!is_leaving_) {
      Result<void> stored = co_await journal_.store_leaving(id_, parts_arrived_);
      is_held_back_ = !stored;
      if (!stored) co_return stored;
      is_leaving_ = true;
      parts_on_record_ = parts_arrived_;
    }
    if (!may_have_left_) left_at_ = Clock::now();
    may_have_left_ = true;
    failpoint("delivery.part_leaving");
    co_return Result<void>();
  }

  // Whether it was our own disk that kept the next part from leaving.
  bool is_held_back() const { return is_held_back_; }

  // Whether the next part may be sent again as far as its platform recognizes it.
  bool may_leave_again() const { return Clock::now() - left_at_ < window_; }
  // An earlier try of the next part may have arrived, and another one would no longer be recognized.
  bool is_overdue() const { return is_unclear_ && !may_leave_again(); }

  void arrived() override {
    failpoint("delivery.part_arrived");
    ++parts_arrived_;
    is_leaving_ = may_have_left_ = is_unclear_ = false;
    // The last one is marked as sent, those before when the next one leaves.
  }

  void came_back() override {
    if (is_unclear_) return;  // this try came back, an earlier one may have arrived
    may_have_left_ = false;
    // Parts behind the last commit have arrived: the next one surely has not.
    if (!is_leaving_ && parts_arrived_ == parts_on_record_) return;
    is_leaving_ = false;
    parts_on_record_ = parts_arrived_;
    journal_.mark_ready(id_, parts_arrived_);
  }

 private:
  using Clock = std::chrono::steady_clock;

  Journal& journal_;
  MessageId id_;
  std::size_t parts_arrived_;
  std::size_t parts_on_record_;
  bool is_leaving_;
  Clock::time_point left_at_;
  bool may_have_left_;       // a try of the next part has left
  bool is_unclear_ = false;  // … and there was another before it of which nobody knows
  std::chrono::seconds window_;
  bool is_held_back_ = false;
};

// `denied`: the bot's credentials, which the operator can mend.
bool may_pass(ErrorKind kind) {
  return kind == ErrorKind::unavailable || kind == ErrorKind::busy || kind == ErrorKind::timeout ||
         kind == ErrorKind::limit || kind == ErrorKind::cancelled || kind == ErrorKind::denied;
}

// A reply that is being sent, or waits to be tried again.
struct Attempt {
  explicit Attempt(const asio::any_io_executor& loop) : wait(loop) {}
  asio::steady_timer wait;
  asio::cancellation_signal abandon;
};

}  // namespace

struct Outbox::State : std::enable_shared_from_this<Outbox::State> {
  State(asio::any_io_executor executor, Journal& in, std::size_t max_sending,
        std::function<void(const channel::Channel&)> done)
      : loop(std::move(executor)), journal(in), on_done(std::move(done)), max_sending_of_channel(max_sending) {}

  void dispatch(const channel::Channel& channel);
  // Ends a lane for good: what waits in it, and what comes yet, stays for the next start, in order.
  void park(const channel::Channel& channel, const std::string& lane);
  Lanes<Leaving>& lanes_of(const channel::Channel& channel) {
    return lanes.try_emplace(&channel, max_sending_of_channel).first->second;
  }
  void start(std::string lane, Leaving leaving);
  // Nullopt when it is parked.
  Task<std::optional<MessageState>> deliver(const Leaving& leaving, Attempt& attempt);
  Task<Result<channel::Delivery>> send(const Leaving& leaving, JournalPassage& passage);
  std::optional<MessageState> judge(const Leaving& leaving, const JournalPassage& passage,
                                    const Result<channel::Delivery>& sent) const;

  asio::any_io_executor loop;
  Journal& journal;
  std::function<void(const channel::Channel&)> on_done;
  std::size_t max_sending_of_channel;
  // One that takes no replies holds up no other's.
  std::unordered_map<const channel::Channel*, Lanes<Leaving>> lanes;
  std::unordered_set<std::string> parked;                              // lanes
  std::unordered_map<std::string, std::shared_ptr<Attempt>> attempts;  // by lane
  bool is_closing = false;
  bool is_abandoned = false;
};

void Outbox::State::park(const channel::Channel& channel, const std::string& lane) {
  parked.insert(lane);
  lanes_of(channel).drop_waiting(lane);
}

void Outbox::State::dispatch(const channel::Channel& channel) {
  if (is_abandoned) return;
  while (auto next = lanes_of(channel).next()) start(std::move(next->first), std::move(next->second));
}

void Outbox::State::start(std::string lane, Leaving leaving) {
  auto attempt = std::make_shared<Attempt>(loop);
  attempts[lane] = attempt;
  auto run = [](std::shared_ptr<State> self, Leaving own, std::shared_ptr<Attempt> tried) -> Task<void> {
    const std::optional<MessageState> became = co_await self->deliver(own, *tried);
    if (became) {
      self->journal.mark_done(own.id, *became);
    } else {
      self->park(*own.channel, own.lane);  // they must not overtake it: the next start sends them in order
    }
  };
  const channel::Channel* channel = leaving.channel;
  const MessageId id = leaving.id;
  asio::co_spawn(
      loop, run(shared_from_this(), std::move(leaving), attempt),
      asio::bind_cancellation_slot(attempt->abandon.slot(), [self = shared_from_this(), attempt, lane = std::move(lane),
                                                             channel, id](std::exception_ptr error) {
        if (error && self->is_closing) self->park(*channel, lane);
        if (error && !self->is_closing) {
          spdlog::error("sending the reply to message {} ended by an exception", id);
          self->journal.mark_done(id, MessageState::unknown);
        }
        self->attempts.erase(lane);
        self->lanes_of(*channel).finish(lane);
        self->dispatch(*channel);
        self->on_done(*channel);
      }));
}

Task<std::optional<MessageState>> Outbox::State::deliver(const Leaving& leaving, Attempt& attempt) {
  JournalPassage passage(journal, leaving);
  std::chrono::milliseconds delay = kFirstRetry;
  while (true) {
    Result<channel::Delivery> sent = co_await send(leaving, passage);
    if (!sent && passage.is_overdue()) sent = channel::Delivery::unknown;
    const bool is_resent = sent == channel::Delivery::unknown && passage.may_leave_again();
    if (!is_resent) {
      const std::optional<MessageState> became = judge(leaving, passage, sent);
      if (became) co_return became;
    }
    if (is_closing) co_return std::nullopt;
    const std::optional<std::chrono::milliseconds> asked = sent ? std::nullopt : sent.error().retry_after;
    attempt.wait.expires_after(std::max(delay, asked.value_or(delay)));
    boost::system::error_code ended_early;
    co_await attempt.wait.async_wait(asio::redirect_error(asio::use_awaitable, ended_early));
    if (ended_early) co_return std::nullopt;
    delay = std::min(delay * 2, kMaxRetry);
  }
}

// The catch boundary of a delivery.
Task<Result<channel::Delivery>> Outbox::State::send(const Leaving& leaving, JournalPassage& passage) {
  try {
    Result<channel::Delivery> sent =
        co_await leaving.channel->send(leaving.outgoing, passage, Deadline::in(kSendTimeout));
    co_return sent;
  } catch (const std::exception& thrown) {
    const auto* abandoned = dynamic_cast<const boost::system::system_error*>(&thrown);
    if (abandoned && abandoned->code() == asio::error::operation_aborted) throw;
    spdlog::error("{}: sending the reply to message {} failed: {}", leaving.channel->name(), leaving.id, thrown.what());
  }
  co_return channel::Delivery::unknown;
}

// What the reply became, or nothing when it is to be tried again.
std::optional<MessageState> Outbox::State::judge(const Leaving& leaving, const JournalPassage& passage,
                                                 const Result<channel::Delivery>& sent) const {
  const std::string& name = leaving.channel->name();
  if (sent) {
    switch (*sent) {
      case channel::Delivery::sent:
        return MessageState::sent;
      case channel::Delivery::gone:
        spdlog::info("{}: the reply to message {} cannot reach chat {}", name, leaving.id, leaving.outgoing.chat);
        return MessageState::undelivered;
      case channel::Delivery::unknown:
        spdlog::warn(
            "{}: nobody knows whether the reply to message {} in chat {} arrived; it is not sent again "
            "(resend_unknown). `usher conversations --state unknown` lists such replies",
            name, leaving.id, leaving.outgoing.chat);
        return MessageState::unknown;
    }
  }
  if (!passage.is_held_back() && !may_pass(sent.error().kind)) {
    spdlog::error("{}: the reply to message {} was refused: {}", name, leaving.id, sent.error().message);
    return MessageState::undelivered;
  }
  spdlog::warn("{}: the reply to message {} waits: {}", name, leaving.id, sent.error().message);
  return std::nullopt;
}

Outbox::Outbox(asio::any_io_executor loop, Journal& journal, std::size_t max_sending,
               std::function<void(const channel::Channel&)> on_done)
    : state_(std::make_shared<State>(std::move(loop), journal, max_sending, std::move(on_done))) {}

Outbox::~Outbox() = default;

bool Outbox::would_send_now(const std::string& lane, const channel::Channel& channel, const std::string& chat) const {
  return !state_->is_closing && state_->lanes_of(channel).would_run_now(lane) && channel.can_send_now(chat);
}

bool Outbox::holds_any(const std::string& lane, const channel::Channel& channel) const {
  return state_->lanes_of(channel).is_busy(lane) || state_->parked.contains(lane);
}

void Outbox::push(Leaving leaving) {
  const std::string lane = leaving.lane;
  const channel::Channel& channel = *leaving.channel;
  Lanes<Leaving>& lanes = state_->lanes_of(channel);
  const bool is_parked = state_->is_abandoned || state_->parked.contains(lane);
  // The place that was free when it was stored may be taken.
  if (leaving.is_leaving && (is_parked || !lanes.would_run_now(lane))) {
    leaving.is_leaving = false;
    state_->journal.mark_ready(leaving.id, leaving.parts_arrived);
  }
  if (is_parked) return;
  lanes.push(lane, std::move(leaving));
  state_->dispatch(channel);
}

std::size_t Outbox::size() const {
  std::size_t all = 0;
  for (const auto& [channel, lanes] : state_->lanes) all += lanes.waiting() + lanes.running();
  return all;
}

void Outbox::close() {
  state_->is_closing = true;
  for (auto& [lane, attempt] : state_->attempts) attempt->wait.cancel();
}

bool Outbox::is_resting() const { return state_->is_abandoned ? state_->attempts.empty() : size() == 0; }

void Outbox::abandon() {
  state_->is_closing = true;
  state_->is_abandoned = true;
  // Ending one changes the map.
  std::vector<std::shared_ptr<Attempt>> attempts;
  for (auto& [lane, attempt] : state_->attempts) attempts.push_back(attempt);
  for (auto& attempt : attempts) attempt->abandon.emit(asio::cancellation_type::terminal);
}

}  // namespace usher::gateway
