// memory_bench [--handles N] [--kept N] [--senders N] [--open N]
//
// What it costs that every sender has a database of their own: opening one, keeping it open, and having many senders in
// turn. Beside each figure stands the same done plainly with SQLite, in the same run. README.md says what each means.
// Exit status 1 when something that was stored was not read back.
#include <fmt/format.h>
#include <malloc.h>

#include <cstring>
#include <map>
#include <stdexcept>

#include "figures.h"

namespace usher::bench {
namespace {

struct Options {
  int handles = 512, kept = 1024, senders = 3000, open = 256;
};

Options parse(int count, char** arguments) {
  Options options;
  const std::map<std::string, int*> numbers = {{"--handles", &options.handles},
                                               {"--kept", &options.kept},
                                               {"--senders", &options.senders},
                                               {"--open", &options.open}};
  for (int i = 1; i < count; i += 2) {
    const auto number = numbers.find(arguments[i]);
    if (i + 1 >= count || number == numbers.end()) {
      throw std::invalid_argument("usage: memory_bench [--handles N] [--kept N] [--senders N] [--open N]");
    }
    *number->second = std::max(2, std::atoi(arguments[i + 1]));
  }
  return options;
}

void print_pair(const char* figure, double plain, double usher) {
  fmt::print("{:<46}{:>10.1f}{:>10.1f}{:>9.2f}\n", figure, plain, usher, usher / plain);
}

void print(const Options& options) {
  const Handles plain = measure_handles(Way::plain, options.handles);
  const Handles usher = measure_handles(Way::usher, options.handles);
  fmt::print("{} databases of one sender each\n\n{:<46}{:>10}{:>10}{:>9}\n", options.handles, "", "plain", "usher",
             "ratio");
  print_pair("a new one: open, us (median)", plain.create, usher.create);
  print_pair("  open and its first turn", plain.create_turn, usher.create_turn);
  print_pair("one that exists: open, us (median)", plain.open, usher.open);
  print_pair("  open and its first turn", plain.open_turn, usher.open_turn);
  print_pair("another turn of an open one, us (median)", plain.turn, usher.turn);
  print_pair("kB of memory each, opened and used", plain.kilobytes, usher.kilobytes);
  print_pair("  each of those that are kept open", plain.kilobytes, kept_kilobytes(options.kept));
  print_pair("kB of disk each", plain.disk_kilobytes, usher.disk_kilobytes);
  fmt::print("\n{} senders in turn, at most {} databases open\n\n{:<46}{:>10}\n", options.senders, options.open,
             "after so many senders", "RSS, MB");
  for (const Growth& growth : measure_turnover(options.senders, options.open)) {
    fmt::print("{:<46}{:>10.1f}\n", growth.senders, growth.megabytes);
  }
}

}  // namespace
}  // namespace usher::bench

int main(int count, char** arguments) {
  try {
    ::mallopt(M_ARENA_MAX, 1);  // as usher does
    usher::bench::print(usher::bench::parse(count, arguments));
    return 0;
  } catch (const std::exception& error) {
    fmt::print(stderr, "memory_bench: {}\n", error.what());
    return 1;
  }
}
