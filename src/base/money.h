// Money as integers of 10⁻⁶ USD: no floating point ever decides about a budget.
#pragma once

#include <compare>
#include <cstdint>
#include <string>

#include "base/result.h"

namespace usher {

struct MicroUsd {
  std::int64_t value = 0;
  friend auto operator<=>(const MicroUsd&, const MicroUsd&) = default;
};

inline MicroUsd operator+(MicroUsd a, MicroUsd b) { return {a.value + b.value}; }
inline MicroUsd operator-(MicroUsd a, MicroUsd b) { return {a.value - b.value}; }

// "0.5" dollars → 500000, rounded to the nearest millionth. Fails on negative, NaN, infinite or > 10¹² dollars.
Result<MicroUsd> micro_usd_from(double usd);
// "$0.50"; "$0.000123" where cents would hide it.
std::string to_string(MicroUsd amount);

}  // namespace usher
