#include "gateway/delivery/replies.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <chrono>
#include <memory>
#include <utility>

#include "base/failpoint.h"
#include "gateway/conversation.h"

namespace usher::gateway {
namespace {

constexpr std::chrono::milliseconds kFirstRetry{500};
constexpr std::chrono::milliseconds kMaxRetry{60'000};

}  // namespace

Replies::Replies(const Services& services, Outbox& outbox, std::function<void(const channel::Channel&)> on_done)
    : services_(services), outbox_(outbox), on_done_(std::move(on_done)) {}

Task<bool> Replies::answer(const std::string& lane, const Accepted& accepted, channel::Channel& channel,
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
  outbox_.push(std::move(leaving));
  co_return true;
}

// Whether it is stored as leaving; nothing when the process ends before it could be stored.
Task<std::optional<bool>> Replies::keep_reply(const std::string& lane, const Accepted& accepted,
                                              channel::Channel& channel, const Reply& reply) {
  std::chrono::milliseconds delay = kFirstRetry;
  while (true) {
    const bool is_leaving = outbox_.would_send_now(lane, channel, accepted.incoming.chat);
    Result<void> stored = co_await services_.journal.store_reply(accepted.id, reply, is_leaving);
    if (stored) co_return is_leaving;
    spdlog::error("the reply to message {} cannot be stored{}: {}", accepted.id, is_closing_ ? "" : ", trying again",
                  stored.error().message);
    if (is_closing_) co_return std::nullopt;
    const bool has_waited = co_await sleep_for(delay);
    if (!has_waited) co_return std::nullopt;
    delay = std::min(delay * 2, kMaxRetry);
  }
}

Leaving Replies::leaving_of(std::string lane, const Accepted& accepted, channel::Channel& channel, Reply reply) const {
  Leaving leaving{.id = accepted.id,
                  .lane = std::move(lane),
                  .channel = &channel,
                  .outgoing = answer_to(accepted, services_.journal.instance()),
                  .parts_arrived = accepted.parts_arrived};
  leaving.outgoing.text = std::move(reply.text);
  leaving.outgoing.choices = std::move(reply.choices);
  return leaving;
}

bool Replies::is_owing(const std::string& lane, const channel::Channel& channel) const {
  return outbox_.holds_any(lane, channel);
}

void Replies::leave_unanswered(const Accepted& accepted, const channel::Channel& channel) {
  services_.journal.mark_done(accepted.id, MessageState::sent);
  on_done_(channel);
}

// A reply that was stored: one that may have left goes again only where that is harmless or wished for.
Task<void> Replies::resume(Accepted accepted, channel::Channel& channel) {
  co_await remember_again(accepted);
  const bool may_have_left = accepted.state == MessageState::sending;
  const std::chrono::milliseconds away = services_.clock.wall() - accepted.left_at;
  Leaving leaving = leaving_of(lane_of(accepted.incoming, channel), accepted, channel, std::move(accepted.reply));
  // A clock that was set back says nothing of how long it is.
  const bool is_harmless = away >= std::chrono::milliseconds(0) && away < channel.resends_for(leaving.outgoing);
  if (may_have_left && !is_harmless && channel.resends_for(leaving.outgoing) != channel::Channel::kForever) {
    spdlog::warn(
        "{}: the last run ended while the reply to message {} was leaving for chat {}: nobody knows whether it "
        "arrived, and it is not sent again (resend_unknown). `usher conversations --state unknown` lists "
        "such replies",
        channel.name(), accepted.id, accepted.incoming.chat);
    services_.journal.mark_done(accepted.id, MessageState::unknown);
    on_done_(channel);
    co_return;
  }
  if (may_have_left) leaving.away = away;
  outbox_.push(std::move(leaving));
}

// What the reply says may not have reached its sender's memory; appending twice changes nothing.
Task<void> Replies::remember_again(const Accepted& accepted) {
  const Remembrance& kept = accepted.reply.remembrance;
  if (kept.memory_db.empty()) co_return;
  Result<std::shared_ptr<memory::MemoryStore>> memory = co_await services_.memories.open(kept.memory_db);
  Result<void> appended;
  if (memory) {
    appended = (*memory)->append(kept.conversation, kept.turn, kept.entries);
  } else {
    appended = fail(std::move(memory.error()));
  }
  if (!appended) spdlog::error("message {} is not remembered: {}", accepted.id, appended.error().message);
}

}  // namespace usher::gateway
