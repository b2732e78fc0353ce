#include "gateway/gateway.h"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <ranges>
#include <unordered_set>

#include "gateway/commands.h"
#include "gateway/conversation.h"
#include "gateway/delivery/outbox.h"
#include "gateway/delivery/replies.h"
#include "gateway/dispatch/dispatcher.h"
#include "gateway/intake/backlog.h"
#include "gateway/intake/inbox.h"
#include "gateway/turn/admission.h"
#include "gateway/turn/turn.h"

namespace usher::gateway {

// The stations of a message, each of which knows only those behind it: inbox → dispatcher → replies → outbox.
struct Gateway::State : std::enable_shared_from_this<Gateway::State> {
  State(asio::any_io_executor executor, const Services& all, Bounds bounds)
      : loop(std::move(executor)),
        journal(all.journal),
        backlog(bounds.max_unfinished, bounds.max_unfinished_of_channel),
        admission(all),
        turns(all, admission),
        outbox(loop, journal, bounds.max_sending, [this](const channel::Channel& channel) { finish_one(channel); }),
        replies(all, outbox, [this](const channel::Channel& channel) { finish_one(channel); }),
        dispatcher(loop, journal, turns, replies, bounds.max_running, [this] { wake_if_idle(); }),
        inbox(loop, journal, admission, backlog, dispatcher),
        idle(loop),
        grace_timer(loop) {}

  Task<Result<void>> run();
  Task<Result<void>> recover();
  void strike_forgotten(std::vector<Accepted>& found);
  void finish_one(const channel::Channel& channel);
  void wake_if_idle();
  bool is_drained() const { return dispatcher.is_resting() && outbox.is_resting(); }

  channel::Channel* find(const std::string& name) {
    for (auto& channel : channels) {
      if (channel->name() == name) return channel.get();
    }
    return nullptr;
  }

  asio::any_io_executor loop;
  Journal& journal;
  Backlog backlog;
  Admission admission;
  Turns turns;
  Outbox outbox;
  Replies replies;
  Dispatcher dispatcher;
  Inbox inbox;
  std::vector<std::unique_ptr<channel::Channel>> channels;
  std::size_t channels_running = 0;
  bool is_closing = false;
  asio::steady_timer idle;  // expires never; cancelled when there may be nothing left to do
  asio::steady_timer grace_timer;
};

Task<Result<void>> Gateway::State::run() {
  Result<void> recovered = co_await recover();
  if (!recovered) co_return recovered;
  for (auto& each : channels) {
    ++channels_running;
    channel::Intake intake = [self = this, channel = each.get()](std::vector<channel::Incoming> batch) {
      return self->inbox.take_in(*channel, std::move(batch));
    };
    asio::co_spawn(loop, each->run(std::move(intake)),
                   [self = shared_from_this(), name = each->name()](std::exception_ptr error) {
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
  Result<void> flushed = co_await journal.flush();
  co_return flushed;
}

Task<Result<void>> Gateway::State::recover() {
  Result<std::vector<Accepted>> found = co_await journal.unfinished();
  if (!found) co_return fail(std::move(found.error()));
  if (!found->empty()) spdlog::info("{} messages were not finished by the last run; going on", found->size());
  strike_forgotten(*found);
  for (Accepted& accepted : *found) {
    channel::Channel* channel = find(accepted.incoming.channel);
    if (!channel) {
      spdlog::warn("message {} of channel {} stays unanswered: the channel is not configured", accepted.id,
                   accepted.incoming.channel);
      continue;
    }
    backlog.add(*channel, 1);
    accepted.is_recovered = true;
    if (accepted.state < MessageState::ready) {
      dispatcher.enqueue(std::move(accepted), *channel);
    } else {
      co_await replies.resume(std::move(accepted), *channel);
    }
  }
  co_return Result<void>();
}

// What a /new behind a turn has cleared is not to be remembered again: the /new is done, and will not clear it twice.
void Gateway::State::strike_forgotten(std::vector<Accepted>& found) {
  std::unordered_set<std::string> cleared;  // lanes
  for (Accepted& accepted : found | std::views::reverse) {
    const channel::Channel* channel = find(accepted.incoming.channel);
    if (!channel) continue;
    const std::string lane = lane_of(accepted.incoming, *channel);
    if (cleared.contains(lane)) accepted.reply.remembrance = {};
    const bool is_done = accepted.state >= MessageState::ready;
    if (is_done && command_of(accepted.incoming.text) == "new") cleared.insert(lane);
  }
}

void Gateway::State::finish_one(const channel::Channel& channel) {
  backlog.remove(channel, 1);
  wake_if_idle();
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
  if (state_->channels_running == 0) return fail(ErrorKind::unavailable, "no channel is running");
  const std::string& storage_trouble = state_->inbox.storage_trouble();
  if (!storage_trouble.empty()) {
    return fail(ErrorKind::unavailable, "messages cannot be stored: " + storage_trouble);
  }
  for (const auto& channel : state_->channels) {
    Result<void> room = state_->inbox.check_room(*channel, 1);
    if (!room) return fail(ErrorKind::unavailable, std::move(room.error().message));
    const std::string trouble = channel->health();
    if (!trouble.empty()) {
      return fail(ErrorKind::unavailable, fmt::format("{}: {}", channel->name(), trouble));
    }
  }
  return {};
}

void Gateway::shut_down(std::chrono::seconds grace) {
  if (state_->is_closing) return;
  state_->is_closing = true;
  state_->inbox.close();
  state_->dispatcher.close();
  state_->replies.close();
  for (auto& channel : state_->channels) channel->stop();
  state_->outbox.close();
  state_->grace_timer.expires_after(grace);
  state_->grace_timer.async_wait([state = state_](boost::system::error_code error) {
    if (error) return;
    spdlog::warn("{} turns and {} replies did not finish in time; the next start goes on with them",
                 state->dispatcher.size(), state->outbox.size());
    state->dispatcher.abandon();
    state->outbox.abandon();
  });
  state_->wake_if_idle();
}

}  // namespace usher::gateway
