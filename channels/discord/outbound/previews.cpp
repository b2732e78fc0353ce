#include "channels/discord/outbound/previews.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <optional>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/children.h"
#include "channels/discord/events/snowflake.h"
#include "channels/discord/outbound/answer.h"
#include "channels/discord/outbound/payload.h"

namespace usher::discord {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::size_t kMaxGrowing = 64;
constexpr std::size_t kMaxKept = 1024;        // ended ones that nobody has forgotten
constexpr std::size_t kLeastBytes = 40;       // before anything is shown
constexpr std::size_t kMaxBytes = 16u << 10;  // of text that is kept: far more than one message shows
constexpr std::chrono::seconds kCallTimeout{10};
constexpr std::chrono::minutes kForgotten{15};  // without a word: whoever was to send the end never did

struct Preview {
  Preview(const asio::any_io_executor& loop, Answer where) : place(std::move(where)), wake(loop), ended(loop) {}
  Answer place;         // without parts
  std::string text;     // so far
  std::string shown;    // what the message says
  std::string message;  // its id; of an interaction's answer "" even when it stands there
  Clock::time_point grew_at = Clock::now();
  bool is_over = false;      // no call begins any more
  bool is_growing = false;   // its coroutine runs
  asio::steady_timer wake;   // cancelled when it is over
  asio::steady_timer ended;  // cancelled when the coroutine has ended
};

}  // namespace

struct Previews::State {
  State(asio::any_io_executor executor, Rest& calls, const DiscordOptions& from)
      : loop(std::move(executor)), rest(calls), options(from) {}

  struct Growing;
  static Task<void> watch(std::shared_ptr<State> self, std::shared_ptr<Preview> preview);
  static Task<bool> show(std::shared_ptr<State> self, std::shared_ptr<Preview> preview);
  static Task<Result<std::string>> end(std::shared_ptr<State> self, std::string idempotency, Deadline deadline);
  std::optional<RestCall> next_call(Preview& preview) const;
  bool may_grow(const channel::Outgoing& answer) const;
  bool has_room();
  void forget(const std::string& idempotency);

  asio::any_io_executor loop;
  Rest& rest;
  DiscordOptions options;
  std::unordered_map<std::string, std::shared_ptr<Preview>> all;  // by idempotency
  Standing left;  // by an earlier process, of answers that have not begun to grow in this one
  std::function<void()> changed = [] {};
  Children children;
  bool is_stopped = false;
};

// Marks a preview as growing until its coroutine ends, however it does.
struct Previews::State::Growing {
  Growing(std::shared_ptr<State> in, std::shared_ptr<Preview> what) : state(std::move(in)), preview(std::move(what)) {}
  ~Growing() {
    preview->is_over = true;
    preview->is_growing = false;
    preview->ended.cancel();
  }
  Growing(const Growing&) = delete;
  Growing& operator=(const Growing&) = delete;

  std::shared_ptr<State> state;
  std::shared_ptr<Preview> preview;
};

// Room for one more; those are dropped whose end nobody sent.
bool Previews::State::has_room() {
  if (all.size() < kMaxKept) return true;
  const Clock::time_point now = Clock::now();
  std::erase_if(
      all, [&](const auto& entry) { return !entry.second->is_growing && now - entry.second->grew_at >= kForgotten; });
  return all.size() < kMaxKept;
}

bool Previews::State::may_grow(const channel::Outgoing& answer) const {
  if (children.running() >= kMaxGrowing || !is_snowflake(answer.chat)) return false;
  return std::ranges::none_of(
      all, [&](const auto& entry) { return entry.second->is_growing && entry.second->place.chat == answer.chat; });
}

// What would bring the message up to date; nothing where it is.
std::optional<RestCall> Previews::State::next_call(Preview& preview) const {
  const Beginning now = beginning_of(preview.text, options.long_reply);
  if (now.content.empty() || now.content == preview.shown) return std::nullopt;
  const Said said{now.content, {}, ""};
  const Answer& place = preview.place;
  RestCall call;
  if (place.interaction)
    call = edit_response(*place.interaction, said);
  else if (preview.message.empty())
    call = create_message(place.chat, said, nonce_of(place.idempotency, 0), place.reply_to);
  else
    call = edit_message(place.chat, preview.message, said);
  call.is_patient = false;
  preview.shown = now.content;
  return call;
}

// False when the preview is to stop.
Task<bool> Previews::State::show(std::shared_ptr<State> self, std::shared_ptr<Preview> preview) {
  const std::string shown = preview->shown;
  std::optional<RestCall> call = self->next_call(*preview);
  if (!call) co_return true;
  const bool is_create = call->method == "POST";
  const Result<RestResult> answer = co_await self->rest.call(std::move(*call), Deadline::in(kCallTimeout));
  if (!answer && answer.error().kind == ErrorKind::busy) preview->shown = shown;  // it did not leave: another time
  if (!answer) co_return answer.error().kind == ErrorKind::busy;
  if (!*answer) co_return false;
  if (!is_create) co_return true;
  const std::optional<std::string_view> id = string_at(&**answer, "id");
  if (!id || !is_snowflake(*id)) co_return false;
  preview->message = std::string(*id);
  self->changed();
  co_return true;
}

