// How the demo provider understands: words of a message against names, descriptions and schemas of the offered tools.
// Pure.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "provider/provider.h"

namespace usher::provider {

// The person's own words: what follows the last line that is exactly "</context>", or everything without one.
std::string_view own_words(std::string_view user_text);

struct DemoChoice {
  std::string tool;
  json::object arguments;
};
// The offered tool that fits best and whose required parameters can be filled from the message; nullopt when none does.
std::optional<DemoChoice> choose_tool(std::string_view message, std::span<const ToolOffer> tools);

// The arguments for one tool; nullopt when a required one is not in the message.
std::optional<json::object> fill_arguments(std::string_view message, const ToolOffer& tool);

}  // namespace usher::provider
