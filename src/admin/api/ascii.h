// ASCII alone, as HTTP compares names: no other letter ever becomes one of these. Pure.
#pragma once

#include <algorithm>
#include <string>
#include <string_view>

namespace usher::admin {

inline char lower_case(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

inline std::string lower_case(std::string_view text) {
  std::string lowered(text);
  std::ranges::transform(lowered, lowered.begin(), [](char c) { return lower_case(c); });
  return lowered;
}

}  // namespace usher::admin
