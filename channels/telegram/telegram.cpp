#include "channels/telegram/telegram.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/deferred.hpp>
#include <boost/asio/experimental/parallel_group.hpp>
#include <boost/asio/steady_timer.hpp>
#include <optional>
#include <tuple>
#include <utility>

#include "base/children.h"
#include "base/stopping.h"
#include "channel/trouble.h"
#include "channels/telegram/bot.h"
#include "channels/telegram/outbound.h"

namespace usher::telegram {
namespace {

using std::chrono::milliseconds;

constexpr std::size_t kMaxTyping = 64;  // typing actions under way at once

class Telegram final : public channel::Channel {
 public:
  Telegram(net::HttpClient& http, TelegramOptions options)
      : options_(std::move(options)),
        kind_("telegram"),
        bot_(http, options_.token, options_.api_root),
        outbound_(bot_, options_.name),
        trouble_(options_.first_backoff, options_.max_backoff) {
    context_.channel = options_.name;
    context_.groups = options_.groups;
  }

  const std::string& name() const override { return options_.name; }
  const std::string& kind() const override { return kind_; }
  const std::string& tenant() const override { return options_.tenant; }
  std::string health() const override { return trouble_.text(); }

  Task<void> run(channel::Intake intake) override;
  void stop() override;

  Task<Result<channel::Delivery>> send(const channel::Outgoing& message, channel::Passage& passage,
                                       Deadline deadline) override {
    return outbound_.send(message, passage, deadline);
  }
  bool can_send_now(const std::string& chat) const override { return outbound_.can_send_now(chat); }
  std::chrono::seconds resends_for(const channel::Outgoing&) const override {
    return options_.resend_unknown ? kForever : std::chrono::seconds(0);
  }
  void show_typing(const std::string& chat, const std::string& thread) override;
  Task<Result<std::string>> fetch(const channel::Attachment& attachment, std::size_t max_bytes,
                                  Deadline deadline) override {
    return bot_.download(attachment.platform_id, max_bytes, deadline);
  }

 private:
  // Each step answers how long to wait before the next round; zero = go on at once.
  Task<milliseconds> round(const channel::Intake& intake);
  Task<milliseconds> learn_identity();
  Task<milliseconds> poll();
  Task<milliseconds> hand_over(const channel::Intake& intake);
  Task<milliseconds> remove_webhook();
  Task<void> set_commands();

  Task<Result<ApiResult>> call(std::string_view method, std::string body, Deadline deadline, CallOptions options);
  Task<void> pause(milliseconds wait);
  milliseconds after(const Error& error);
  milliseconds after(const ApiError& error, std::string_view method);
  milliseconds report(const std::string& what, milliseconds wait);

  TelegramOptions options_;
  std::string kind_;
  Bot bot_;
  Outbound outbound_;
  channel::Trouble trouble_;
  Children children_;
  DecodeContext context_;

