#include "statistics.h"

#include <algorithm>

namespace usher::bench {

double percentile(std::vector<double> samples, double share) {
  if (samples.empty()) return 0;
  std::size_t rank = static_cast<std::size_t>(share * static_cast<double>(samples.size() - 1) + 0.5);
  std::nth_element(samples.begin(), samples.begin() + static_cast<std::ptrdiff_t>(rank), samples.end());
  return samples[rank];
}

double median(std::vector<double> samples) { return percentile(std::move(samples), 0.5); }

}  // namespace usher::bench
