// What is wrong with a channel, since when, and how long to wait before the next try. Event-loop thread only.
#pragma once

#include <chrono>
#include <random>
#include <string>

namespace usher::channel {

class Trouble {
 public:
  // The first wait, and the longest.
  Trouble(std::chrono::milliseconds first, std::chrono::milliseconds longest);

  // "" or "since 2026-…: what", for health().
  const std::string& text() const { return text_; }
  // True when this is new: worth a line in the log.
  bool note(std::string what);
  // The waits start anew. True when there was something.
  bool clear();
  // Doubles from time to time; between half of it and all of it.
  std::chrono::milliseconds next_wait();

 private:
  std::chrono::milliseconds first_, longest_, next_;
  std::string what_, since_, text_;
  std::minstd_rand random_{std::random_device{}()};
};

}  // namespace usher::channel
