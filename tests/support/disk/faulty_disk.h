// A disk that fails when told to, beneath every SQLite database of this process: a VFS over the default one, which
// fails the N-th write, sync, truncation or opening of files whose path holds a text. Install it before the first
// database is opened; it stays to the end of the process and does nothing until there are rules. Rules come from a test
// in the same process (FaultyDisk), or from outside out of the file that USHER_FAULTY_DISK names, which is looked at
// before every operation and read when it has changed. Without such a file nothing is really synced: no test cuts the
// power, and a thousand syncs take a minute. Any thread.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace usher::testing {

enum class DiskOperation { write, sync, truncate, open };

enum class DiskFault {
  full,        // ENOSPC: nothing is done
  broken,      // EIO: nothing is done
  half_write,  // half of the bytes reach the file, then EIO; anything else than a write is just broken
  kill,        // the process dies there, as by kill -9
};

struct DiskRule {
  // Part of a path, with "$" behind it its end: "gateway.db" is the log too, "gateway.db$" and "gateway.db-wal" are
  // one.
  std::string file;
  DiskOperation operation = DiskOperation::write;
  std::size_t nth = 1;      // which of them fails, counted since the rules were set
  bool is_lasting = false;  // and all after it
  DiskFault fault = DiskFault::full;
};

// One rule a line: FILE OPERATION N FAULT, N with a "+" behind it when it is lasting: "gateway.db write 1+ full". An
// empty text is a disk without faults.
Result<std::vector<DiskRule>> disk_rules_of(std::string_view text);

// Puts the VFS beneath SQLite. Aborts when the file that USHER_FAULTY_DISK names says something else than rules.
void install_faulty_disk();

// Sets the rules of this process, and has a sound disk again at its end. One at a time.
class FaultyDisk {
 public:
  FaultyDisk();
  ~FaultyDisk();
  FaultyDisk(const FaultyDisk&) = delete;
  FaultyDisk& operator=(const FaultyDisk&) = delete;

  void fail(std::vector<DiskRule> rules);
  void mend() { fail({}); }
  // How many operations have failed since fail() was last called.
  std::size_t failures() const;
};

}  // namespace usher::testing
