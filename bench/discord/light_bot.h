// The least that a bot on Discord's gateway can do, as the floor under what others cost: one thread, raw sockets, zlib,
// text search instead of JSON, no heartbeats, no limits, no errors. Answers messages that carry a ticket with it. What
// it takes to be answered is what the simulator and the loopback take.
#pragma once

#include <string>
#include <thread>

namespace usher::bench {

class LightBot {
 public:
  // `api_root` and `gateway_url` as the simulator has them: over plain sockets of 127.0.0.1.
  LightBot(const std::string& api_root, const std::string& gateway_url, std::string token);
  ~LightBot();
  LightBot(const LightBot&) = delete;

  double cpu_microseconds() const;

 private:
  void log_in();
  void run();
  bool receive(std::string& payload);  // the next frame's; false when the connection has ended
  void take(const std::string& event);
  void answer(std::string_view channel, std::string_view words);

  int gateway_, api_;
  std::string token_, input_;
  std::thread thread_;
};

}  // namespace usher::bench
