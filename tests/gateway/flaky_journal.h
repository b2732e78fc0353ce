// A journal that refuses or is slow when told to, and what tests of crashes and shutdowns share.
#pragma once

#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <functional>
#include <memory>

#include "gateway_fixture.h"

namespace usher::testing {

using gateway::Accepted;
using gateway::Journal;
using gateway::MessageId;
using gateway::MessageState;
using gateway::Step;

// Forwards; can refuse or hold back.
class FlakyJournal final : public Journal {
 public:
  explicit FlakyJournal(std::unique_ptr<Journal> inner) : inner_(std::move(inner)) {}
  bool fails_accept = false, fails_reply = false, fails_steps = false;
  std::chrono::milliseconds reply_takes{0};

  Task<Result<std::vector<Accepted>>> accept(std::vector<channel::Incoming> b) override {
    if (fails_accept) return refusing();
    return inner_->accept(std::move(b));
  }
  Task<Result<void>> add_steps(MessageId id, std::vector<Step> steps) override {
    if (fails_steps) return failing();
    return inner_->add_steps(id, std::move(steps));
  }
  void note_steps(MessageId id, std::vector<Step> steps) override { inner_->note_steps(id, std::move(steps)); }
  Task<Result<void>> store_reply(MessageId id, const gateway::Reply& reply, bool is_leaving) override {
    if (fails_reply) {
      ++replies_failed;
      return failing();
    }
    return slowly(id, reply, is_leaving);
  }
  int replies_failed = 0;
  Task<Result<void>> slowly(MessageId id, const gateway::Reply& reply, bool is_leaving) {
    Result<void> stored = co_await inner_->store_reply(id, reply, is_leaving);
    // As a commit on a slow disk: not cancellable.
    if (reply_takes.count() > 0) {
      is_storing = true;
      auto state = std::make_shared<asio::steady_timer>(co_await asio::this_coro::executor, reply_takes);
      co_await asio::async_initiate<const asio::use_awaitable_t<>, void()>(
          [state](auto handler) {
            state->async_wait([state, handler = std::make_shared<decltype(handler)>(std::move(handler))](
                                  boost::system::error_code) { std::move (*handler)(); });
          },
          asio::use_awaitable);
    }
    co_return stored;
  }
  bool is_storing = false;
  Task<Result<void>> store_leaving(MessageId id, std::size_t parts) override {
    return inner_->store_leaving(id, parts);
  }
  void mark_running(MessageId id) override { inner_->mark_running(id); }
  void mark_ready(MessageId id, std::size_t parts) override { inner_->mark_ready(id, parts); }
  void mark_done(MessageId id, MessageState as) override { inner_->mark_done(id, as); }
  Task<Result<std::vector<Accepted>>> unfinished() override { return inner_->unfinished(); }
  Task<Result<std::vector<gateway::ConversationRow>>> conversations(std::optional<MessageState> s,
                                                                    std::size_t n) override {
    return inner_->conversations(s, n);
  }
  std::string place_of(const std::string& channel) const override { return inner_->place_of(channel); }
  void mark_place(const std::string& channel, std::string place) override {
    inner_->mark_place(channel, std::move(place));
  }
  const std::string& instance() const override { return inner_->instance(); }
  Task<Result<void>> flush() override { return inner_->flush(); }

 private:
  static Task<Result<std::vector<Accepted>>> refusing() { co_return fail(ErrorKind::io, "the disk is full"); }
  static Task<Result<void>> failing() { co_return fail(ErrorKind::io, "the disk is full"); }
  std::unique_ptr<Journal> inner_;
};

// Starts the fixture anew over one.
inline FlakyJournal* make_flaky(GatewayFixture& f, gateway::Bounds bounds = {}) {
  auto flaky = std::make_shared<FlakyJournal*>(nullptr);
  f.stop();
  f.wrap = [flaky](std::unique_ptr<Journal> inner) {
    auto made = std::make_unique<FlakyJournal>(std::move(inner));
    *flaky = made.get();
    return made;
  };
  f.start(bounds);
  f.wrap = nullptr;
  return *flaky;
}

// Conversations whose newest message is in that state.
inline std::size_t rows(GatewayFixture& f, MessageState state) {
  auto found = run_task(f.loop, f.journal->conversations(state, 10));
  REQUIRE(found);
  return found->size();
}

// What a channel does in sending that never ends.
inline std::function<Task<void>()> hang(bool& flag) {
  return [&flag]() -> Task<void> {
    flag = true;
    co_await sleep_for(std::chrono::hours(1));
  };
}

// Runs the loop until the gateway has ended; false when it does not within 3 s.
inline bool ends(GatewayFixture& f, std::chrono::seconds grace) {
  f.gateway->shut_down(grace);
  const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(3);
  while (!f.has_ended && std::chrono::steady_clock::now() < until) {
    f.loop.restart();
    f.loop.run_one_for(std::chrono::milliseconds(100));
  }
  return f.has_ended;
}

}  // namespace usher::testing
