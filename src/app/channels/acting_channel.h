// A channel whose messages count as somebody else's: `usher chat --as telegram:42` lets the operator see what that
// sender sees. Forwards everything else.
#pragma once

#include <memory>
#include <string>

#include "base/sender.h"
#include "channel/channel.h"

namespace usher::app {

class ActingChannel final : public channel::Channel {
 public:
  ActingChannel(std::unique_ptr<channel::Channel> inner, Sender sender)
      : inner_(std::move(inner)), sender_(std::move(sender)) {}

  const std::string& name() const override { return inner_->name(); }
  const std::string& kind() const override { return sender_.kind; }
  const std::string& tenant() const override { return sender_.tenant; }
  void stop() override { inner_->stop(); }
  std::string health() const override { return inner_->health(); }

  Task<void> run(channel::Intake intake) override {
    return inner_->run([this, intake = std::move(intake)](std::vector<channel::Incoming> batch) {
      for (channel::Incoming& incoming : batch) {
        incoming.kind = sender_.kind;
        incoming.sender_id = sender_.id;
      }
      return intake(std::move(batch));
    });
  }
  Task<Result<channel::Delivery>> send(const channel::Outgoing& message, channel::Passage& passage,
                                       Deadline deadline) override {
    return inner_->send(message, passage, deadline);
  }
  bool can_send_now(const std::string& chat) const override { return inner_->can_send_now(chat); }
  std::chrono::seconds resends_for(const channel::Outgoing& message) const override {
    return inner_->resends_for(message);
  }
  void show_typing(const std::string& chat, const std::string& thread) override { inner_->show_typing(chat, thread); }
  void show_progress(const channel::Outgoing& answer, std::string_view piece) override {
    inner_->show_progress(answer, piece);
  }
  Task<Result<std::string>> fetch(const channel::Attachment& attachment, std::size_t max_bytes,
                                  Deadline deadline) override {
    return inner_->fetch(attachment, max_bytes, deadline);
  }

 private:
  std::unique_ptr<channel::Channel> inner_;
  Sender sender_;
};

}  // namespace usher::app