  std::optional<asio::any_io_executor> executor_;  // run()'s
  std::optional<asio::steady_timer> stopping_;     // never expires; cancelled by stop()
  bool is_stopped_ = false;
  bool wants_fresh_connection_ = false;
  bool has_removed_webhook_ = false, has_set_commands_ = false;
  std::optional<std::int64_t> offset_;
  std::optional<json::value> waiting_;  // updates that the intake has not taken yet
};

Task<void> Telegram::run(channel::Intake intake) {
  executor_ = co_await asio::this_coro::executor;
  stopping_.emplace(*executor_, asio::steady_timer::time_point::max());
  while (!is_stopped_) {
    milliseconds wait{0};
    try {
      const milliseconds next = co_await round(intake);
      wait = next;
    } catch (const std::exception& error) {
      wait = report(std::string("internal error: ") + error.what(), trouble_.next_wait());
    }
    const asio::cancellation_state state = co_await asio::this_coro::cancellation_state;
    if (state.cancelled() != asio::cancellation_type::none) break;
    if (wait.count() > 0) co_await pause(wait);
  }
  is_stopped_ = true;
  co_await asio::this_coro::reset_cancellation_state();
  co_await children_.join();
}

void Telegram::stop() {
  is_stopped_ = true;
  if (stopping_) stopping_->cancel();
}

void Telegram::show_typing(const std::string& chat, const std::string& thread) {
  if (!executor_ || is_stopped_ || children_.running() >= kMaxTyping) return;
  if (!outbound_.may_show_typing(chat, thread, options_.typing_interval)) return;
  children_.spawn(*executor_, outbound_.send_typing(chat, thread));
}

Task<milliseconds> Telegram::round(const channel::Intake& intake) {
  if (context_.bot.id == 0) {
    const milliseconds wait = co_await learn_identity();
    if (context_.bot.id == 0) co_return wait;
  }
  if (!waiting_) {
    const milliseconds wait = co_await poll();
    if (!waiting_) co_return wait;
  }
  const milliseconds wait = co_await hand_over(intake);
  co_return wait;
}

// Mentions cannot be told without the bot's name, so nothing is read before it is known.
Task<milliseconds> Telegram::learn_identity() {
  const CallOptions options{.is_repeatable = true, .wants_fresh_connection = wants_fresh_connection_};
  Result<ApiResult> answer = co_await call("getMe", "{}", Deadline::in(options_.call_timeout), options);
  if (is_stopped_) co_return milliseconds(0);
  if (!answer) co_return after(answer.error());
  if (!*answer) co_return after(answer->error(), "getMe");
  Result<BotIdentity> identity = decode_identity(**answer);
  if (!identity) co_return after(identity.error());
  context_.bot = std::move(*identity);
  spdlog::info("{}: Telegram bot @{} ({})", options_.name, context_.bot.username, context_.bot.id);
  co_return milliseconds(0);
}

Task<milliseconds> Telegram::poll() {
  const Deadline deadline = Deadline::in(options_.poll_timeout + options_.poll_grace);
  const CallOptions options{.is_repeatable = true,
                            .wants_fresh_connection = wants_fresh_connection_,
                            .idle_timeout = options_.poll_timeout + options_.poll_grace};
  if (options_.sets_commands && !std::exchange(has_set_commands_, true)) children_.spawn(*executor_, set_commands());
  Result<ApiResult> answer =
      co_await call("getUpdates", encode_get_updates(offset_, options_.poll_timeout), deadline, options);
  if (is_stopped_) co_return milliseconds(0);
  if (!answer) co_return after(answer.error());
  if (!*answer && answer->error().kind == ApiErrorKind::webhook_active && !has_removed_webhook_) {
    const milliseconds wait = co_await remove_webhook();
    co_return wait;
  }
  if (!*answer) co_return after(answer->error(), "getUpdates");
  waiting_ = std::move(**answer);
  wants_fresh_connection_ = false;
  co_return milliseconds(0);
}

// Offers the batch that waits. Only when it is taken does the offset move, and with it the confirmation.
Task<milliseconds> Telegram::hand_over(const channel::Intake& intake) {
  Result<Batch> batch = decode_updates(*waiting_, context_);
  if (!batch) {
    waiting_.reset();
    co_return after(batch.error());
  }
  if (!batch->messages.empty()) {
    const Result<channel::TakenIn> taken = co_await intake(std::move(batch->messages));
    if (!taken) co_return report("the inbox takes nothing in: " + taken.error().message, trouble_.next_wait());
  }
  for (const std::string& problem : batch->problems) spdlog::warn("{}: skipped {}", options_.name, problem);
  if (batch->next_offset) offset_ = batch->next_offset;
  waiting_.reset();
  if (trouble_.clear()) spdlog::info("{}: polling Telegram again", options_.name);
  co_return milliseconds(0);
}

// Polling is what the operator has configured, so a webhook left from elsewhere is removed, once and not silently.
Task<milliseconds> Telegram::remove_webhook() {
  has_removed_webhook_ = true;
  spdlog::warn("{}: a webhook is set for this bot; removing it, because the channel polls", options_.name);
  Result<ApiResult> answer = co_await call("deleteWebhook", R"({"drop_pending_updates":false})",
                                           Deadline::in(options_.call_timeout), CallOptions{.is_repeatable = true});
  if (!answer) co_return after(answer.error());
  if (!*answer) co_return after(answer->error(), "deleteWebhook");
  co_return milliseconds(0);
}

Task<void> Telegram::set_commands() {
  const Result<ApiResult> answer =
      co_await bot_.call("setMyCommands", encode_commands(), Deadline::in(options_.call_timeout));
  const bool is_set = answer && *answer;
  if (!is_set) spdlog::debug("{}: the list of commands was not set", options_.name);
}

// A call that stop() ends at once.
Task<Result<ApiResult>> Telegram::call(std::string_view method, std::string body, Deadline deadline,
                                       CallOptions options) {
  if (is_stopped_) co_return fail(ErrorKind::cancelled, "stopped");
  Result<ApiResult> answer = co_await unless_stopped(bot_.call(method, std::move(body), deadline, options), *stopping_);
  co_return answer;
}

Task<void> Telegram::pause(milliseconds wait) {
  auto group = asio::experimental::make_parallel_group(asio::co_spawn(*executor_, sleep_for(wait), asio::deferred),
                                                       stopping_->async_wait(asio::deferred));
  co_await group.async_wait(asio::experimental::wait_for_one(), asio::use_awaitable);
}

milliseconds Telegram::after(const Error& error) {
  const bool is_hopeless = error.kind == ErrorKind::invalid || error.kind == ErrorKind::denied;
  return report(error.message, is_hopeless ? options_.refused_wait : trouble_.next_wait());
}

milliseconds Telegram::after(const ApiError& error, std::string_view method) {
  const Error plain = to_error(error, method);
  switch (error.kind) {
    case ApiErrorKind::token_refused:
      return report(plain.message, options_.refused_wait);
    case ApiErrorKind::too_many_requests:
      return report(plain.message, std::max<milliseconds>(error.retry_after, trouble_.next_wait()));
    case ApiErrorKind::other_poller:
      return report("another process polls with this token: " + error.description, trouble_.next_wait());
    case ApiErrorKind::webhook_active:
      return report("somebody keeps setting a webhook for this bot: " + error.description, trouble_.next_wait());
    default:
      return report(plain.message, trouble_.next_wait());
  }
}

milliseconds Telegram::report(const std::string& what, milliseconds wait) {
  wants_fresh_connection_ = true;
  if (trouble_.note(what)) spdlog::warn("{}: {}; next try in {} ms", options_.name, what, wait.count());
  return wait;
}

}  // namespace

std::unique_ptr<channel::Channel> make_telegram(net::HttpClient& http, TelegramOptions options) {
  return std::make_unique<Telegram>(http, std::move(options));
}

}  // namespace usher::telegram
