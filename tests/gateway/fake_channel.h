// A Channel under a test's hand: deliver() plays the platform, sent() is what people saw. Event-loop thread.
#pragma once

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <deque>
#include <functional>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "channel/channel.h"

namespace usher::testing {

class FakeChannel final : public channel::Channel {
 public:
  FakeChannel(asio::any_io_executor loop, std::string name, std::string tenant = "default")
      : name_(std::move(name)), tenant_(std::move(tenant)), ended_(loop, asio::steady_timer::time_point::max()) {}

  const std::string& name() const override { return name_; }
  const std::string& kind() const override { return kind_; }
  const std::string& tenant() const override { return tenant_; }
  std::string health() const override { return ""; }

  Task<void> run(channel::Intake intake) override {
    intake_ = std::move(intake);
    if (on_ready) on_ready();
    boost::system::error_code ignored;
    co_await ended_.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
  }
  void stop() override { ended_.expires_after(std::chrono::seconds(0)); }

  Task<Result<channel::Delivery>> send(const channel::Outgoing& message, channel::Passage& passage, Deadline) override {
    ++attempts;
    if (sends) {
      Result<channel::Delivery> became = co_await sends(passage);
      co_return became;
    }
    const Result<void> left = co_await passage.leave();
    if (!left) co_return fail(left.error());
    if (on_leaving) {
      Task<void> waiting = on_leaving();
      co_await std::move(waiting);
    }
    if (!outcomes.empty()) {
      Result<channel::Delivery> outcome = std::move(outcomes.front());
      outcomes.pop_front();
      if (!outcome) passage.came_back();
      co_return outcome;
    }
    sent.push_back(message);
    passage.arrived();
    if (on_sent) on_sent();
    co_return channel::Delivery::sent;
  }
  bool can_send_now(const std::string&) const override { return can_send; }
  std::chrono::seconds resends_for(const channel::Outgoing&) const override { return resends; }
  bool awaits_answer(const channel::Incoming&) const override { return awaits_each; }
  Task<Result<std::string>> parent_of(const channel::Incoming& incoming, Deadline) override {
    const auto found = parents.find(incoming.chat);
    if (found == parents.end()) co_return fail(ErrorKind::unavailable, "the platform does not answer");
    co_return found->second;
  }
  void show_typing(const std::string&, const std::string&) override {}
  void show_progress(const channel::Outgoing&, std::string_view piece) override {
    shown += piece;
    sent_when_shown = sent.size();
  }
  Task<Result<std::string>> fetch(const channel::Attachment& attachment, std::size_t max_bytes, Deadline) override {
    auto found = files.find(attachment.platform_id);
    if (found == files.end()) co_return fail(ErrorKind::not_found, "no such file");
    if (found->second.size() > max_bytes) co_return fail(ErrorKind::limit, "too large");
    co_return found->second;
  }

  // The platform's events; resolves as the intake does.
  Task<Result<channel::TakenIn>> deliver(std::vector<channel::Incoming> batch) {
    Result<channel::TakenIn> taken = co_await intake_(std::move(batch));
    co_return taken;
  }
  channel::Incoming message(const std::string& sender, const std::string& text) {
    return {.channel = name_,
            .platform_id = std::to_string(++last_id_),
            .kind = kind_,
            .sender_id = sender,
            .display_name = "Somebody",
            .chat = sender,
            .message_id = std::to_string(last_id_),
            .text = text};
  }

  std::vector<channel::Outgoing> sent;
  std::deque<Result<channel::Delivery>> outcomes;  // of the next sends, which reach nobody
  std::function<Task<void>()> on_leaving;          // once it is on record, before it has arrived
  // In place of all that: what each send does.
  std::function<Task<Result<channel::Delivery>>(channel::Passage&)> sends;
  std::string shown;                // of answers that grow
  std::size_t sent_when_shown = 0;  // the last time
  bool awaits_each = false;
  bool can_send = true;
  std::chrono::seconds resends{0};
  std::map<std::string, std::string> files;
  std::map<std::string, std::string> parents;  // of the chats that are known
  int attempts = 0;
  std::function<void()> on_ready, on_sent;

 private:
  std::string name_, kind_ = "telegram", tenant_;
  asio::steady_timer ended_;
  channel::Intake intake_;
  inline static int last_id_ = 0;  // never repeats, as on a real platform, also not after a restart
};

}  // namespace usher::testing
