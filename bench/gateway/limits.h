// What this machine can do at best, measured in the same run as the gateway, so that figures travel between machines.
#pragma once

#include <filesystem>

namespace usher::bench {

struct MachineLimits {
  double commit_us = 0;          // overwriting 4 KiB of a file and fdatasync, median
  double round_trip_us = 0;      // one small HTTP exchange over loopback, median
  double round_trips_per_s = 0;  // with as many connections as senders, one client thread
  double client_cpu_us = 0;      // CPU of the client for one such exchange
  double start_us = 0;           // spawning a program that ends at once, median
  double bare_resident_mb = 0;   // resident memory of a program that only sleeps
};

// `directory`: where the gateway's data will lie.
MachineLimits measure_limits(const std::filesystem::path& directory, int connections);

}  // namespace usher::bench
