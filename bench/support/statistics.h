// Figures out of samples.
#pragma once

#include <chrono>
#include <vector>

namespace usher::bench {

using Clock = std::chrono::steady_clock;
using Microseconds = std::chrono::duration<double, std::micro>;

inline double microseconds_between(Clock::time_point from, Clock::time_point to) {
  return Microseconds(to - from).count();
}

// The value below which `share` (0–1) of the samples lie; 0 without samples.
double percentile(std::vector<double> samples, double share);
double median(std::vector<double> samples);

}  // namespace usher::bench
