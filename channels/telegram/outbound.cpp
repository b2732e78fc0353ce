#include "channels/telegram/outbound.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <utility>
#include <vector>

#include "base/text.h"
#include "channels/telegram/markdown/markdown.h"
#include "channels/telegram/split.h"

namespace usher::telegram {
namespace {

constexpr std::size_t kMaxRemembered = 1024;  // chats in each table
constexpr int kMaxAttempts = 64;              // for one chunk; the deadline ends it long before
constexpr std::chrono::seconds kTypingDeadline{5};

template <class Map, class IsOld>
void make_room(Map& map, IsOld is_old) {
  if (map.size() < kMaxRemembered) return;
  std::erase_if(map, [&](const auto& entry) { return is_old(entry.second); });
}

std::vector<Chunk> chunks_of(const std::string& markdown) {
  std::vector<Chunk> chunks = split(from_markdown(markdown));
  // Markup around nothing ("[](x)"): better its source than silence.
  if (chunks.empty()) chunks = split(StyledText{repair_utf8(markdown), {}});
  return chunks;
}

Error with_progress(Error error, std::size_t sent, std::size_t all) {
  if (sent > 0) error.message += " (after " + std::to_string(sent) + " of " + std::to_string(all) + " parts)";
  return error;
}

}  // namespace

Outbound::Outbound(Bot& bot, std::string name) : bot_(bot), name_(std::move(name)) {}

Task<Result<channel::Delivery>> Outbound::send(channel::Outgoing message, channel::Passage& passage,
                                               Deadline deadline) {
  const std::vector<Chunk> chunks = chunks_of(message.text);
  if (chunks.empty()) co_return fail(ErrorKind::invalid, "the message holds nothing that can be seen");
  Target target{current_chat(message.chat), std::move(message.thread),
                message.is_group ? std::move(message.reply_to) : ""};
  std::size_t seen = passage.parts_arrived();  // by people: not those that Telegram finds empty
  while (passage.parts_arrived() < chunks.size()) {
    if (passage.parts_arrived() > 0) target.reply_to.clear();  // only the first part quotes the question
    const Result<Outcome> outcome = co_await send_chunk(target, chunks[passage.parts_arrived()], passage, deadline);
    if (!outcome) co_return fail(with_progress(outcome.error(), passage.parts_arrived(), chunks.size()));
    if (*outcome == Outcome::gone) co_return channel::Delivery::gone;
    if (*outcome == Outcome::unknown) co_return channel::Delivery::unknown;
    if (*outcome == Outcome::sent) ++seen;
    passage.arrived();
  }
  if (seen == 0) co_return fail(ErrorKind::invalid, "Telegram sees nothing in the message");
  co_return channel::Delivery::sent;
}

bool Outbound::can_send_now(const std::string& chat) const {
  return paused_until(current_chat(chat)) <= std::chrono::steady_clock::now();
}

Task<Result<Outbound::Outcome>> Outbound::send_chunk(Target& target, const Chunk& chunk, channel::Passage& passage,
                                                     Deadline deadline) {
  bool is_plain = false;
  for (int attempt = 0; attempt < kMaxAttempts; ++attempt) {
    const Result<void> turn = co_await wait_for_turn(target.chat, passage, deadline);
    if (!turn) co_return fail(turn.error());
    const Result<void> left = co_await passage.leave();
    if (!left) co_return fail(left.error());
    bool was_sent = false;
    const CallOptions options{.was_sent = &was_sent};
    Result<ApiResult> answer =
        co_await bot_.call("sendMessage", encode_send(target, chunk, is_plain), deadline, options);
    const bool is_unclear = answer ? !*answer && answer->error().may_have_happened : was_sent;
    if (is_unclear) {
      spdlog::warn("{}: sendMessage to chat {}: {}", name_, target.chat,
                   answer ? answer->error().description : answer.error().message);
      co_return Outcome::unknown;
    }
    if (answer && *answer) co_return Outcome::sent;
    if (!answer) {
      passage.came_back();
      co_return fail(std::move(answer.error()));
    }
    const ApiError& error = answer->error();
    if (error.kind == ApiErrorKind::text_empty) co_return Outcome::empty;
    passage.came_back();
    if (error.kind == ApiErrorKind::gone) {
      spdlog::info("{}: chat {} is gone: {}", name_, target.chat, error.description);
      co_return Outcome::gone;
    }
    const Result<void> adapted = adapt(error, target, is_plain);
    if (!adapted) co_return fail(adapted.error());
  }
  co_return fail(ErrorKind::busy, "Telegram kept refusing one message");
}

Result<void> Outbound::adapt(const ApiError& error, Target& target, bool& is_plain) {
  const Error refusal = to_error(error, "sendMessage");
  switch (error.kind) {
    case ApiErrorKind::too_many_requests:
      pause(target.chat, error.retry_after);
      return {};
    case ApiErrorKind::migrated: {
      const std::string new_chat = std::to_string(error.migrate_to);
      if (new_chat == target.chat) return fail(refusal);
      remember_migration(target.chat, new_chat);
      target = {new_chat, "", ""};  // topics and message ids were the old group's
      return {};
    }
    case ApiErrorKind::cannot_parse:
      if (is_plain) return fail(refusal);
      spdlog::warn("{}: Telegram refused our HTML, sending plain text: {}", name_, error.description);
      is_plain = true;
      return {};
    case ApiErrorKind::thread_not_found:
      if (target.thread.empty()) return fail(refusal);
      target.thread.clear();
      return {};
    case ApiErrorKind::reply_not_found:
      if (target.reply_to.empty()) return fail(refusal);
      target.reply_to.clear();
      return {};
    default:
      return fail(refusal);
  }
}

void Outbound::pause(const std::string& chat, std::chrono::seconds wait) {
  const Time now = std::chrono::steady_clock::now();
  const Time until = now + std::max(wait, std::chrono::seconds(1));
  const bool is_another_paused = std::any_of(
      paused_.begin(), paused_.end(), [&](const auto& entry) { return entry.first != chat && entry.second > now; });
  // Telegram does not say whether a limit is the chat's or the bot's; two chats at once means the bot's.
  if (is_another_paused) all_paused_ = std::max(all_paused_, until);
  make_room(paused_, [&](Time end) { return end <= now; });
  if (paused_.size() < kMaxRemembered)
    paused_[chat] = until;
  else
    all_paused_ = std::max(all_paused_, until);
  spdlog::warn("{}: Telegram asks chat {} to wait {} s{}", name_, chat, wait.count(),
               is_another_paused ? ", as others" : "");
}

Outbound::Time Outbound::paused_until(const std::string& chat) const {
  if (paused_.empty()) return all_paused_;
  const auto own = paused_.find(chat);
  return own == paused_.end() ? all_paused_ : std::max(all_paused_, own->second);
}

Task<Result<void>> Outbound::wait_for_turn(std::string chat, channel::Passage& passage, Deadline deadline) {
  for (;;) {
    const Time now = std::chrono::steady_clock::now();
    const Time until = paused_until(chat);
    if (until <= now) co_return Result<void>{};
    passage.came_back();
    if (until > deadline.time()) {
      Error error{ErrorKind::busy, "Telegram asks to wait longer than this message may", std::nullopt};
      error.retry_after = std::chrono::ceil<std::chrono::milliseconds>(until - now);
      co_return fail(std::move(error));
    }
    const bool has_waited = co_await sleep_for(until - now);
    if (!has_waited) co_return fail(ErrorKind::cancelled, "given up while waiting for Telegram's limit");
  }
}

void Outbound::remember_migration(const std::string& chat, const std::string& new_chat) {
  spdlog::info("{}: group {} became supergroup {}", name_, chat, new_chat);
  if (migrated_.size() >= kMaxRemembered) migrated_.erase(migrated_.begin());
  migrated_[chat] = new_chat;
}

std::string Outbound::current_chat(const std::string& chat) const {
  const auto found = migrated_.find(chat);
  return found == migrated_.end() ? chat : found->second;
}

bool Outbound::may_show_typing(const std::string& chat, const std::string& thread, std::chrono::milliseconds interval) {
  const Time now = std::chrono::steady_clock::now();
  if (paused_until(current_chat(chat)) > now) return false;
  const std::string key = chat + "/" + thread;
  const auto last = typing_.find(key);
  if (last != typing_.end() && now - last->second < interval) return false;
  make_room(typing_, [&](Time shown) { return now - shown >= interval; });
  if (typing_.size() >= kMaxRemembered) return false;
  typing_[key] = now;
  return true;
}

Task<void> Outbound::send_typing(std::string chat, std::string thread) {
  const Target target{current_chat(chat), std::move(thread), ""};
  const Result<ApiResult> answer =
      co_await bot_.call("sendChatAction", encode_typing(target), Deadline::in(kTypingDeadline));
  // Best effort; only a 429 matters, because it would hit the reply next.
  if (answer && !*answer && answer->error().kind == ApiErrorKind::too_many_requests) {
    pause(target.chat, answer->error().retry_after);
  }
}

}  // namespace usher::telegram
