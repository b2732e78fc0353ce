#include "base/money.h"

#include <doctest/doctest.h>

#include <cmath>
#include <limits>

namespace usher {
namespace {

TEST_CASE("dollars become the nearest millionth") {
  CHECK(micro_usd_from(0.5)->value == 500'000);
  CHECK(micro_usd_from(0)->value == 0);
  CHECK(micro_usd_from(-0.0)->value == 0);
  CHECK(micro_usd_from(0.1)->value == 100'000);
  CHECK(micro_usd_from(0.29)->value == 290'000);
  CHECK(micro_usd_from(1.005)->value == 1'005'000);
  CHECK(micro_usd_from(0.0000005)->value == 1);
  CHECK(micro_usd_from(0.0000004)->value == 0);
  CHECK(micro_usd_from(1e12)->value == 1'000'000'000'000'000'000);
}

TEST_CASE("what is no amount of money is refused") {
  constexpr double infinity = std::numeric_limits<double>::infinity();
  for (double usd : {-1e-9, -1.0, infinity, -infinity, std::nan(""), 1.1e12}) {
    CAPTURE(usd);
    CHECK_FALSE(micro_usd_from(usd).has_value());
  }
}

TEST_CASE("amounts are shown in cents, and exactly where cents would hide something") {
  CHECK(to_string(MicroUsd{500'000}) == "$0.50");
  CHECK(to_string(MicroUsd{0}) == "$0.00");
  CHECK(to_string(MicroUsd{123}) == "$0.000123");
  CHECK(to_string(MicroUsd{25'000'000}) == "$25.00");
  CHECK(to_string(MicroUsd{1'234'500}) == "$1.2345");
  CHECK(to_string(MicroUsd{-20'000}) == "-$0.02");
  CHECK(to_string(MicroUsd{std::numeric_limits<std::int64_t>::min()}) == "-$9223372036854.775808");
}

}  // namespace
}  // namespace usher
