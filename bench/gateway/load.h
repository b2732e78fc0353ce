// Telegram and the model in one thread with one clock, and the people who write: a closed loop in which everybody
// writes again once they are answered. Follows each message from its delivery to its answer.
#pragma once

#include <deque>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "light_server.h"
#include "support/statistics.h"

namespace usher::bench {

struct LoadResult {
  std::vector<double> overhead_us;  // (reply sent − update delivered) − model time, each message
  double seconds = 0;
};

class Load {
 public:
  explicit Load(int senders);

  std::uint16_t telegram_port() const { return telegram_port_; }
  std::uint16_t model_port() const { return model_port_; }

  // Serves until the first getUpdates came (its time) or `deadline` passed.
  std::optional<Clock::time_point> wait_for_first_poll(Clock::time_point deadline);
  // `messages` in all, `parallel` of them under way at any time, each from another sender. Ends early at `deadline`.
  LoadResult run(int messages, int parallel, Clock::time_point deadline);
  // `messages` one at a time, at least `interval` from one to the next.
  LoadResult run_paced(int messages, std::chrono::milliseconds interval, Clock::time_point deadline);
  void serve(std::chrono::milliseconds duration);

  // Answers to nobody's question, or a second answer to one.
  int stray() const { return stray_; }
  int unanswered() const { return static_cast<int>(under_way_.size()); }

 private:
  struct Message {
    int sender = 0;
    Clock::time_point delivered{};
    bool is_delivered = false;
    double model_us = 0;
  };
  struct Poll {
    ConnectionId connection;
    Clock::time_point ends;
  };

  void on_telegram(const LightRequest& request);
  void on_model(const LightRequest& request);
  void on_poll(const LightRequest& request);
  void on_send(const LightRequest& request);
  void write_next(int sender);
  void deliver();
  void turn(std::chrono::milliseconds patience);

  LightServer server_;
  std::uint16_t telegram_port_, model_port_;
  int senders_;
  std::int64_t last_update_ = 1000;
  std::deque<std::int64_t> updates_;  // not confirmed, in order
  std::unordered_map<std::int64_t, Message> under_way_;
  std::optional<Poll> poll_;
  std::optional<Clock::time_point> first_poll_;
  LoadResult result_;
  int to_write_ = 0, parallel_ = 1, stray_ = 0;
  std::int64_t message_id_ = 0;
};

}  // namespace usher::bench
