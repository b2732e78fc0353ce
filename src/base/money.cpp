#include "base/money.h"

#include <fmt/format.h>

#include <cmath>

namespace usher {

Result<MicroUsd> micro_usd_from(double usd) {
  if (!std::isfinite(usd)) return fail(ErrorKind::invalid, "an amount of money must be a finite number");
  if (usd < 0) return fail(ErrorKind::invalid, "an amount of money must not be negative");
  if (usd > 1e12) return fail(ErrorKind::invalid, "an amount of money must be at most 10^12 USD");
  return MicroUsd{std::llround(usd * 1e6)};
}

std::string to_string(MicroUsd amount) {
  bool is_negative = amount.value < 0;
  // Negated as unsigned: the smallest int64 has no positive counterpart.
  std::uint64_t micros =
      is_negative ? 0 - static_cast<std::uint64_t>(amount.value) : static_cast<std::uint64_t>(amount.value);
  std::string digits = fmt::format("{}${}.{:06}", is_negative ? "-" : "", micros / 1'000'000, micros % 1'000'000);
  for (int dropped = 0; dropped < 4 && digits.back() == '0'; ++dropped) digits.pop_back();
  return digits;
}

}  // namespace usher
