// The terminal as a channel: one line read is one message, answers are printed. Event-loop thread only.
//
// Works on terminals, pipes, sockets and regular files. The descriptors stay the caller's: they are neither closed nor
// left non-blocking (a shared terminal in non-blocking mode breaks the shell). Printing blocks while the reader does
// not read.
#pragma once

#include <memory>
#include <string>

#include "channel/channel.h"

namespace usher::console {

struct ConsoleOptions {
  std::string name = "console";
  std::string tenant = "default";
  std::string sender_id = "local";
  int input = 0;
  int output = 1;
  std::string prompt = "you> ";            // shown when both ends are terminals
  std::size_t max_line_bytes = 64 * 1024;  // a longer line is refused with a notice
};

// run() ends at the end of the input, and after stop(). Answers can be sent after it has ended.
std::unique_ptr<channel::Channel> make_console(ConsoleOptions options);

}  // namespace usher::console
