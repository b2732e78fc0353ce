// The measured programs from start to end, each with a Discord (or a Telegram) of its own.
#pragma once

#include <chrono>
#include <string>

#include "load.h"

namespace usher::bench {

struct Effort {
  int people = 64;
  int sequential = 500, parallel = 1000;  // messages, besides one of each person to warm up
  std::chrono::milliseconds interval{25};
  int chat = 400;  // messages that are not for the bot, 5 ms apart
  int guilds = 1000;
};

struct Programs {
  std::string usher = "build/release/usher", echo = "build/release/discord_echo";
  std::string node = "node", peer = "bench/discord/echo_bot.mjs";
};

enum class Bot {
  light,  // see light_bot.h
  echo,   // usher's channel with nothing behind it: echo_main.cpp
  usher,  // all of it, everything on
  peer,   // echo_bot.mjs
  asker,  // echo_bot.mjs with a model
};

struct Life {
  double start_ms = 0;                                      // from spawning the process to its login
  double idle_mb = 0, loaded_mb = 0;                        // resident memory, logged in and after the last message
  double cpu_us = 0, parallel_cpu_us = 0, chat_cpu_us = 0;  // a message
  LoadResult sequential, parallel;
  int stray = 0, unanswered = 0;
};
Life answer_messages(Bot bot, const Programs& programs, const Effort& effort);
// The same usher with Telegram instead; sequential messages only.
Life answer_telegram(const Programs& programs, const Effort& effort);

struct Growth {
  double one_mb = 0, all_mb = 0;  // resident memory with one guild and with all of them
  double cpu_us = 0;              // a guild
};
// A fresh process that is told of guilds (GUILD_CREATE). Fails by throwing when it answers nothing afterwards.
Growth join_guilds(Bot bot, const Programs& programs, const Effort& effort);

}  // namespace usher::bench
