#include "channels/discord/outbound/outbound.h"

#include <unordered_map>
#include <utility>

#include "base/children.h"
#include "channels/discord/events/snowflake.h"
#include "channels/discord/outbound/answer.h"
#include "channels/discord/outbound/payload.h"
#include "channels/discord/outbound/previews.h"
#include "channels/discord/outbound/reactions.h"
#include "channels/discord/outbound/sending.h"

namespace usher::discord {
namespace {

using channel::Delivery;
using Clock = std::chrono::steady_clock;

constexpr std::chrono::seconds kNonceHolds{120};  // Discord says "a few minutes"
constexpr std::chrono::seconds kTypingTimeout{5};
constexpr std::size_t kMaxTyping = 64;        // calls under way at once
constexpr std::size_t kMaxTypedChats = 1024;  // remembered

Error with_progress(Error error, std::size_t sent, std::size_t all) {
  if (sent > 0) error.message += " (after " + std::to_string(sent) + " of " + std::to_string(all) + " parts)";
  return error;
}

}  // namespace

struct Outbound::State {
  State(asio::any_io_executor executor, Rest& calls, const DiscordOptions& from)
      : loop(executor),
        rest(calls),
        options(from),
        previews(executor, calls, from),
        reactions(executor, calls, from.acknowledge) {}

  static Task<Result<Delivery>> send(std::shared_ptr<State> self, channel::Outgoing message, channel::Passage& passage,
                                     Deadline deadline);
  static Task<void> type(std::shared_ptr<State> self, std::string chat);
  static Task<void> stop(std::shared_ptr<State> self);
  bool may_type(const std::string& chat);

  asio::any_io_executor loop;
  Rest& rest;
  DiscordOptions options;
  Previews previews;
  Reactions reactions;
  Children typing_calls;
  std::unordered_map<std::string, Clock::time_point> typed;  // by chat
  bool is_stopped = false;
};

Task<Result<Delivery>> Outbound::State::send(std::shared_ptr<State> self, channel::Outgoing message,
                                             channel::Passage& passage, Deadline deadline) {
  if (!is_snowflake(message.chat)) co_return fail(ErrorKind::invalid, "the chat is no Discord channel");
  const Answer answer = answer_of(message, self->options.long_reply);
  if (answer.parts.empty()) co_return fail(ErrorKind::invalid, "the message holds nothing that can be seen");
  Sending sending(self->rest, self->previews, self->options.name, answer, passage, deadline);
  while (passage.parts_arrived() < answer.parts.size()) {
    const Result<Delivery> part = co_await sending.send_next();
    if (!part) co_return fail(with_progress(part.error(), passage.parts_arrived(), answer.parts.size()));
    if (*part == Delivery::gone) self->previews.forget(answer.idempotency);
    if (*part != Delivery::sent) co_return *part;
    passage.arrived();
  }
  self->previews.forget(answer.idempotency);
  self->reactions.take_away(message.chat, message.reply_to);
  co_return Delivery::sent;
}

bool Outbound::State::may_type(const std::string& chat) {
  if (is_stopped || typing_calls.running() >= kMaxTyping || !is_snowflake(chat)) return false;
  const Clock::time_point now = Clock::now();
  const auto last = typed.find(chat);
  if (last != typed.end() && now - last->second < options.typing_interval) return false;
  if (typed.size() >= kMaxTypedChats) {
    std::erase_if(typed, [&](const auto& entry) { return now - entry.second >= options.typing_interval; });
    if (typed.size() >= kMaxTypedChats) return false;
  }
  typed[chat] = now;
  return true;
}

Task<void> Outbound::State::type(std::shared_ptr<State> self, std::string chat) {
  // Best effort: what it comes to matters to the limits alone, and Rest keeps those.
  const Result<RestResult> ignored = co_await self->rest.call(typing(chat), Deadline::in(kTypingTimeout));
  (void)ignored;
}

Task<void> Outbound::State::stop(std::shared_ptr<State> self) {
  self->is_stopped = true;
  co_await self->typing_calls.join();
  co_await self->reactions.join();
  co_await self->previews.join();
}

Outbound::Outbound(asio::any_io_executor executor, Rest& rest, const DiscordOptions& options)
    : state_(std::make_shared<State>(std::move(executor), rest, options)) {}
Outbound::~Outbound() = default;

void Outbound::recall(const Standing& left, std::function<void()> changed) {
  state_->previews.recall(left, std::move(changed));
}

Standing Outbound::standing() const { return state_->previews.standing(); }

Task<Result<Delivery>> Outbound::send(channel::Outgoing message, channel::Passage& passage, Deadline deadline) {
  return State::send(state_, std::move(message), passage, deadline);
}

bool Outbound::can_send_now(const std::string& chat) const {
  return state_->rest.can_call_now("POST", messages_route(chat));
}

// Every part can be said twice: an edit says the same again, and a create with a nonce that Discord still knows returns
// the message that stands there.
std::chrono::seconds Outbound::resends_for(const channel::Outgoing& message) {
  return message.idempotency.empty() ? std::chrono::seconds(0) : kNonceHolds;
}

void Outbound::show_progress(const channel::Outgoing& answer, std::string_view piece) {
  state_->previews.grow(answer, piece);
}

void Outbound::show_typing(const std::string& chat, const std::string&) {
  if (state_->may_type(chat)) state_->typing_calls.spawn(state_->loop, State::type(state_, chat));
}

void Outbound::acknowledge(const channel::Incoming& message) {
  state_->reactions.put(message.chat, message.message_id);
}

Task<void> Outbound::stop() { return State::stop(state_); }

}  // namespace usher::discord