Task<void> Previews::State::watch(std::shared_ptr<State> self, std::shared_ptr<Preview> preview) {
  const Growing growing(self, preview);
  std::chrono::milliseconds wait = self->options.edit_interval / 2;
  while (true) {
    preview->wake.expires_after(wait);
    boost::system::error_code woken;
    co_await preview->wake.async_wait(asio::redirect_error(asio::use_awaitable, woken));
    const asio::cancellation_state cancelled = co_await asio::this_coro::cancellation_state;
    const bool is_abandoned = Clock::now() - preview->grew_at >= kForgotten;
    if (preview->is_over || is_abandoned || cancelled.cancelled() != asio::cancellation_type::none) co_return;
    wait = self->options.edit_interval;
    if (preview->text.size() < kLeastBytes) continue;
    const bool goes_on = co_await show(self, preview);
    if (!goes_on || preview->is_over) co_return;
  }
}

Task<Result<std::string>> Previews::State::end(std::shared_ptr<State> self, std::string idempotency,
                                               Deadline deadline) {
  const auto known = self->all.find(idempotency);
  if (known == self->all.end()) {
    const auto left = self->left.find(idempotency);
    co_return left == self->left.end() ? std::string() : left->second;
  }
  const std::shared_ptr<Preview> preview = known->second;
  preview->is_over = true;
  preview->wake.cancel();
  if (preview->is_growing) {
    preview->ended.expires_at(deadline.time());
    boost::system::error_code woken;
    co_await preview->ended.async_wait(asio::redirect_error(asio::use_awaitable, woken));
  }
  if (preview->is_growing) co_return fail(ErrorKind::timeout, "the preview of this answer is still being changed");
  co_return preview->message;
}

Previews::Previews(asio::any_io_executor executor, Rest& rest, const DiscordOptions& options)
    : state_(std::make_shared<State>(std::move(executor), rest, options)) {}
Previews::~Previews() = default;

void Previews::recall(const Standing& left, std::function<void()> changed) {
  state_->left = left;
  state_->changed = std::move(changed);
}

Standing Previews::standing() const {
  using Entry = std::pair<std::string, std::string>;
  std::vector<Entry> all(state_->left.begin(), state_->left.end());
  for (const auto& [idempotency, preview] : state_->all) {
    if (!preview->message.empty()) all.emplace_back(idempotency, preview->message);
  }
  // Ids grow with time.
  const auto is_newer = [](const Entry& one, const Entry& other) {
    return std::pair(one.second.size(), one.second) > std::pair(other.second.size(), other.second);
  };
  std::ranges::sort(all, is_newer);
  if (all.size() > kMaxStanding) all.resize(kMaxStanding);
  return {all.begin(), all.end()};
}

void Previews::grow(const channel::Outgoing& answer, std::string_view piece) {
  State& state = *state_;
  auto known = state.all.find(answer.idempotency);
  if (known == state.all.end()) {
    if (state.is_stopped || answer.idempotency.empty() || !state.has_room()) return;
    // One that may not grow is kept too: it must not begin in the middle of its text.
    const bool may_grow = state.may_grow(answer);
    known = state.all
                .emplace(answer.idempotency,
                         std::make_shared<Preview>(state.loop, answer_of(answer, state.options.long_reply)))
                .first;
    known->second->is_over = !may_grow;
    if (auto left = state.left.extract(answer.idempotency)) known->second->message = std::move(left.mapped());
    if (may_grow) {
      known->second->is_growing = true;
      state.children.spawn(state.loop, State::watch(state_, known->second));
    }
  }
  Preview& preview = *known->second;
  if (preview.is_over || preview.text.size() >= kMaxBytes) return;
  preview.text += piece;
  preview.grew_at = Clock::now();
}

Task<Result<std::string>> Previews::end(std::string idempotency, Deadline deadline) {
  return State::end(state_, std::move(idempotency), deadline);
}

void Previews::State::forget(const std::string& idempotency) {
  const auto known = all.find(idempotency);
  const bool stood = left.erase(idempotency) > 0 || (known != all.end() && !known->second->message.empty());
  if (known != all.end()) all.erase(known);
  if (stood) changed();
}

void Previews::forget(const std::string& idempotency) { state_->forget(idempotency); }

Task<void> Previews::join() {
  state_->is_stopped = true;
  return state_->children.join();
}

}  // namespace usher::discord
