#include "limits/counters/joined_keys.h"

#include <charconv>

namespace usher::limits {

std::string join_keys(std::span<const std::string_view> keys) {
  std::string joined;
  joined.reserve(keys.size() * 48);
  for (const std::string_view key : keys) {
    joined += std::to_string(key.size());
    joined += ':';
    joined += key;
  }
  return joined;
}

void split_keys(std::string_view joined, std::vector<std::string_view>& keys) {
  keys.clear();
  while (!joined.empty()) {
    std::size_t size = 0;
    const auto [end, error] = std::from_chars(joined.data(), joined.data() + joined.size(), size);
    const auto digits = static_cast<std::size_t>(end - joined.data());
    if (error != std::errc() || digits >= joined.size() || size > joined.size() - digits - 1) return;
    keys.push_back(joined.substr(digits + 1, size));
    joined.remove_prefix(digits + 1 + size);
  }
}

}  // namespace usher::limits
