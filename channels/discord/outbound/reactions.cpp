#include "channels/discord/outbound/reactions.h"

#include <algorithm>
#include <deque>
#include <unordered_map>
#include <utility>

#include "base/children.h"
#include "channels/discord/events/snowflake.h"
#include "channels/discord/outbound/payload.h"

namespace usher::discord {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::size_t kMaxWaiting = 256;
constexpr std::size_t kMaxRefusing = 1024;
constexpr std::chrono::seconds kCallTimeout{5};
constexpr std::chrono::hours kRefusedPause{1};

struct Change {
  std::string chat, message;
  bool is_put = true;
};

}  // namespace

struct Reactions::State {
  State(asio::any_io_executor executor, Rest& calls, std::string of)
      : loop(std::move(executor)), rest(calls), emoji(std::move(of)) {}

  bool may_change(const std::string& chat, const std::string& message) const;
  static void add(const std::shared_ptr<State>& self, Change change);
  static Task<void> work(std::shared_ptr<State> self);

  asio::any_io_executor loop;
  Rest& rest;
  std::string emoji;
  std::deque<Change> waiting;
  // Chats where the bot may not react: asking on would count towards a ban.
  std::unordered_map<std::string, Clock::time_point> refused;
  Children children;
  bool is_working = false;
  bool is_stopped = false;
};

bool Reactions::State::may_change(const std::string& chat, const std::string& message) const {
  if (emoji.empty() || is_stopped || !is_snowflake(chat) || !is_snowflake(message)) return false;
  const auto known = refused.find(chat);
  return known == refused.end() || known->second <= Clock::now();
}

void Reactions::State::add(const std::shared_ptr<State>& self, Change change) {
  if (self->waiting.size() >= kMaxWaiting) return;
  self->waiting.push_back(std::move(change));
  if (!std::exchange(self->is_working, true)) self->children.spawn(self->loop, work(self));
}

Task<void> Reactions::State::work(std::shared_ptr<State> self) {
  while (!self->waiting.empty()) {
    const Change change = std::move(self->waiting.front());
    self->waiting.pop_front();
    RestCall call = react(change.chat, change.message, self->emoji, change.is_put);
    const Result<RestResult> answer = co_await self->rest.call(std::move(call), Deadline::in(kCallTimeout));
    const bool is_refused = answer && !*answer && answer->error().status == 403;
    if (!is_refused) continue;
    if (self->refused.size() >= kMaxRefusing) self->refused.clear();
    self->refused[change.chat] = Clock::now() + kRefusedPause;
  }
  self->is_working = false;
}

Reactions::Reactions(asio::any_io_executor executor, Rest& rest, std::string emoji)
    : state_(std::make_shared<State>(std::move(executor), rest, std::move(emoji))) {}
Reactions::~Reactions() = default;

void Reactions::put(const std::string& chat, const std::string& message) {
  if (state_->may_change(chat, message)) State::add(state_, {chat, message, true});
}

void Reactions::take_away(const std::string& chat, const std::string& message) {
  if (!state_->may_change(chat, message)) return;
  const std::size_t dropped = std::erase_if(
      state_->waiting, [&](const Change& change) { return change.chat == chat && change.message == message; });
  if (dropped == 0) State::add(state_, {chat, message, false});
}

Task<void> Reactions::join() {
  state_->is_stopped = true;
  state_->waiting.clear();
  return state_->children.join();
}

}  // namespace usher::discord
