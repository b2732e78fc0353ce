// The keys of an admission as one text: "3:abc2:de" for {"abc", "de"}.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace usher::limits {

std::string join_keys(std::span<const std::string_view> keys);

// Into views of `joined`, up to the first place that join_keys() cannot have written.
void split_keys(std::string_view joined, std::vector<std::string_view>& keys);

}  // namespace usher::limits
