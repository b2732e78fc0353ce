// The harness's stage of two Discord bots. A session that began in the first life lives through all of them, so every
// message that is written afterwards has to be answered.
#pragma once

#include <atomic>
#include <set>
#include <string>

#include "e2e/crash/stage.h"
#include "e2e/discord/discord_world.h"

namespace usher::e2e::crash {

class DiscordPlatform final : public Platform {
 public:
  DiscordPlatform(Recorder& recorder, std::string bot) : recorder_(recorder), bot_(std::move(bot)) {}
  // What the simulator is made with; then it is told of the simulator, which it must not outlive.
  DiscordSimulatorOptions options(const std::string& token);
  void attach(DiscordSimulator& discord);

  Written write(const Person& person, const std::string& text, Writing::Form form) override;
  std::string chat_of(const Person& person) const override;
  void begin_life() override { connections_before_ = discord_->connections().size(); }
  bool is_listening() const override;
  bool is_told() const override { return false; }
  // Events that were seen already, whatever message it was.
  void repeat(std::int64_t) override { discord_->next_connection({.repeats = 30}); }
  bool is_closed(std::int64_t update_id) const override;
  void refuse_reply(std::uint64_t choice) override;
  void lose_reply() override { discord_->lose_answer(create_message); }
  // The connection is cut in the middle of what it brings.
  void lose_messages() override { discord_->next_connection({.cut_after_bytes = 150}); }

 private:
  // A command, as a slash command or by a button: the id of the interaction, "" when there is no such button.
  std::string interact(const Person& person, const std::string& text, Writing::Form form);
  std::string press(const Person& person, const std::string& text);
  std::int64_t answered_by(const json::value& message) const;
  void note_reply(const HttpReply& reply);

  Recorder& recorder_;
  const std::string bot_;
  DiscordSimulator* discord_ = nullptr;
  std::atomic<std::size_t> connections_before_ = 0;
  std::set<std::int64_t> interactions_;  // guarded by the recorder's lock
};

class DiscordStage final : public Stage {
 public:
  DiscordStage();
  World& world() override { return world_; }

  // Sessions that began at either bot.
  std::size_t sessions() const { return world_.discord.identifies() + second_simulator_.identifies(); }
  std::size_t resumes() const { return world_.discord.resumes() + second_simulator_.resumes(); }
  // Creates that either bot asked for, and the messages that they made.
  std::size_t creates() const { return world_.discord.count(create_message) + second_simulator_.count(create_message); }
  std::size_t messages() const;
  // How many of all messages were shown while they grew, and how many answer an interaction.
  std::size_t edited() const;
  std::size_t responses() const;

 private:
  std::vector<DiscordMessage> sent() const;

  DiscordPlatform main_, second_;
  DiscordWorld world_;
  DiscordSimulator second_simulator_;
};

}  // namespace usher::e2e::crash
