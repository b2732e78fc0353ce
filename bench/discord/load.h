// The simulated Discord with one guild, a channel for each of its people, and the model, as a load for a bot: people
// mention the bot, each question carries a ticket, and each answer is timed. Discord runs on a thread of its own, the
// model on the caller's, within run() and serve(). One bot at a time.
#pragma once

#include <map>
#include <mutex>
#include <string>
#include <unordered_map>
#include <vector>

#include "gateway/light_server.h"
#include "gateway/load.h"
#include "support/discord/discord_simulator.h"

namespace usher::bench {

class DiscordLoad {
 public:
  explicit DiscordLoad(int people);

  std::string api_root() const { return discord_.api_root(); }
  std::string gateway_url() const { return discord_.gateway_url(); }
  const std::string& token() const { return discord_.options().token; }
  std::uint16_t model_port() const { return model_port_; }

  // Serves until a bot has logged in; false when `deadline` passed first.
  bool wait_for_login(Clock::time_point deadline);
  // As Load's. With `parallel` under way everybody writes again as soon as they are answered.
  LoadResult run_paced(int messages, std::chrono::milliseconds interval, Clock::time_point deadline);
  LoadResult run(int messages, int parallel, Clock::time_point deadline);
  // So many messages among people, that the bot sees but is not meant by; then waits for one that it is.
  void chat(int messages, std::chrono::milliseconds interval, Clock::time_point deadline);
  void serve(std::chrono::milliseconds duration);
  // Tells the bot of so many guilds more (see decoding/events.h for what one is like).
  void add_guilds(int count);

  // Answers to nobody's question, or a second answer to one.
  int stray() const;
  int unanswered() const;
  std::size_t calls(const std::string& route) const { return discord_.count(route); }

 private:
  struct Question {
    int person = 0;
    Clock::time_point asked;
    double model_us = 0;
  };

  testing::DiscordSimulatorOptions options();
  void on_call(const std::string& route, const json::object& body, bool has_effect);
  void on_model(const LightRequest& request);
  void ask(int person);
  void write(int person, const std::string& words);
  LoadResult take_result(Clock::time_point start);

  LightServer server_;
  std::uint16_t model_port_;
  mutable std::mutex mutex_;  // of what follows, up to the thread
  std::unordered_map<std::int64_t, Question> under_way_;
  std::map<std::int64_t, int> to_ask_again_;  // the person of each ticket whose answer is being taken
  LoadResult result_;
  std::int64_t last_ticket_ = 0;
  int to_write_ = 0, stray_ = 0;

  testing::SimulatorThread thread_;
  testing::DiscordSimulator discord_;
  std::vector<std::string> channels_;  // of each person
};

}  // namespace usher::bench
