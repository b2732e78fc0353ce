// The harness's stage of two Telegram bots.
#pragma once

#include <atomic>
#include <string>

#include "e2e/crash/stage.h"

namespace usher::e2e::crash {

class TelegramPlatform final : public Platform {
 public:
  TelegramPlatform(Recorder& recorder, std::string bot) : recorder_(recorder), bot_(std::move(bot)) {}
  // What the simulator is made with; then it is told of the simulator, which it must not outlive.
  TelegramOptions options(const std::string& token);
  void attach(TelegramSimulator& telegram);

  Written write(const Person& person, const std::string& text, Writing::Form form) override;
  std::string chat_of(const Person& person) const override;
  void begin_life() override { has_polled_ = false; }
  bool is_listening() const override { return has_polled_; }
  bool is_told() const override { return true; }
  void repeat(std::int64_t update_id) override { telegram_->replay(update_id); }
  bool is_closed(std::int64_t) const override { return false; }
  void refuse_reply(std::uint64_t) override { telegram_->too_many_requests("sendmessage", 1); }
  void lose_reply() override { telegram_->lose_answer("sendmessage"); }
  void lose_messages() override { telegram_->lose_answer("getupdates"); }

 private:
  void watch(const std::string& method, const json::object& parameters, const HttpReply* reply);
  void note_updates(const HttpReply& reply);
  void note_reply(const json::object& parameters, const HttpReply& reply);

  Recorder& recorder_;
  const std::string bot_;
  TelegramSimulator* telegram_ = nullptr;
  std::atomic<bool> has_polled_ = false;
};

class TelegramStage final : public Stage {
 public:
  // `in_bots` goes into the table of each bot.
  explicit TelegramStage(const std::string& in_bots = "");
  World& world() override { return world_; }

 private:
  TelegramPlatform main_, second_;
  World world_;
  TelegramSimulator second_simulator_;
};

}  // namespace usher::e2e::crash
