// What is measured of memories. Throws when a database fails or does not hold what it was given.
#pragma once

#include <vector>

namespace usher::bench {

enum class Way {
  plain,  // sqlite3_open, journal_mode=WAL, CREATE TABLE IF NOT EXISTS …, SQLite's own defaults
  usher,  // memory::open_memory_store
};

// Microseconds are medians over databases.
struct Handles {
  double create = 0, create_turn = 0;  // the open alone; with the turn after it
  double open = 0, open_turn = 0;
  double turn = 0;
  double kilobytes = 0;  // growth of the resident memory with every open database that has seen a turn
  double disk_kilobytes = 0;
};
// In a process of its own, whose memory is not yet used by anything else.
Handles measure_handles(Way way, int count);

// Of each of so many databases that usher keeps open for senders who came once; in a process of its own too.
double kept_kilobytes(int count);

struct Growth {
  int senders = 0;
  double megabytes = 0;  // resident
};
// Senders who come once each, through an LRU of `open` databases.
std::vector<Growth> measure_turnover(int senders, int open);

}  // namespace usher::bench
