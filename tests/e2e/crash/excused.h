// What the code under test does not do yet. A label that is passed after all, and a property that holds after all, have
// to go from here: the crash tests say so. In the end both are empty.
#pragma once

#include <array>
#include <string_view>

namespace usher::e2e::crash {

inline constexpr std::array<std::string_view, 1> kExcusedLabels{"delivery.sent"};
inline constexpr std::array<std::string_view, 1> kExcusedProperties{"shown"};  // `usher conversations`

}  // namespace usher::e2e::crash
